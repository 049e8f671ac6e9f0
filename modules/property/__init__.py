"""Real estate the citizen owns."""
