"""What several systems have in common: registries, insurance, receipts, open data, a cashier."""
