"""What happens to jobs, told at once to everybody who listens."""
