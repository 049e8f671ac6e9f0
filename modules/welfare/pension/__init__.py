"""Pension insurance."""
