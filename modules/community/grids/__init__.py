"""The grid in which a place lies, and how its worker is reached."""
