"""The database: its pool and transactions here; idempotency keys and rate limits beside it."""

from core.database.locks import lock_name
from core.database.pool import (
    CONNECTION_LOST,
    IntegrityError,
    PooledConnection,
    Transaction,
    connection,
    fetch_all,
    fetch_model,
    fetch_one,
    is_connection_lost,
    is_unavailable,
    parse_url,
    raw_connection,
    refuse_in_transaction,
    tortoise_config,
    transaction,
    update_model,
    violated,
)

__all__ = [
    "CONNECTION_LOST",
    "IntegrityError",
    "PooledConnection",
    "Transaction",
    "connection",
    "fetch_all",
    "fetch_model",
    "fetch_one",
    "is_connection_lost",
    "is_unavailable",
    "lock_name",
    "parse_url",
    "raw_connection",
    "refuse_in_transaction",
    "tortoise_config",
    "transaction",
    "update_model",
    "violated",
]
