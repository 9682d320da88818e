"""What computes: one class a file, one literal table of names."""
