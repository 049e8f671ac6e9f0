"""Service 25: care for people with high blood pressure."""
