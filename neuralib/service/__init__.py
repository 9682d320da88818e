"""Everything that can be done with samples and jobs on a cluster."""
