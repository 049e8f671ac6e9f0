"""The migrations of health."""
