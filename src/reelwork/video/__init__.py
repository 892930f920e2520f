"""From MP4 bytes to frames with exact indices and times."""
