"""The decision log: a chain of entries that nobody can rewrite."""
