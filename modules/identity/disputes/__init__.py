"""Disputes: somebody says that an account which holds their ID number is not of their making."""
