"""Which accounts have been merged into which: what stays with a closed one is its owner's.

Most rows go along with a merge (`core.people.data_rights.merge_person`). Vouchers, contracts and
logs say for good which account they were made under; their owner is found through here.
"""

from collections.abc import Sequence
from uuid import UUID

from core.context.app import App
from core.database import Transaction, connection, fetch_all, fetch_one


async def note_merge(app: App, tx: Transaction, from_id: UUID, to_id: UUID) -> None:
    """Note that an account is merged into another, with those merged into it before. Once each."""
    await tx.execute_query(
        "UPDATE core_merged_account SET owner_id = $2 WHERE owner_id = $1", [from_id, to_id]
    )
    await tx.execute_query(
        "INSERT INTO core_merged_account (id, owner_id, merged_at) VALUES ($1, $2, $3)",
        [from_id, to_id, app.clock.now()],
    )


async def find_owner(account_id: UUID) -> UUID | None:
    """The account into which this one was merged; None for one that was not."""
    row = await fetch_one(
        connection(), "SELECT owner_id FROM core_merged_account WHERE id = $1", account_id
    )
    return None if row is None else row["owner_id"]


async def list_accounts(person_id: UUID) -> Sequence[UUID]:
    """A person's account and all that were merged into it."""
    rows = await fetch_all(
        connection(), "SELECT id FROM core_merged_account WHERE owner_id = $1", person_id
    )
    return [person_id, *(row["id"] for row in rows)]
