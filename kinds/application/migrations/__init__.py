"""The migrations of applications."""
