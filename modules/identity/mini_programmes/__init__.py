"""Signing in from the mini-programmes of other platforms."""
