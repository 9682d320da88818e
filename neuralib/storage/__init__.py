"""Where bytes are kept: a folder, or an S3-compatible object store."""
