"""What the house holds about a person, all wings together: handing it out, forgetting it, sealing
it under the newest key. Each wing says what is its own, at three extension points.

PIPL Art. 45 (copy and portability), 47 (deletion; what the law keeps is named), 51 (encryption).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from core.database import Transaction, connection, fetch_all, transaction
from core.texts import Text

if TYPE_CHECKING:
    from core.context.app import App

EXPORTS = "privacy.export"
ERASURES = "privacy.erasure"
SEALED = "pii.columns"

_BATCH = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Withheld:
    """Something that is held but not handed out, and why not."""

    what: str
    reason: Text


@dataclass(frozen=True, slots=True)
class Exported:
    """A wing's part of an export: `data` is ready for JSON."""

    data: Mapping[str, Any]
    withheld: Sequence[Withheld] = ()


@dataclass(frozen=True, slots=True)
class Export:
    """How a wing hands out what it holds: `read(app, person_id)`."""

    name: str
    read: Callable[["App", UUID], Awaitable[Exported]]


@dataclass(frozen=True, slots=True)
class Hold:
    """Something that the law keeps in spite of an erasure; `until_on` None while it is open."""

    what: str
    reason: Text
    until_on: date | None = None


@dataclass(frozen=True, slots=True)
class Erasure:
    """How a wing forgets a person.

    `holds(app, person_id)` names what must stay; `erase(app, tx, person_id)` removes everything
    else, is repeat-safe, and runs in one transaction with all other wings.
    """

    name: str
    holds: Callable[["App", UUID], Awaitable[Sequence[Hold]]]
    erase: Callable[["App", Transaction, UUID], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column that the vault encrypts: the table's key and the purpose bound into the value."""

    table: str
    column: str
    purpose: str
    key: str = "id"


async def export_person(app: "App", person_id: UUID) -> Mapping[str, Exported]:
    """Everything held about a person, by wing."""
    exports: Sequence[Export] = app.extensions(EXPORTS)
    return {export.name: await export.read(app, person_id) for export in exports}


async def find_holds(app: "App", person_id: UUID) -> Mapping[str, Sequence[Hold]]:
    """What the law keeps of a person, by wing; wings that keep nothing are not in it."""
    erasures: Sequence[Erasure] = app.extensions(ERASURES)
    found = {erasure.name: await erasure.holds(app, person_id) for erasure in erasures}
    return {name: holds for name, holds in found.items() if holds}


async def erase_person(app: "App", tx: Transaction, person_id: UUID) -> Sequence[str]:
    """Let every wing forget a person, but for what it holds; returns the wings asked."""
    erasures: Sequence[Erasure] = app.extensions(ERASURES)
    for erasure in erasures:
        await erasure.erase(app, tx, person_id)
    return [erasure.name for erasure in erasures]


async def reseal(app: "App", _payload: Mapping[str, Any]) -> None:
    """Scheduled job: encrypt anew what stands under an older key. Repeat-safe, in small steps.

    A value that changes meanwhile is sealed under the newest key by whoever changes it.
    """
    app.vault.reload()
    columns: Sequence[Sequence[SealedColumn]] = app.extensions(SEALED)
    for column in (column for group in columns for column in group):
        unreadable: set[str] = set()
        while await _reseal_batch(app, column, unreadable):
            pass


async def _reseal_batch(app: "App", column: SealedColumn, unreadable: set[str]) -> int:
    """Reseal some values; those that cannot be opened are noted and left as they are."""
    async with transaction() as tx:
        rows = await fetch_all(
            tx,
            f"SELECT {column.key} AS key, {column.column} AS sealed FROM {column.table} "  # noqa: S608 - names from manifests
            f"WHERE {column.column} IS NOT NULL AND length({column.column}) > 0 "
            f"AND get_byte({column.column}, 0) <> $1 AND NOT {column.key}::text = ANY($3) "
            "LIMIT $2 FOR UPDATE SKIP LOCKED",
            app.vault.newest,
            _BATCH,
            sorted(unreadable),
        )
        for row in rows:
            try:
                plain = app.vault.decrypt(bytes(row["sealed"]), column.purpose)
            except Exception as error:
                unreadable.add(str(row["key"]))
                log.error("value not opened", table=column.table, error=type(error).__name__)
                app.metrics.sweep_row("core.reseal", "failed")
                continue
            await tx.execute_query(
                f"UPDATE {column.table} SET {column.column} = $2 WHERE {column.key} = $1",  # noqa: S608
                [row["key"], app.vault.encrypt(plain, column.purpose)],
            )
    return len(rows)


async def count_old(app: "App") -> int:
    """How many values still stand under an older key than the newest."""
    columns: Sequence[Sequence[SealedColumn]] = app.extensions(SEALED)
    total = 0
    for column in (column for group in columns for column in group):
        rows = await fetch_all(
            connection(),
            f"SELECT count(*) AS old FROM {column.table} WHERE length({column.column}) > 0 "  # noqa: S608
            f"AND get_byte({column.column}, 0) <> $1",
            app.vault.newest,
        )
        total += rows[0]["old"]
    return total
