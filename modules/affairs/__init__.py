"""Government affairs: items, cases, licences, outlets."""
