"""The migrations of appointments."""
