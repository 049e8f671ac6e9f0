"""The housing fund: the account, the deposits of the last year, the loan."""
