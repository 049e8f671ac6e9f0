"""The migrations of payments."""
