"""Passkeys: keys in people's own devices instead of texts."""
