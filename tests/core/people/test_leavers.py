"""Who has left stays in many tables: no job and no loop fails for want of their account.

A row of each declared table is made for somebody without an account, out of the columns alone. Then
every job that the calendar starts, every job about one such row, and every handler of news about
one is run.
"""

import inspect
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields as fields_of
from datetime import date, timedelta
from enum import StrEnum
from functools import partial
from types import NoneType, TracebackType
from typing import Any, get_args, get_type_hints
from uuid import UUID

from asyncpg import PostgresError
from structlog.testing import capture_logs
from tortoise import fields
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.exceptions import BaseORMException
from tortoise.models import Model

from core.context.app import App
from core.context.sweep import WHOLE, Part
from core.database import connection, transaction
from core.ids import new_id
from core.manifest import discover
from core.people.data_rights import PERSONAL_DATA
from core.people.directory import find_person, get_person
from core.people.personal_table import PersonalTable, Through
from core.queue.events import SUBSCRIBERS
from core.queue.jobs import JOBS, Job
from core.rooms import classes_of
from core.states import MACHINES
from payments.payable import PAYABLES
from tests.kinds.booking.engine import offer
from tests.people import close_account

MANIFESTS = discover()
TABLES = [table for part in PERSONAL_DATA.of(MANIFESTS) for table in part.tables]
ALL_JOBS = JOBS.of(MANIFESTS)
FIRST_STATE = {
    (machine.table, machine.column): str(machine.initial[0]) for machine in MACHINES.of(MANIFESTS)
}
NOT_MADE = {
    "affairs_licence_presentation",
    "applications_case",
    "applications_event",
    "bills_invoice_reissue",
    "identity_mandate",
    "mobility_arrival_alert",
    "payments_correction",
}
"""Of these a row takes more than its columns; jobs about them are in their own tests."""
PLAIN: Mapping[type, Any] = {
    fields.BooleanField: False, fields.SmallIntField: 1, fields.IntField: 1, fields.BigIntField: 1,
    fields.FloatField: 1.0, fields.JSONField: [], fields.CharField: "x", fields.TextField: "x",
    ArrayField: [],
}  # fmt: skip


class Rows:
    """Makes rows of somebody who has left."""

    def __init__(self, app: App, slot_id: UUID, words: Mapping[tuple[str, str], str]) -> None:
        self._app, self._words = app, words
        self.leaver = new_id()
        self.made: dict[str, Model] = {}
        self._given = {"slot_id": slot_id, "hold_expires_at": app.clock.now()}

    async def insert(self, table: PersonalTable) -> None:
        """A row, where the table takes one out of its columns."""
        values = {
            name: self._value(table, name, field)
            for name, field in table.model._meta.fields_map.items()
            if not field.generated
        }
        with suppress(BaseORMException, PostgresError):
            async with transaction() as tx:
                self.made[table.name] = await table.model.create(using_db=tx, **values)

    def key_of(self, name: str, wing: str) -> Any:
        """The primary key of a made row of the table of that name, one of the wing if there is."""
        tables = sorted(self.made, key=lambda table: not table.startswith(wing))
        return next((self.made[t].pk for t in tables if t.partition("_")[2] == name), None)

    def keys_of(self, wing: str) -> list[Any]:
        """The primary keys of all made rows of a wing."""
        return [row.pk for table, row in self.made.items() if table.startswith(f"{wing}_")]

    def _value(self, table: PersonalTable, name: str, field: Any) -> Any:
        owners = () if isinstance(table.owner, Through) else table.owner
        if name == owners or name in owners:
            return self.leaver
        for sealed in table.sealed:
            if sealed.column == name:
                return self._app.vault.encrypt("19000000000", sealed.purpose)
        if name in self._given:
            return self._given[name]
        word = FIRST_STATE.get((table.name, name), self._words.get((table.name, name)))
        if word is not None:
            return word
        if field.null:
            return None
        if field.default is not None and not callable(field.default):
            return field.default
        return self._plain(table, name, field)

    def _plain(self, table: PersonalTable, name: str, field: Any) -> Any:
        now = self._app.clock.now()
        match field:
            case fields.UUIDField():
                known = self.key_of(name.removesuffix("_id"), table.name.partition("_")[0])
                return known if isinstance(known, UUID) else new_id()
            case fields.DatetimeField():
                # the second of two moments is the later one
                return now if name.startswith(("until", "ends", "expires")) else now - DAY
            case fields.DateField():
                return now.date()
            case fields.BinaryField():
                return new_id().bytes
        return PLAIN[type(field)]


DAY = timedelta(days=1)


