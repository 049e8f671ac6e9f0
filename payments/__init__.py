"""Money: the ledger, payment intents, PSP adapters, reconciliation. The door is payments.api."""
