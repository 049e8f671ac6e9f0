"""Signing in elsewhere with the account of this city: an OpenID provider."""
