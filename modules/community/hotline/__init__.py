"""Service 36: a request to the 12345 hotline."""
