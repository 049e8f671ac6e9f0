"""Every table that knows a person declares it; what is declared is what export and erasure do."""

import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.models import Model

from core.context.app import App
from core.context.call import Call
from core.database import parse_url, transaction
from core.json import to_json
from core.manifest import discover
from core.people.data_rights import (
    PERSONAL_DATA,
    PersonalData,
    count_old,
    erase_person,
    export_person,
    find_holds,
    merge_person,
    reseal,
)
from core.people.personal_read import list_access
from core.people.personal_table import Cleared, Deleted, Held, PersonalTable, Stays, Through
from core.processes.embedded import DatabaseUrls
from core.rooms import classes_of
from core.security.keys import add_data_key, ensure_sandbox_keys
from modules.identity.models import BIRTH_CERTIFICATE, Citizen
from tests.conftest import NOON
from tests.people import make_citizen

_NUMBERS = count(1)

PERSONAL = re.compile(
    r"(citizen|person|payer|subject|actor|owner|user|guardian)_id|\w+_by|booked_for|subject"
    r"|\w+_sealed|(person|subject)_key|(phone|resident|birth|plate)_index|client_address|device_hash"
)
"""Columns that hold a person, or something of theirs."""

UNDECLARED = {
    "appointments_booking.person_key": "an index of who comes; dropped with the person",
    "appointments_booking.replaced_by": "another booking",
    "appointments_limit_use.person_key": "an index; goes with its booking",
    "appointments_ticket.person_key": "an index; goes with its ticket",
    "appointments_wait.person_key": "an index; goes with its row",
    "appointments_wait.subject_key": "an index; goes with its row",
    "core_access_flag.actor_id": "a member of staff who looked at many people: kept",
    "core_access_log.actor_id": "who looked: withheld from whom it is about",
    "core_consent.granted_by": "the person, or their guardian: kept as the consent is",
    "core_idempotency.subject": "who acts; seven days",
    "identity_citizen.birth_index": "an index; dropped with the account",
    "identity_citizen.phone_index": "an index; dropped with the account",
    "identity_citizen.resident_index": "an index; dropped with the account",
    "identity_death.resident_index": "an index of who has died: nobody may take the name",
    "identity_login_code.phone_index": "an index; dropped with the account, and after a day",
    "identity_mandate.ended_by": "one of the two parties, or staff",
    "identity_mandate.phone_index": "an index; dropped when the proposal is answered",
    "identity_recovery.resident_index": "an index of the number that stays sealed beside it",
    "identity_session.device_hash": "an index; kept with the ended session",
    "mobility_parking_charge.plate_index": "an index without a person; forgotten by a job",
    "mobility_plate.plate_index": "an index; goes with its row",
    "payments_closing.closed_by": "a member of staff, or the job: part of the books",
    "payments_intent.client_address": "part of the voucher",
}
"""Personal columns that no declaration covers, and why. Never add one: declare its table."""

HOUSE = discover(examples=True)
WINGS: list[PersonalData] = PERSONAL_DATA.of(HOUSE)
TABLES = [table for wing in WINGS for table in wing.tables]


def _models() -> Iterator[type[Model]]:
    for manifest in HOUSE:
        yield from (item for item in classes_of(manifest) if issubclass(item, Model))


def _owners(table: PersonalTable) -> tuple[str, ...]:
    if isinstance(table.owner, Through):
        return (table.owner.column,)
    return (table.owner,) if isinstance(table.owner, str) else tuple(table.owner)


def test_every_column_that_holds_a_person_is_declared() -> None:
    declared = {
        f"{table.name}.{column}"
        for table in TABLES
        for column in (*_owners(table), *(sealed.column for sealed in table.sealed))
    }
    found = {
        f"{model._meta.db_table}.{column}"
        for model in _models()
        for column, field in model._meta.fields_map.items()
        if PERSONAL.fullmatch(column) and not isinstance(field, fields.DatetimeField)
    }
    assert len(found) > 40
    assert found - declared == UNDECLARED.keys()


def test_no_two_tables_of_a_wing_are_exported_under_one_name() -> None:
    names = [
        (wing.name, table.exported.name)
        for wing in WINGS
        for table in wing.tables
        if table.exported is not None
    ]
    assert len(set(names)) == len(names)


