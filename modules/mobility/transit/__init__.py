"""Riding buses and the metro: the ride code, trips, unpaid fares."""
