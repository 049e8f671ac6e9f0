"""What a loan costs and when it is paid: pure rules on dates and fen."""
