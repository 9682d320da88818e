"""Workers: take jobs from queues and run them in one warm, isolated process."""
