"""Segments and words, and writing them."""
