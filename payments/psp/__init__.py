"""Payment service providers: one protocol, one adapter each."""
