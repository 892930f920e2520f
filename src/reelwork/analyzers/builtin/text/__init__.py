"""Optical character recognition: the text in the frame, or in the boxes another node found."""

from reelwork.analyzers.builtin.text.analyzer import Text
from reelwork.analyzers.builtin.text.settings import TextSettings

__all__ = ["Text", "TextSettings"]
