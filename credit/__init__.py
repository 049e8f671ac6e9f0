"""SME credit: the scoring engine, offline training, lending, the banks' API."""
