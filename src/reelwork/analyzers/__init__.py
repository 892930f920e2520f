"""Analyzers: plugins that answer one question about every frame.

Plugin authors import everything they need from here.
"""

from reelwork.analyzers.analyzer import Analyzer, AnalyzerContext, AnalyzerSettings, Inputs, Json
from reelwork.video.frame import Frame

__all__ = ["Analyzer", "AnalyzerContext", "AnalyzerSettings", "Frame", "Inputs", "Json"]
