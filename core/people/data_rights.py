"""What the house holds about a person, all wings together: handing it out, forgetting it, sealing
it under the newest key. Each wing declares its tables (`core.people.personal_table`), and what no
table says in plain functions, at one extension point.

PIPL Art. 45 (copy and portability), 47 (deletion; what the law keeps is named), 51 (encryption).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import structlog
from tortoise.expressions import Q

from core.bus import bus
from core.clock import civil_date
from core.context.app import App
from core.database import IntegrityError, Transaction, connection, fetch_all, transaction
from core.people.merged_accounts import list_accounts, note_merge
from core.people.personal_table import (
    Cleared,
    Deleted,
    Held,
    PersonalTable,
    Sealed,
    Section,
    Through,
)
from core.queue.jobs import Lane, job
from core.rooms import ExtensionPoint
from core.security import authentication
from core.security.vault import Vault
from core.texts import Text

NAMED = "people.named"
"""The bus topic that tells the ids of people who count by another number now."""
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
class Hold:
    """Something that the law keeps in spite of an erasure; `until_on` None while it is under way.

    What is under way has to end before an account is closed.
    """

    what: str
    reason: Text
    until_on: date | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether it still goes on."""
        return self.until_on is None


@dataclass(frozen=True, slots=True)
class PersonalData:
    """What a wing holds about people: its tables, and functions for what no table says.

    Several rooms of a wing may each declare a part, under the wing's name. `read(app, person_id)`
    gives further sections of an export, `holds(app, person_id)` names what else must stay.
    `erase(app, tx, person_id)` runs before the tables are erased, is repeat-safe, and is in one
    transaction with all other wings. `settle(app, person_id)` ends what is under way and can be
    ended by the person, before that; repeat-safe. `named(app, tx, person_id, number)` is told by
    which number a person counts from now on, who counted by a phone before.
    """

    name: str
    tables: Sequence[PersonalTable] = ()
    withheld: Sequence[Withheld] = ()
    read: Callable[[App, UUID], Awaitable[Mapping[str, Any]]] | None = None
    holds: Callable[[App, UUID], Awaitable[Sequence[Hold]]] | None = None
    erase: Callable[[App, Transaction, UUID], Awaitable[None]] | None = None
    settle: Callable[[App, UUID], Awaitable[None]] | None = None
    named: Callable[[App, Transaction, UUID, str], Awaitable[None]] | None = None


PERSONAL_DATA = ExtensionPoint("personal data", PersonalData, key=id)


async def export_person(app: App, person_id: UUID) -> Mapping[str, Exported]:
    """Everything held about a person, by wing."""
    exports: dict[str, Exported] = {}
    accounts = await list_accounts(person_id)
    for part in app.extensions(PERSONAL_DATA):
        before = exports.get(part.name, Exported({}))
        data = {**before.data, **await _export(app, part, person_id, accounts)}
        exports[part.name] = Exported(data, (*before.withheld, *part.withheld))
    return exports


async def _export(
    app: App, part: PersonalData, person_id: UUID, accounts: Sequence[UUID]
) -> Mapping[str, Any]:
    data = dict(await part.read(app, person_id)) if part.read else {}
    for table in part.tables:
        if table.exported is not None:
            data[table.exported.name] = await _rows(app.vault, table, table.exported, accounts)
    return data


async def _rows(
    vault: Vault, table: PersonalTable, section: Section, accounts: Sequence[UUID]
) -> list[dict[str, Any]]:
    """A person's rows as they are handed out, the oldest first."""
    owned = table.model.filter(await _owned(table, accounts)).order_by(table.key)
    rows = [_opened(vault, table, row) for row in await owned.values()]
    return [
        {
            name: _plain(row[value] if isinstance(value, str) else value(row))
            for name, value in section.values.items()
        }
        for row in rows
    ]


async def _owned(table: PersonalTable, accounts: Sequence[UUID]) -> Q:
    """The condition that a row is of the person with these accounts."""
    owner = table.owner
    if isinstance(owner, Through):
        parents = owner.parent.model.filter(await _owned(owner.parent, accounts))
        keys = await parents.values_list(owner.parent.key, flat=True)
        return _among(owner.column, keys)
    columns = (owner,) if isinstance(owner, str) else owner
    return Q(*(_among(column, accounts) for column in columns), join_type=Q.OR)


