"""Service 24: the health record, all that the connected hospitals have of a person."""
