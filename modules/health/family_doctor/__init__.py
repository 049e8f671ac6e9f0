"""Service 30: signing up with a family doctor's team."""
