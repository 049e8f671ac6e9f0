"""Car parks: where there is room, and what a stay costs."""