def test_declarations_name_columns_that_are_there_and_each_table_once() -> None:
    assert len({table.name for table in TABLES}) == len(TABLES)
    for table in TABLES:
        named = {*_owners(table), *(sealed.column for sealed in table.sealed)}
        if table.exported is not None:
            named |= {value for value in table.exported.values.values() if isinstance(value, str)}
        match table.erased:
            case Deleted(unless=str(column)):
                named.add(column)
            case Cleared(columns=columns):
                named |= columns.keys()
            case Held(since=column):
                named.add(column)
        assert named <= table.model._meta.fields_map.keys(), table.name
    for wing in WINGS:
        sections = [table.exported.name for table in wing.tables if table.exported is not None]
        assert len(sections) == len(set(sections)), wing.name


@pytest.fixture
def keys_dir(tmp_path: Path) -> Path:
    """Keys of its own: another is made here."""
    ensure_sandbox_keys(tmp_path / "keys")
    return tmp_path / "keys"


@pytest.fixture
async def lenient(database: DatabaseUrls, app: App) -> App:
    """An App whose database takes any row: what a table refuses is not asked here.

    References among tables of people stay: an erasure has to heed them.
    """
    owner = await asyncpg.connect(**parse_url(database.owner))
    try:
        for table in TABLES:
            await owner.execute(f"ALTER TABLE {table.name} DISABLE TRIGGER USER")
            for row in await owner.fetch(
                "SELECT conname FROM pg_constraint WHERE conrelid = $1::regclass AND (contype = 'c'"
                " OR contype = 'f' AND NOT confrelid = ANY($2::text[]::regclass[]))",
                table.name,
                [other.name for other in TABLES],
            ):
                await owner.execute(f'ALTER TABLE {table.name} DROP CONSTRAINT "{row["conname"]}"')
    finally:
        await owner.close()
    return app


def _value(app: App, table: PersonalTable, name: str, field: fields.Field[Any]) -> Any:
    purpose = {sealed.column: sealed.purpose for sealed in table.sealed}.get(name)
    if purpose is not None:
        return app.vault.encrypt('["a", "b"]', purpose)
    match field:
        case fields.UUIDField():
            return uuid4()
        case fields.CharField():
            return uuid4().hex[: field.max_length]
        case fields.DatetimeField():
            return NOON
        case fields.DateField():
            return NOON.date()
        case fields.BinaryField():
            return uuid4().bytes
        case fields.JSONField():
            return ["a"]
        case fields.BooleanField():
            return False
        case ArrayField():
            return [uuid4()]
        case _:
            return next(_NUMBERS)


async def _fill(app: App, table: PersonalTable, person_id: UUID, **columns: Any) -> None:
    """A row of a person with something in every column, and the rows that it follows from."""
    row = {name: _value(app, table, name, f) for name, f in table.model._meta.fields_map.items()}
    if isinstance(table.owner, Through):
        parent = table.owner.parent.model.filter(**{_owners(table.owner.parent)[0]: person_id})
        columns[table.owner.column] = (await parent.get()).pk
    else:
        columns[_owners(table)[0]] = person_id
    await table.model.create(**row | columns)


async def _count(table: PersonalTable, person_id: UUID) -> int:
    return await table.model.filter(**{_owners(table)[0]: person_id}).count()


async def test_an_export_has_every_declared_row_of_ones_own(lenient: App) -> None:
    people = [await make_citizen(lenient, level=2, name=name, locale="zh") for name in "甲乙"]
    certificate = lenient.vault.encrypt("X370000001", BIRTH_CERTIFICATE)
    await Citizen.all().update(birth_sealed=certificate)
    mine, foreign = (viewer.user_id for viewer in people)
    for table in TABLES:
        if table.model is not Citizen:
            await _fill(lenient, table, mine)
            await _fill(lenient, table, foreign)
    exported = await export_person(lenient, mine)
    for wing in WINGS:
        for table in wing.tables:
            if table.exported is not None:
                (row,) = exported[wing.name].data[table.exported.name]
                assert row.keys() == table.exported.values.keys(), table.name
    text = to_json({name: part.data for name, part in exported.items()}).decode()
    assert str(foreign) not in text
    held = {hold.what for holds in (await find_holds(lenient, mine)).values() for hold in holds}
    assert held >= {table.erased.what for table in TABLES if isinstance(table.erased, Held)}
    add_data_key(lenient.settings.keys_path)
    lenient.vault.reload()
    assert await count_old(lenient) == 2 * sum(len(table.sealed) for table in TABLES)
    await reseal(lenient)
    assert await count_old(lenient) == 0
    assert (await export_person(lenient, mine)) == exported


