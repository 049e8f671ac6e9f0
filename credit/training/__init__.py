"""Offline training and validation: the only place that fits anything."""
