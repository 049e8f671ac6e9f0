"""The migrations of this module, applied with everybody's in one transaction."""
