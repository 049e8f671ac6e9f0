"""Locks by name, for what has no row to lock: held until the transaction ends."""

from collections.abc import Collection

from core.database.pool import Transaction


async def lock_name(tx: Transaction, name: str, *, shared: bool = False) -> None:
    """Wait until no other transaction holds this name; several may hold it `shared`.

    `name` begins with what it is about ("bills:<citizen id>"), so that nobody meets another's.
    """
    lock = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
    await tx.execute_query(f"SELECT {lock}(hashtextextended($1, 0))", [name])


async def lock_names(tx: Transaction, names: Collection[str]) -> None:
    """The same for several names, always in one order, so that no two wait for one another."""
    await tx.execute_query(
        "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest($1::text[]) AS name",
        [sorted(names)],
    )
