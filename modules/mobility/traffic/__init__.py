"""Traffic: how the roads are, what happens on them, at which speed the lights are green."""
