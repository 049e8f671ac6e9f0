"""A lookup: what a registry has on record about a person."""
