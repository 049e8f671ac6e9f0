"""The commands of `quancheng credit`."""
