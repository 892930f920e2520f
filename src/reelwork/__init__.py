"""Reelwork: a durable video-analysis job service."""

__version__ = "0.1.0"
