"""Registering with a doctor of a hospital (service 20)."""
