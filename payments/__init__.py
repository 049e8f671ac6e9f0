"""Money: the ledger, payment intents, PSP adapters. The door is payments.api."""
