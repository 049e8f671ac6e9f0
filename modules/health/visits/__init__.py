"""Examinations and follow-up visits at a hospital (service 21)."""
