"""Where officers of banks and of the platform do their work on loans."""
