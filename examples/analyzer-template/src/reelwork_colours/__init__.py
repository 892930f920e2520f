"""A Reelwork analyzer that tells the colours that a frame consists of."""
