"""What may be said, to whom, and by which rules."""
