"""Checkpoints: the catalogue, and the store that keeps them on this machine."""
