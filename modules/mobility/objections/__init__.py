"""Objections to recorded traffic violations."""
