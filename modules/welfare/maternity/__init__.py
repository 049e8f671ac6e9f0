"""Maternity insurance."""
