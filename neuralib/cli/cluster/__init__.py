"""What the commands about a cluster do; nothing in here is loaded before one is run."""
