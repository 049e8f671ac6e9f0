"""The city's services, one folder a domain."""
