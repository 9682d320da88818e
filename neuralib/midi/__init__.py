"""Notes, and writing them."""
