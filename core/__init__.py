"""The ground floor: what every wing stands on and nothing of any service."""
