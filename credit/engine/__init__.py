"""The scoring engine: loads signed models and decides with numpy and the standard library alone."""
