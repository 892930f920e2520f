"""Where uploaded videos and results are kept."""