async def test_an_erasure_does_to_each_row_what_its_table_declares(lenient: App) -> None:
    people = [await make_citizen(lenient, level=2, name=name, locale="zh") for name in "甲乙"]
    mine, foreign = (viewer.user_id for viewer in people)
    declared = [table for table in TABLES if not isinstance(table.erased, Stays)]
    for table in declared:
        for person_id in (mine, foreign):
            await _fill(lenient, table, person_id)
            if isinstance(table.erased, Deleted) and table.erased.unless:
                await _fill(lenient, table, person_id, **{table.erased.unless: None})
    before = {table.name: await _count(table, foreign) for table in declared}
    for _ in range(2):  # repeat-safe
        async with transaction() as tx:
            await erase_person(lenient, tx, mine)
    assert before == {table.name: await _count(table, foreign) for table in declared}
    for table in declared:
        left = await _count(table, mine)
        match table.erased:
            case Deleted(unless=column):
                assert left == (1 if column else 0), table.name
            case Held():
                assert left == 1, table.name
            case Cleared(columns=columns):
                assert await table.model.filter(**columns).count() == 1, table.name


async def test_a_merge_moves_every_declared_row_to_the_other_account(lenient: App) -> None:
    people = [await make_citizen(lenient, level=2, name=name, locale="zh") for name in "甲乙丙"]
    old, new, foreign = (viewer.user_id for viewer in people)
    kept = {name for manifest in HOUSE for name in manifest.append_only}
    moving = [
        table
        for table in TABLES
        if table.merged
        and table.name not in kept
        and table.owner != "id"
        and not isinstance(table.owner, Through)
    ]
    assert len(moving) > 30
    for table in moving:
        for person_id in (old, foreign):
            await _fill(lenient, table, person_id)
    async with transaction() as tx:
        await merge_person(lenient, tx, old, new)
    for table in moving:
        counts = [await _count(table, person_id) for person_id in (old, new, foreign)]
        assert counts == [0, 1, 1], table.name


async def test_what_a_merge_leaves_is_handed_out_and_held_for_the_other_account(
    lenient: App, call: Callable[..., Call]
) -> None:
    people = [await make_citizen(lenient, level=2, name=name, locale="zh") for name in "甲乙丙"]
    old, between, new = (viewer.user_id for viewer in people)
    kept = {name for manifest in HOUSE for name in manifest.append_only}
    left = [
        table
        for table in TABLES
        if (not table.merged or table.name in kept)
        and (table.exported is not None or isinstance(table.erased, Held))
    ]
    assert {table.name for table in left} >= {"payments_intent", "core_access_log"}
    for table in left:
        await _fill(lenient, table, old)
    for from_id, to_id in ((old, between), (between, new)):
        async with transaction() as tx:
            await merge_person(lenient, tx, from_id, to_id)
    exported = await export_person(lenient, new)
    for wing in WINGS:
        for table in wing.tables:
            if table in left and table.exported is not None:
                assert len(exported[wing.name].data[table.exported.name]) == 1, table.name
    held = {hold.what for holds in (await find_holds(lenient, new)).values() for hold in holds}
    assert held >= {table.erased.what for table in left if isinstance(table.erased, Held)}
    assert len(await list_access(call(user_id=new), first=10)) == 1


async def test_of_two_equal_rows_the_other_accounts_own_stays(lenient: App) -> None:
    people = [await make_citizen(lenient, level=2, name=name, locale="zh") for name in "甲乙"]
    old, new = (viewer.user_id for viewer in people)
    (table,) = (table for table in TABLES if table.name == "identity_staff")
    for person_id in (old, new):
        await _fill(lenient, table, person_id)
    async with transaction() as tx:
        await merge_person(lenient, tx, old, new)
    assert [await _count(table, person_id) for person_id in (old, new)] == [0, 1]
