"""What several systems have in common: registries of people, receipts, a cashier page."""
