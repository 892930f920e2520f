"""Analyzers: plugins that answer one question about every frame.

Plugin authors import everything they need from here.
"""

import os

from reelwork.analyzers.analyzer import Analyzer, AnalyzerContext, AnalyzerSettings, Inputs, Json, SequenceAnalyzer
from reelwork.video.frame import Frame, Moment

# onnxruntime tells its makers who uses it, unless this is set before it is imported. Nothing here calls anybody.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__all__ = ["Analyzer", "AnalyzerContext", "AnalyzerSettings", "Frame", "Inputs", "Json", "Moment", "SequenceAnalyzer"]
