"""Re-issues of invoices in another name."""
