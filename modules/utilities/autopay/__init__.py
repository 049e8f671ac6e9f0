"""Autopay: bills of an account paid within limits that its payer has agreed to."""
