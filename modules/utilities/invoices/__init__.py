"""Electronic invoices of bills, issued by their billers."""
