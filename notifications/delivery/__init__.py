"""Handing deliveries to providers."""
