"""Opening a case: its number, its clocks, its first line, in the caller's transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

import orjson

from core.clock import civil_date
from core.context.app import App
from core.database import Transaction, lock_name
from core.errors import Conflict
from core.json import to_json
from kinds.application import domain, engine, move_store, store, texts
from kinds.application.definition import Definition
from kinds.application.engine import By
from kinds.application.models import Case

FORM = "applications.form"
"""The purpose under which forms are sealed."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A case that is to be opened: whose, under which (stored) definition, with which form."""

    definition: Definition
    definition_id: UUID
    citizen_id: UUID
    category: str
    form: Mapping[str, str]
    is_bounded: bool = True
    """Whether the bound on a citizen's open cases holds; an organisation files for many."""


async def open_in(app: App, tx: Transaction, case_id: UUID, opening: Opening, by: By) -> Case:
    """Open a case. Raises Conflict TOO_MANY_OPEN and NUMBERS_USED_UP, and IntegrityError
    `applications_case_exclusive` where the citizen has this open already."""
    definition = opening.definition
    if opening.is_bounded:
        await lock_name(tx, f"applications:{opening.citizen_id}")
        opened = await store.count_open_cases(tx, opening.citizen_id, definition.service)
        if opened >= definition.open_most:
            raise Conflict(texts.TOO_MANY_OPEN, most=definition.open_most)
    case = await store.insert_case(tx, await _values(app, tx, case_id, opening))
    await engine.note(app, tx, case, "open", by)
    await engine.tell_service(app, tx, case, "open")
    return await engine.open_work(app, tx, case, definition)


async def _values(
    app: App, tx: Transaction, case_id: UUID, opening: Opening
) -> Mapping[str, object]:
    definition, now = opening.definition, app.clock.now()
    today, state = civil_date(now), definition.states[0]
    first = domain.Clocks(definition.promise[opening.category])
    clocks = domain.enter(first, definition, state, app.city.calendar, today)
    return {
        "id": case_id,
        "no": await _next_number(tx, definition, today),
        "service_id": definition.service,
        "item": definition.item,
        "definition_id": opening.definition_id,
        "citizen_id": opening.citizen_id,
        "category": opening.category,
        "state": state.name,
        "turn": state.turn,
        "unit": definition.unit,
        "form_sealed": seal_form(app, opening.form),
        "exclusive_key": f"{definition.service}/{definition.item}"
        if definition.exclusive
        else None,
        "turn_from_on": today,
        "opened_at": now,
        "moved_at": now,
        **{name: getattr(clocks, name) for name in move_store.CLOCKS},
    }


def open_form(app: App, case: Case) -> dict[str, str]:
    """A case's form as it was filled in."""
    if case.form_sealed is None:
        return {}
    answers: dict[str, str] = orjson.loads(app.vault.decrypt(case.form_sealed, FORM))
    return answers


def seal_form(app: App, form: Mapping[str, str]) -> bytes:
    """A form as it is kept."""
    return app.vault.encrypt(to_json(dict(form)).decode(), FORM)


async def _next_number(tx: Transaction, definition: Definition, today: date) -> str:
    number = definition.number
    serial = await store.next_serial(tx, number.prefix, today)
    if len(str(serial)) > number.digits:
        raise Conflict(texts.NUMBERS_USED_UP)
    return f"{number.prefix}{today:%Y%m%d}{serial:0{number.digits}d}"
