"""Service 26: care for people with type 2 diabetes."""
