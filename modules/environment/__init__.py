"""Springs and air."""
