"""Queries and commands of the queues: how they stand, live, and the word that one is next."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key, recall_key
from core.context.sweep import sweep
from core.database import Transaction, transaction
from core.deadline import Deadline
from core.errors import Forbidden, NotFound, Unavailable
from core.people import consents
from core.people.mandates import while_acting
from core.people.personal_read import Access, Purpose, open_access, resume_access
from core.queue.jobs import job
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.upstream.client import UpstreamError
from core.upstream.readings import ReadStatus
from kinds.lookup import PersonalLookup
from modules.health import policy
from modules.health.hospitals.everywhere import AtHospital, ask_everywhere
from modules.health.models import QueueWatch
from modules.health.queue import texts
from modules.health.queue.domain import QueueState, QueueTicket
from modules.health.queue.upstream import QUEUES, list_tickets
from notifications import api as notifications
from notifications.api import Param, Template

SERVICE = "outpatient-queue"
PURPOSE = Purpose(
    id="health.outpatient-queue",
    upstream=QUEUES.name,
    fields=("tickets",),
    text=texts.CONSENT,
    text_version="2026-12",
)
MAX_STALE = timedelta(minutes=15)
LOOK_S = 5.0
"""How often a queue that is followed is looked at."""
_WATCHED_FOR = timedelta(hours=12)
_OVER = (QueueState.SEEN, QueueState.MISSED)

NEXT = Template(
    "health.queue_next", texts.NEXT_TITLE, texts.NEXT_BODY, params={"number": Param.NUMBER}
)

Queues = Sequence[AtHospital[Sequence[QueueTicket]]]


async def ask_queues(app: App, deadline: Deadline, access: Access) -> Queues:
    """The person's numbers at every hospital. Raises UpstreamError where none answers."""

    async def ask(until: Deadline, ref: str) -> Sequence[QueueTicket]:
        return (await list_tickets(app, until, access, ref)).items

    return await ask_everywhere(app, deadline, access, ask, (SERVICE,), max_stale=MAX_STALE)


QUEUE = PersonalLookup(SERVICE, PURPOSE, ask_queues, max_stale=MAX_STALE)


@dataclass(frozen=True, slots=True)
class Placed:
    """A number and where it is; `status` says whether the hospital has told it just now."""

    hospital_ref: str
    ticket: QueueTicket
    status: ReadStatus


def tickets_of(queues: Queues) -> Sequence[Placed]:
    """The numbers of all hospitals, those that are called first."""
    placed = [
        Placed(at.hospital_ref, ticket, at.reading.status)
        for at in queues
        for ticket in at.reading.items
    ]
    return sorted(placed, key=lambda one: (one.ticket.state in _OVER, one.ticket.ahead or 0))


async def follow(call: Call, *, every_s: float = LOOK_S) -> AsyncGenerator[Sequence[Placed]]:
    """The subject's numbers now and at each change, until the consent or the mandate ends.

    The access log shows one row for the whole of it. Raises as `open_access` does.
    """
    call.require_viewer(2)
    access = await open_access(call, service=SERVICE, purpose=PURPOSE)

    async def held() -> None:
        await consents.require_held(access.consent_id, PURPOSE.id, call.app.clock.now())

    async for item in while_acting(call, _changes(call.app, access, every_s), held):
        yield item


async def _changes(app: App, access: Access, every_s: float) -> AsyncGenerator[Sequence[Placed]]:
    last: object = None
    while True:
        try:
            queues = await ask_queues(app, Deadline.after(every_s), access)
        except UpstreamError:
            queues = ()
        placed = tickets_of(queues)
        seen = [
            (p.hospital_ref, p.ticket.ticket_no, p.ticket.state, p.ticket.ahead) for p in placed
        ]
        if queues and seen != last:
            last = seen
            yield placed
        await asyncio.sleep(every_s)


async def watch(call: Call, hospital_ref: str, ticket_no: str, key: str, *, enabled: bool) -> None:
    """Tell the viewer once when this number of theirs is next, or tell it no more. Repeat-safe.

    Raises NotFound for a number that is not theirs, Unavailable, Forbidden without consent,
    Conflict KEY_REUSED.
    """
    if hospital_ref not in policy.hospitals_of(call.app):
        raise NotFound(NOT_FOUND)
    which = {"hospital_ref": hospital_ref, "ticket_no": ticket_no}
    mine = {"citizen_id": call.require_viewer(2).user_id, **which}
    command = {**which, "enabled": enabled}
    access = await open_access(call, service=SERVICE, purpose=PURPOSE)
    if enabled and await recall_key(call, "watchQueueTicket", key, command) is None:
        await _require_ticket(call, access, hospital_ref, ticket_no)
    async with transaction() as tx:
        claim = await claim_key(call, tx, "watchQueueTicket", key, command)
        if claim.replayed:
            return
        if not enabled:
            await QueueWatch.filter(**mine).using_db(tx).delete()
            return
        until_at = call.app.clock.now() + _WATCHED_FOR
        row = QueueWatch(id=claim.effect_id, access_id=access.access_id, until_at=until_at, **mine)
        await QueueWatch.bulk_create([row], ignore_conflicts=True, using_db=tx)


async def _require_ticket(call: Call, access: Access, hospital_ref: str, ticket_no: str) -> None:
    """Raise NotFound unless the person waits with this number, Unavailable where none tells."""
    try:
        tickets = await list_tickets(call.app, call.deadline, access, hospital_ref)
    except UpstreamError:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.SYSTEM) from None
    if ticket_no not in {one.ticket_no for one in tickets.items if one.state not in _OVER}:
        untold = Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.SYSTEM)
        raise untold if tickets.unreadable else NotFound(NOT_FOUND)  # it may be among those


@job("health.watch_queues", timeout_s=55, every="* * * * *")
async def watch_queues(app: App) -> None:
    """Every minute: tell those whose number is next; forget what is over."""
    now = app.clock.now()
    await QueueWatch.filter(until_at__lt=now).delete()
    rows = await QueueWatch.all().order_by("id")
    await sweep(app, "health.queues", rows, partial(_look, app), at_once=8)


async def _look(app: App, row: QueueWatch) -> None:
    """Raises UpstreamError while the hospital is silent."""
    try:
        access = await resume_access(app, row.access_id)
    except (Forbidden, NotFound):  # the consent or the person is gone
        await row.delete()
        return
    tickets = await list_tickets(app, Deadline.after(8.0), access, row.hospital_ref)
    ticket = next((one for one in tickets.items if one.ticket_no == row.ticket_no), None)
    if ticket is None and tickets.unreadable:
        return  # it may be among those
    async with transaction() as tx:
        if ticket is not None and ticket.is_next:
            await _tell(app, tx, row, ticket, access)
        if ticket is None or ticket.is_next or ticket.state in _OVER:
            await QueueWatch.filter(id=row.id).using_db(tx).delete()


async def _tell(
    app: App, tx: Transaction, row: QueueWatch, ticket: QueueTicket, access: Access
) -> None:
    """Send the word, once ever for a number."""
    params = {
        "hospital": policy.hospital_name(app, row.hospital_ref),
        "number": ticket.number,
        "room": ticket.room,
    }
    key = f"queue-next:{row.hospital_ref}:{row.ticket_no}"
    link = app.city.deep_link.format(id=SERVICE)
    await notifications.send(app, tx, NEXT, access.person, params, key, deep_link=link)
