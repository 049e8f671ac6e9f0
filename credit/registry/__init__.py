"""Which model and which policy may do what, and on what evidence."""
