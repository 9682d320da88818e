"""A server for the tests: postgres."""
