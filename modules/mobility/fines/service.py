"""Commands and queries of traffic fines: see one's violations, accept one, pay its fine."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from core.clock import ensure_utc
from core.context.call import Call
from core.context.commands import claim_key
from core.database import transaction
from core.errors import NotFound, Unavailable
from core.people.personal_read import Access, Purpose, open_access, personal_read
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.upstream.client import (
    UpstreamError,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from core.upstream.readings import Reading
from core.upstream.records import Records
from kinds.payment import find_payments, open_cashier
from modules.mobility.fines import domain, store, texts, upstream
from modules.mobility.fines.domain import FineStatus, Order, Violation
from modules.mobility.models import Fine
from payments import api as payments
from payments.api import ANYHOW, Wish

SERVICE = "traffic-fine-payment"
_ORDERS_MAX = 20

FINES = Purpose(
    id="mobility.traffic-fines",
    upstream=upstream.POLICE.name,
    fields=("violations", "points", "orders"),
    text=texts.FINES_CONSENT,
    text_version="2026-12",
)


@dataclass(frozen=True, slots=True)
class ListedFine:
    """A violation with our own id for it, its order as of today, and the viewer's payment."""

    id: UUID
    violation: Violation
    order: Order | None
    receipt_no: str | None
    payment: payments.Payment | None

    @property
    def status(self) -> FineStatus:
        """The order's state where there is an order: the platform knows it first."""
        return self.violation.status if self.order is None else self.order.status


async def read_fines(call: Call) -> Reading[Records[ListedFine]]:
    """The violations of the viewer's car, newest first, with what is to be paid today; without that
    where the platform does not tell.

    Raises LoginRequired below level 2 and Forbidden without consent.
    """

    async def fetch(access: Access) -> Records[tuple[UUID, Violation, Order | None]]:
        asked_at = ensure_utc(call.app.clock.now())
        found = await upstream.list_violations(call.app, call.deadline, access) or Records(())
        orders = await _orders_of(call, found.items)
        async with transaction() as tx:
            ids = await store.note_violations(tx, access.person.id, found.items, orders, asked_at)
        return found.convert(lambda v: (ids[v.violation_no], v, orders.get(v.violation_no)))

    reading = await personal_read(call, service=SERVICE, purpose=FINES, fetch=fetch)
    if reading.value is None:
        return Reading(reading.status, None, reading.as_of, reading.reason)
    rows = {row.id: row for row in await store.list_fines(call.subject_id)}
    found = await find_payments(call, [row.intent_id for row in rows.values()])
    fines = [
        _listed(violation, order, rows[fine_id], found)
        for fine_id, violation, order in reading.records.items
        if fine_id in rows
    ]
    return reading.map(lambda records: Records(fines, records.unreadable))


def _listed(
    violation: Violation,
    order: Order | None,
    row: Fine,
    found: Mapping[UUID | None, payments.Payment],
) -> ListedFine:
    return ListedFine(row.id, violation, order, row.receipt_no, found.get(row.intent_id))


async def _orders_of(call: Call, violations: Sequence[Violation]) -> Mapping[str, Order]:
    """The open orders by violation number, but those of which the platform does not tell.

    Raises UpstreamError where it is silent: it answers for none of them.
    """
    open_ = [v.order_no for v in violations if v.order_no and v.status is FineStatus.UNPAID]
    answers = await asyncio.gather(*(_ask_order(call, no) for no in open_[:_ORDERS_MAX]))
    silent = [one for one in answers if isinstance(one, UpstreamTimeout | UpstreamUnavailable)]
    if silent and len(silent) == len(answers):
        raise silent[0]
    return {order.violation_no: order for order in answers if isinstance(order, Order)}


async def _ask_order(call: Call, order_no: str) -> Order | UpstreamError:
    try:
        return await upstream.get_order(call.app, call.deadline, order_no)
    except UpstreamError as error:
        return error


async def accept(call: Call, fine_id: UUID, key: str) -> ListedFine:
    """Accept a violation of the viewer's car, which brings the order to pay its fine.

    Accepting it again changes nothing. While the platform is silent the fine is told without its
    order. Raises NotFound, Forbidden CONSENT_REQUIRED, Unavailable when the police do not answer;
    repeating it then is safe.
    """
    app, fine = call.app, await _own_fine(call, fine_id)
    access = await open_access(call, service=SERVICE, purpose=FINES)
    asked_at = ensure_utc(app.clock.now())
    try:
        violation = await upstream.accept(app, call.deadline, access, fine.violation_no)
    except UpstreamRejected:
        raise NotFound(NOT_FOUND) from None  # it is not, or no more, this person's
    except UpstreamError:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.POLICE) from None
    orders: Mapping[str, Order] = {}
    with suppress(UpstreamError):  # it is accepted all the same
        orders = await _orders_of(call, [violation])
    async with transaction() as tx:
        operation, command = "acceptTrafficViolation", {"fine_id": fine_id}
        await claim_key(call, tx, operation, key, command, effect_id=fine_id)
        await store.note_violations(tx, fine.citizen_id, [violation], orders, asked_at)
    row = await store.find_fine(fine_id)
    assert row is not None
    found = await find_payments(call, [row.intent_id])
    return _listed(violation, orders.get(violation.violation_no), row, found)


async def pay(call: Call, fine_id: UUID, key: str, wish: Wish = ANYHOW) -> payments.Payment:
    """Begin to pay one of the viewer's fines and open the cashier, as `wish` says if it can be.

    The same key gives the same payment. Raises NotFound for a fine that is not theirs, Unavailable
    where nobody tells what is due, Conflict FINE_NOT_ACCEPTED, FINE_PAID, FINE_WITHDRAWN, others.
    """
    fine = await _own_fine(call, fine_id)
    await _refresh(call, fine)
    async with transaction() as tx:
        intent_id = await payments.create_intent(
            call, tx, kind=domain.KIND, subject_ref=str(fine_id), key=key, wish=wish
        )
        await store.note_intent(tx, fine_id, intent_id)
    return await open_cashier(call, intent_id)


async def _own_fine(call: Call, fine_id: UUID) -> Fine:
    citizen_id = call.require_viewer(2).user_id
    fine = await store.find_fine(fine_id)
    if fine is None or fine.citizen_id != citizen_id:
        raise NotFound(NOT_FOUND)
    return fine


async def _refresh(call: Call, fine: Fine) -> None:
    """Ask the platform what is due today; without an answer the quote decides by what is known."""
    if fine.order_no is None:
        return
    asked_at = ensure_utc(call.app.clock.now())
    try:
        order = await upstream.get_order(call.app, call.deadline.share(fraction=0.5), fine.order_no)
    except UpstreamError:
        return
    async with transaction() as tx:
        await store.note_order(tx, fine.id, order, asked_at)
