"""Booking times: one slot engine, a declaration for each service that books with it."""
