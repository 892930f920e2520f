"""Analyzers: plugins that answer one question about every frame.

Plugin authors import everything they need from here.
"""

from reelwork.analyzers.analyzer import Analyzer, AnalyzerContext, AnalyzerSettings, Inputs, Json, SequenceAnalyzer
from reelwork.video.frame import Frame, Moment

__all__ = ["Analyzer", "AnalyzerContext", "AnalyzerSettings", "Frame", "Inputs", "Json", "Moment", "SequenceAnalyzer"]
