"""Shares and their returns as they are kept: their lives, their tables, every query on them."""
