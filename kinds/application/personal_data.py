"""What applications hold about a person: their cases, with the form and every note.

What waits for a person who leaves or has died, a draft too, ends as if its time were over; what a
unit works on has to end before an account is closed, or goes on without the person who died. Of an
ended case the file stays without the person: who it was, the form and the notes are taken away.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

import orjson

from core.context.app import App
from core.context.sweep import sweep
from core.database import Transaction
from core.ids import new_id
from core.people.data_rights import Hold, PersonalData
from core.people.personal_table import PersonalTable, Sealed, Stays, section
from kinds.application import attachments, deadlines, engine, file_store, rating, store, texts
from kinds.application.models import Case, CaseEvent, CaseFile, Rating
from kinds.application.opening import FORM

_EXPORT_MOST = 10_000


async def _read(app: App, person_id: UUID) -> Mapping[str, Any]:
    cases = await store.list_cases(
        person_id, first=_EXPORT_MOST, before=None, only_open=False, service=None
    )
    return {"cases": [await _case(app, case) for case in cases]}


async def _case(app: App, case: Case) -> dict[str, object]:
    form = case.form_sealed
    events = await store.list_events(case.id, after=0, first=_EXPORT_MOST)
    return {
        "no": case.no,
        "service": case.service_id,
        "item": case.item,
        "state": case.state,
        "opened_at": case.opened_at.isoformat(),
        "ended_at": case.ended_at.isoformat() if case.ended_at else None,
        "form": orjson.loads(app.vault.decrypt(form, FORM)) if form else None,
        "timeline": [
            {
                "event": event.event,
                "by": event.actor,
                "unit": event.unit,
                "at": event.happened_at.isoformat(),
                "note": app.vault.decrypt(event.note_sealed, engine.NOTE)
                if event.note_sealed
                else None,
            }
            for event in events
        ],
    }


async def _holds(_app: App, person_id: UUID) -> Sequence[Hold]:
    open_cases = await store.list_cases(
        person_id, first=1, before=None, only_open=True, service=None
    )
    return (Hold("cases", texts.HOLD_OPEN),) if open_cases else ()


async def _settle(app: App, person_id: UUID) -> None:
    cases = await store.list_cases(
        person_id, first=_EXPORT_MOST, before=None, only_open=True, service=None
    )
    ids = [case.id for case in cases]
    swept = await sweep(app, "applications.leaving", ids, partial(deadlines.lapse, app))
    swept.require_whole()


async def _erase(_app: App, tx: Transaction, person_id: UUID) -> None:
    await file_store.delete_files_of(tx, person_id)
    await store.forget_person(tx, person_id, nobody=new_id())


_UNTIED = Stays("taken away once the case has ended: store.forget_person")

CASES = PersonalTable(
    Case,
    owner="citizen_id",
    sealed=(Sealed("form_sealed", FORM),),
    erased=_UNTIED,
    exclusive="exclusive_key",
)
EVENTS = PersonalTable(
    CaseEvent, owner="actor_id", sealed=(Sealed("note_sealed", engine.NOTE),), erased=_UNTIED
)

FILES = PersonalTable(
    CaseFile,
    owner="citizen_id",
    exported=section(
        "files",
        *("case_id", "material", "media_type", "attached_at", "licence_ref", "licence_as_of"),
        file_name="name_sealed",
    ),
    sealed=(Sealed("name_sealed", attachments.FILE), Sealed("key_sealed", attachments.FILE)),
    erased=Stays("taken away once the case has ended: file_store.delete_files_of"),
)

RATINGS = PersonalTable(
    Rating,
    owner="citizen_id",
    exported=section("ratings", "case_id", "grade", "labels", "rated_at", text="text_sealed"),
    sealed=(Sealed("text_sealed", rating.TEXT),),
    erased=Stays("the grade stays without the person: store.forget_person"),
)

PERSONAL = PersonalData(
    "applications",
    (CASES, EVENTS, FILES, RATINGS),
    read=_read,
    holds=_holds,
    settle=_settle,
    erase=_erase,
)
