"""The analyzers that come with Reelwork; all work offline from what their packages ship."""
