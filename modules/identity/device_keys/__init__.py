"""Keys in phones that sessions are bound to."""
