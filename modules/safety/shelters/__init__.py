"""Where to go in an emergency."""
