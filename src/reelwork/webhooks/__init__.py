"""Tell clients that their jobs are over, as Standard Webhooks says."""
