"""Proofs of the person that count for more than a typed name and number."""