def _among(column: str, values: Any) -> Q:
    return Q(**{f"{column}__in": values})


def _opened(vault: Vault, table: PersonalTable, row: dict[str, Any]) -> dict[str, Any]:
    """A row with its sealed columns decrypted."""
    for sealed in table.sealed:
        if row[sealed.column] is not None:
            row[sealed.column] = vault.decrypt(bytes(row[sealed.column]), sealed.purpose)
    return row


def _plain(value: Any) -> Any:
    """A value as JSON has it. Raises TypeError for bytes: they are sealed or an index."""
    if isinstance(value, bytes | memoryview):
        raise TypeError("bytes are not handed out")
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


async def find_holds(app: App, person_id: UUID) -> Mapping[str, Sequence[Hold]]:
    """What the law keeps of a person, by wing; wings that keep nothing are not in it."""
    found: dict[str, list[Hold]] = {}
    accounts = await list_accounts(person_id)
    for part in app.extensions(PERSONAL_DATA):
        found.setdefault(part.name, []).extend(await _holds(app, part, person_id, accounts))
    return {name: holds for name, holds in found.items() if holds}


async def _holds(
    app: App, wing: PersonalData, person_id: UUID, accounts: Sequence[UUID]
) -> Sequence[Hold]:
    holds = list(await wing.holds(app, person_id)) if wing.holds else []
    for table in wing.tables:
        if isinstance(table.erased, Held):
            until_on = await _held_until(table, table.erased, accounts)
            if until_on is not None and until_on >= civil_date(app.clock.now()):
                holds.append(Hold(table.erased.what, table.erased.reason, until_on))
    return holds


async def _held_until(table: PersonalTable, held: Held, accounts: Sequence[UUID]) -> date | None:
    """The last day on which a person's rows are held; None where there is no row."""
    owned = table.model.filter(await _owned(table, accounts)).order_by(f"-{held.since}")
    last = await owned.first()
    return None if last is None else held.until(civil_date(getattr(last, held.since)))


async def settle_person(app: App, person_id: UUID) -> None:
    """Have every wing end what is under way for a person and can be ended. Repeat-safe.

    A wing that fails keeps no other from its own; what the first failed at is raised at the end.
    """
    failures = []
    for part in app.extensions(PERSONAL_DATA):
        try:
            if part.settle:
                await part.settle(app, person_id)
        except Exception as error:
            log.warning("wing not settled", wing=part.name, exc_info=error)
            failures.append(error)
    if failures:
        raise failures[0]


async def name_person(app: App, tx: Transaction, person_id: UUID, number: str) -> None:
    """Tell every wing, within `tx`, by which number a person counts from now on: `lasting_no`, or a
    phone while there is none. Repeat-safe."""
    for part in app.extensions(PERSONAL_DATA):
        if part.named:
            await part.named(app, tx, person_id, number)
    await bus.publish(tx, NAMED, str(person_id))


async def erase_person(app: App, tx: Transaction, person_id: UUID) -> Sequence[str]:
    """Let every wing forget a person, but for what it holds; returns the wings asked."""
    parts, accounts = app.extensions(PERSONAL_DATA), await list_accounts(person_id)
    for part in parts:
        if part.erase:
            await part.erase(app, tx, person_id)
        for table in part.tables:
            await _erase(tx, table, accounts)
    return list(dict.fromkeys(part.name for part in parts))


async def merge_person(app: App, tx: Transaction, from_id: UUID, to_id: UUID) -> None:
    """Give everything that an account has to another account of the same person.

    Every declared table takes part that does not say otherwise and is not only appended to. Where
    the other account has the same already (a setting, a link) its own stays and the double goes,
    unless the table tells what makes it `exclusive`.
    What stays with the old account is its new owner's by `core.people.merged_accounts`. Access
    tokens that name the old one end: who has one refreshes it, and is the other account then.
    """
    await note_merge(app, tx, from_id, to_id)
    await authentication.revoke(tx, app.clock, from_id)
    kept = {name for manifest in app.manifests for name in manifest.append_only}
    for part in app.extensions(PERSONAL_DATA):
        for table in part.tables:
            moves = table.merged and table.name not in kept
            if moves and not isinstance(table.owner, Through):
                for column in (table.owner,) if isinstance(table.owner, str) else table.owner:
                    if column != "id":
                        await _move_rows(tx, table, column, from_id, to_id)
                if table.owner != "id":
                    await _erase(tx, table, [from_id])


