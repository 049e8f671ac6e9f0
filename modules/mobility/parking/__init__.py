"""Parking by number plate: linked plates, stays, paying one."""
