"""Basic Pitch."""
