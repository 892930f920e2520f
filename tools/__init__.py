"""Checks that keep the tree, its words and its contract as they are meant; not shipped."""
