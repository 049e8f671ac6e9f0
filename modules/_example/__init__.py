"""An example to copy: public drinking fountains, which a citizen can follow.

Small, but whole: it reads an outside system and says how fresh that is, changes something once per
idempotency key, owns a table, writes to people from a scheduled job, and has a card on the home
screen. docs/adding-a-service.md tells how to copy it. Read the files in this order: module, domain,
upstream, models, store, subscription, service, graphql.

The product never loads it: folders that start with an underscore are found by tests alone.
"""
