"""One task on many inputs: their names, their records, and runs on this machine."""
