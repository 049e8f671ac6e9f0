"""Double entry in fen. The database itself refuses what a ledger must never hold."""
