"""A server for the tests: s3."""
