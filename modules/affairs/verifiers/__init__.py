"""Those who check licences: their keys, and the address at which they read a code."""
