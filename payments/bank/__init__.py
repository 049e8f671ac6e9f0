"""Our account at the bank: its statements, what PSPs settle to it, what payees are paid from it."""
