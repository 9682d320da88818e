"""Samples and jobs, and the SQL that keeps them: what is true on a cluster."""
