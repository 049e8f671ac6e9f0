"""Service 32: filing treatment away from home with the medical insurance."""
