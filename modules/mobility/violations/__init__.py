"""Traffic violations: what is open, what is settled, the points that are left."""
