"""Service 28: growth and check-ups of small children."""