async def _first_words() -> dict[tuple[str, str], str]:
    """Of each column that takes some words only, the first of them."""
    rows = await connection().execute_query_dict(
        """SELECT c.relname AS table, pg_get_constraintdef(k.oid) AS rule FROM pg_constraint k
             JOIN pg_class c ON c.oid = k.conrelid WHERE k.contype = 'c'"""
    )
    words: dict[tuple[str, str], str] = {}
    for row in rows:
        for column, word in re.findall(r"\((\w+)\)::text = ANY \(\(?ARRAY\['(\w+)'", row["rule"]):
            words.setdefault((row["table"], column), word)
    return words


def _arguments(job: Job[Any], rows: Rows) -> Sequence[Any] | None:
    """What a job about one of the rows, or about the person, takes; None for any other."""
    parameters = list(inspect.signature(job.function).parameters.values())[1:]
    if not parameters:
        return None
    first, *others = parameters
    if first.name in ("person_id", "citizen_id"):
        key = rows.leaver
    else:
        name = first.name.removesuffix("s").removesuffix("_id")
        key = rows.key_of({"id": "message"}.get(name, name), job.kind.partition(".")[0])
    if key is None:
        return None
    plain: dict[Any, Any] = {str: "x", int: 1, UUID: rows.leaver, date: date(2026, 11, 23)}
    plain[Part] = WHOLE
    many = first.annotation is not UUID
    return [[key] if many else key, *(plain[_type_of(other)] for other in others)]


def _type_of(parameter: inspect.Parameter) -> Any:
    """What a parameter takes; of one that may be None as well, what else."""
    annotation = parameter.annotation
    if NoneType not in get_args(annotation):
        return annotation
    return next(kind for kind in get_args(annotation) if kind is not NoneType)


def _wants_account(error: BaseException) -> bool:
    """Whether an error comes from asking for an account that has to be there."""
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_name == "get_person":
            return True
        trace = trace.tb_next
    return False


def _jobs(app: App, rows: Rows) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
    """Every job that the calendar starts, or that is about a row."""
    for job in ALL_JOBS:
        arguments = () if job.every else _arguments(job, rows)
        if arguments is not None:
            yield job.kind, partial(job, app, *arguments)


def _handlers(app: App, rows: Rows) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
    """Every handler of an event, with what the event can be of: each kind, each row."""
    classes = {
        f"{manifest.name}.{event.__name__}": event
        for manifest in MANIFESTS
        for event in classes_of(manifest)
        if event.__module__.endswith(".events")
    }
    for subscriber in SUBSCRIBERS.of(MANIFESTS):
        for name in subscriber.events:
            for event in _news(classes[name], subscriber.kinds, rows):
                yield f"{name} > {subscriber.function.__module__}", partial(subscriber, app, event)


def _news(event_class: type, kinds: str, rows: Rows) -> Iterator[object]:
    """Events about what somebody has left behind; of a payment one for each that can be paid."""
    types = get_type_hints(event_class)
    about: list[tuple[str, object]] = [(kinds, "x")]
    if "subject_ref" in types:
        about = [
            (payable.kind, str(key))
            for manifest, payable in PAYABLES.owned(MANIFESTS)
            if payable.kind.startswith(kinds)
            for key in rows.keys_of(manifest.name)[:2] or [rows.leaver]
        ]
    for kind, subject in about:
        given = {"kind": kind, "subject_ref": subject}
        yield event_class(
            **{
                field.name: given.get(field.name, _part(rows, field.name, types[field.name]))
                for field in fields_of(event_class)
            }
        )


def _part(rows: Rows, name: str, kind: Any) -> Any:
    if kind is UUID:
        is_person = name in ("payer_id", "citizen_id", "person_id")
        key = rows.leaver if is_person else rows.key_of(name.removesuffix("_id"), "")
        return key if isinstance(key, UUID) else rows.leaver
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return next(iter(kind))
    return {str: "x", int: 1, date: date(2026, 11, 23)}.get(kind)


async def _planted(app: App, person_id: UUID) -> None:
    """What no job may do: it shows that the test would notice."""
    await get_person(app, person_id)


async def test_no_job_fails_for_want_of_an_account(app: App) -> None:
    (slot_id,) = await offer(app, 2 * DAY)
    rows = Rows(app, slot_id, await _first_words())
    for table in TABLES:
        await rows.insert(table)
    assert {table.name for table in TABLES} - rows.made.keys() == NOT_MADE
    await close_account(app, rows.leaver)
    assert await find_person(app, rows.leaver) is None
    wrong, run = [], []
    planted = ("planted", partial(_planted, app, rows.leaver))
    for name, work in (planted, *_handlers(app, rows), *_jobs(app, rows)):
        run.append(name)
        with capture_logs() as logs:
            try:
                await work()
            except Exception as error:  # a bare row may lack much else
                logs.append({"event": "failed", "log_level": "error", "exc_info": error})
        errors = [entry["exc_info"] for entry in logs if entry.get("exc_info")]
        wrong += [name for error in errors if _wants_account(error)]
    assert wrong == ["planted"]
    assert len(run) >= 100
