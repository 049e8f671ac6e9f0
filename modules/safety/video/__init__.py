"""Service 58: guardians see the permitted cameras of their child's school, and it is noted."""
