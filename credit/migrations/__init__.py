"""The migrations of credit."""
