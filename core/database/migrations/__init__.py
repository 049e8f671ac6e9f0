"""The ground floor's migrations."""
