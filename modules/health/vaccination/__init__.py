"""Vaccinations: what is due, and a clinic's number for a dose that is."""
