"""Unemployment insurance."""
