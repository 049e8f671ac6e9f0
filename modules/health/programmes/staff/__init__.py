"""What family doctors do with the care of others."""
