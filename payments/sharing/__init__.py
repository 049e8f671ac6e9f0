"""What the city keeps of payments that payees' own merchants take: shares, and their returns."""
