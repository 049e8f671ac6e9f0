"""A payment: bills of a person at a payee, each paid once."""
