"""Getting around: transit, traffic, parking, violations."""
