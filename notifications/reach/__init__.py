"""How somebody may be reached: addresses, what they refuse, their quiet hours, today's caps."""
