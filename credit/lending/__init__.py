"""Loans for small companies: products, applications, offers, contracts and servicing."""
