"""The registry of government items: what can be applied for, as everybody here reads it."""
