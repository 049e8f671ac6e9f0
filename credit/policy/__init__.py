"""What stands between a bank's risk and a decision: rules, limits and prices as files."""
