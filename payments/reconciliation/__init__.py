"""The day after: statements of PSPs and payees against the ledger, cases, payouts to payees."""
