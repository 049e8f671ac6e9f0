"""Outgoing webhooks: news for other people's systems, by Standard Webhooks."""
