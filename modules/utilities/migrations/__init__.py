"""The migrations of bills."""
