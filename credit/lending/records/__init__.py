"""The tables of lending, every query of them, its events and its words."""
