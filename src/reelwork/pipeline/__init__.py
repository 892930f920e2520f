"""Run a named graph of analyzers over the frames of an MP4."""
