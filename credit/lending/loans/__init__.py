"""Loans in service: their dated events, and everything that follows from them."""
