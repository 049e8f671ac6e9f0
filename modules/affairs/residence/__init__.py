"""Service 7: applying for a residence permit."""
