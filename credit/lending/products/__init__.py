"""Loan products: versioned data that two people put in force."""
