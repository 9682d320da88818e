"""Real servers on loopback, started when a test asks for one."""
