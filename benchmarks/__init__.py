"""Measurements, each a ratio between two ways taken side by side in one run; never part of the tests."""
