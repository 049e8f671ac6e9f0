"""Service 1: government items, found by whatever words a citizen has for them."""
