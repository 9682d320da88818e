"""Who runs next: job ids on their way to a worker."""
