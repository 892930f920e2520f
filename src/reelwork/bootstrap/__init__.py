"""The composition root: settings in, services out. The only place that names adapters.

One module for each kind of process, so that each imports what it works with and nothing else.
"""
