"""A server for the tests: redis."""