async def _move_rows(
    tx: Transaction, table: PersonalTable, column: str, from_id: UUID, to_id: UUID
) -> None:
    rows = await fetch_all(
        tx,
        f"SELECT {table.key} AS key FROM {table.name} WHERE {column} = $1",  # noqa: S608
        from_id,
    )
    changes = [f"{column} = $2"]
    if table.exclusive is not None:
        changes.append(f"{column} = $2, {table.exclusive} = NULL")
    for row in rows:
        values = [from_id, to_id, row["key"]]
        for change in changes:
            where = f"{column} = $1 AND {table.key} = $3"
            if await _has_place(tx, f"UPDATE {table.name} SET {change} WHERE {where}", values):  # noqa: S608
                break


async def _has_place(tx: Transaction, update: str, values: Sequence[object]) -> bool:
    """Move a row, unless one stands in its place."""
    await tx.execute_query("SAVEPOINT merge_row")
    try:
        await tx.execute_query(update, list(values))
    except IntegrityError:
        await tx.execute_query("ROLLBACK TO SAVEPOINT merge_row")
        has_place = False
    else:
        has_place = True
    await tx.execute_query("RELEASE SAVEPOINT merge_row")
    return has_place


async def _erase(tx: Transaction, table: PersonalTable, accounts: Sequence[UUID]) -> None:
    match table.erased:
        case Deleted(unless=column):
            owned = table.model.filter(await _owned(table, accounts)).using_db(tx)
            await (owned.filter(**{f"{column}__isnull": True}) if column else owned).delete()
        case Cleared(columns=columns):
            owned = table.model.filter(await _owned(table, accounts)).using_db(tx)
            await owned.update(**columns)


def _sealed(app: App) -> Sequence[tuple[PersonalTable, Sealed]]:
    tables = [table for part in app.extensions(PERSONAL_DATA) for table in part.tables]
    return [(table, sealed) for table in tables for sealed in table.sealed]


@job("core.reseal", lane=Lane.BULK, timeout_s=3600, every="30 19 * * *")
async def reseal(app: App) -> None:
    """Encrypt anew what stands under an older key. Repeat-safe, in small steps.

    A value that changes meanwhile is sealed under the newest key by whoever changes it.
    """
    app.vault.reload()
    for table, sealed in _sealed(app):
        unreadable: set[str] = set()
        while await _reseal_batch(app, table, sealed, unreadable):
            pass


async def _reseal_batch(
    app: App, table: PersonalTable, sealed: Sealed, unreadable: set[str]
) -> int:
    """Reseal some values; those that cannot be opened are noted and left as they are."""
    column, key = sealed.column, table.key
    async with transaction() as tx:
        rows = await fetch_all(
            tx,
            f"SELECT {key} AS key, {column} AS sealed FROM {table.name} "  # noqa: S608 - names from models
            f"WHERE {column} IS NOT NULL AND length({column}) > 0 "
            f"AND get_byte({column}, 0) <> $1 AND NOT {key}::text = ANY($3) "
            "LIMIT $2 FOR UPDATE SKIP LOCKED",
            app.vault.newest,
            _BATCH,
            sorted(unreadable),
        )
        for row in rows:
            try:
                plain = app.vault.decrypt(bytes(row["sealed"]), sealed.purpose)
            except Exception as error:
                unreadable.add(str(row["key"]))
                log.error("value not opened", table=table.name, error=type(error).__name__)
                app.metrics.sweep_row("core.reseal", "failed")
                continue
            await tx.execute_query(
                f"UPDATE {table.name} SET {column} = $2 WHERE {key} = $1",  # noqa: S608
                [row["key"], app.vault.encrypt(plain, sealed.purpose)],
            )
    return len(rows)


async def count_old(app: App) -> int:
    """How many values still stand under an older key than the newest."""
    total = 0
    for table, sealed in _sealed(app):
        rows = await fetch_all(
            connection(),
            f"SELECT count(*) AS old FROM {table.name} WHERE length({sealed.column}) > 0 "  # noqa: S608
            f"AND get_byte({sealed.column}, 0) <> $1",
            app.vault.newest,
        )
        total += rows[0]["old"]
    return total
