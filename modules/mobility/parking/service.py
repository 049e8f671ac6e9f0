"""Commands and queries of parking: link a plate, look at its stays, pay one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from core.clock import ensure_utc
from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key
from core.database import rate_limit, transaction
from core.errors import Conflict, InvalidInput, NotFound, Unavailable
from core.people.personal_read import Purpose, open_access
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.typed_text import read_plate
from core.upstream.client import UpstreamError, UpstreamRejected
from core.upstream.readings import Reading, ReadStatus
from core.upstream.records import Records
from kinds import owned
from kinds.payment import find_payments, open_cashier
from modules.mobility.models import PLATE, ParkingCharge, Plate
from modules.mobility.parking import domain, store, texts
from modules.mobility.parking.domain import Session
from modules.mobility.parking.upstream import (
    VEHICLES,
    get_session,
    list_sessions,
    verify_owner,
)
from payments import api as payments
from payments.api import ANYHOW, Wish

SERVICE = "parking-payment"
NEW_PLATES_PER_DAY = 10
_MAX_STALE = timedelta(minutes=5)

VEHICLE = Purpose(
    id="mobility.vehicle",
    upstream=VEHICLES.name,
    fields=("owner",),
    text=texts.VEHICLE_CONSENT,
    text_version="2026-12",
)


@dataclass(frozen=True, slots=True)
class Stay:
    """A stay with our own id of what it owes now, None where nothing is due.

    `payment` is the viewer's last payment for it.
    """

    charge_id: UUID | None
    session: Session
    payment: payments.Payment | None


def plate_text(app: App, plate: Plate) -> str:
    """The plate as it is written."""
    return app.vault.decrypt(plate.plate_sealed, PLATE)


async def link_plate(call: Call, text: str, key: str) -> Plate:
    """Link a number plate to the viewer; linking it again is the same link.

    Raises InvalidInput PLATE_INVALID, RateLimited for who tries out plates, Conflict
    TOO_MANY_PLATES.
    """
    app, citizen_id = call.app, call.require_viewer().user_id
    plate = read_plate(text)
    if plate is None:
        raise InvalidInput(texts.PLATE_INVALID, "plate")
    index = app.vault.blind_index(plate, PLATE)
    if await owned.find(store.PLATES, citizen_id, plate_index=index) is None:
        await _count(app, f"plate:{citizen_id}")
    sealed = app.vault.encrypt(plate, PLATE)
    row = {"plate_sealed": sealed, "plate_index": index, "linked_at": app.clock.now()}
    async with transaction() as tx:
        return await owned.add(call, tx, store.PLATES, "linkPlate", key, row, {"plate": plate})


async def verify_plate(call: Call, plate_id: UUID, key: str) -> Plate:
    """Have the vehicle registry confirm that a linked car is the viewer's own.

    Raises NotFound, RateLimited, Forbidden CONSENT_REQUIRED, Conflict PLATE_NOT_YOURS, Unavailable.
    """
    app, citizen_id = call.app, call.require_viewer(2).user_id
    plate = await owned.get(store.PLATES, citizen_id, plate_id)
    if plate.verified_at is None:
        await _count(app, f"plate-owner:{citizen_id}")
        access = await open_access(call, service=SERVICE, purpose=VEHICLE)
        try:
            owns = await verify_owner(app, call.deadline, access, plate_text(app, plate))
        except UpstreamError:
            raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.REGISTRY) from None
        if not owns:
            raise Conflict(texts.PLATE_NOT_YOURS)
    async with transaction() as tx:
        claim = await claim_key(
            call, tx, "verifyPlate", key, {"plate_id": plate_id}, effect_id=plate_id
        )
        if plate.verified_at is None and not claim.replayed:
            await store.mark_verified(tx, plate_id, app.clock.now())
    return await owned.get(store.PLATES, citizen_id, plate_id)


async def _count(app: App, what: str) -> None:
    day, refusal = timedelta(days=1), texts.TOO_MANY_NEW_PLATES
    await rate_limit.require(app.clock, what, limit=NEW_PLATES_PER_DAY, window=day, refusal=refusal)


async def unlink_plate(call: Call, plate_id: UUID, key: str) -> None:
    """Remove one of the viewer's plates. The same key removes once. Raises NotFound."""
    async with transaction() as tx:
        await owned.remove(call, tx, store.PLATES, "unlinkPlate", key, id=plate_id)


async def list_plates(call: Call) -> Sequence[Plate]:
    """The viewer's plates."""
    return await owned.list_all(store.PLATES, call.require_viewer().user_id)


async def read_stays(call: Call, plate_id: UUID) -> tuple[Plate, Reading[Records[Stay]]]:
    """The stays of a linked plate that are not over. Raises NotFound for any other plate."""
    app, citizen_id = call.app, call.require_viewer().user_id
    plate = await owned.get(store.PLATES, citizen_id, plate_id)

    async def fetch() -> Records[tuple[UUID | None, Session]]:
        asked_at = app.clock.now()
        sessions = await list_sessions(app, call.deadline, plate_text(app, plate))
        async with transaction() as tx:
            ids = await store.note_charges(tx, plate.plate_index, sessions.items, asked_at)
        return sessions.convert(lambda s: (ids[s.session_id] if s.amount_due_fen else None, s))

    try:
        reading = await app.last_good.read_through(
            ("parking", citizen_id, plate_id), fetch, clock=app.clock, max_stale=_MAX_STALE
        )
    except UpstreamRejected as refusal:  # the operator takes no such question, whoever asks
        reading = Reading(ReadStatus.UNAVAILABLE, None, None, refusal.reason)
    found = reading.records.items
    intents = await store.list_intents([session.session_id for _, session in found])
    payments_made = await find_payments(call, intents.values())
    stays = [
        Stay(charge_id, session, payments_made.get(intents.get(session.session_id)))
        for charge_id, session in found
    ]
    return plate, reading.map(lambda records: Records(stays, records.unreadable))


async def pay(call: Call, charge_id: UUID, key: str, wish: Wish = ANYHOW) -> payments.Payment:
    """Begin to pay what a stay of a linked plate owes; open the cashier as `wish` says.

    The same key gives the same payment, and so does the viewer's own cashier while it is open: what
    it was opened for is paid, although more is due meanwhile. Raises NotFound, Conflict
    NOTHING_DUE, STAY_MOVED_ON, PAYMENT_OPEN or KEY_REUSED, Unavailable of a silent operator.
    """
    citizen_id = call.require_viewer().user_id
    charge = await store.find_charge(charge_id)
    if charge is None:
        raise NotFound(NOT_FOUND)
    plate = await owned.find(store.PLATES, citizen_id, plate_index=charge.plate_index)
    if plate is None:
        raise NotFound(NOT_FOUND)
    await _refresh(call, charge)
    async with transaction() as tx:
        intent_id = await payments.create_intent(
            call, tx, kind=domain.KIND, subject_ref=str(charge_id), key=key, wish=wish,
            is_owner=plate.verified_at is not None,
        )  # fmt: skip
        await store.note_intent(tx, charge_id, intent_id)
    return await open_cashier(call, intent_id)


async def _refresh(call: Call, charge: ParkingCharge) -> None:
    """Ask the operator what is due now; without an answer the quote decides by what is known."""
    asked_at = ensure_utc(call.app.clock.now())
    try:
        session = await get_session(call.app, call.deadline.share(fraction=0.5), charge.session_ref)
    except UpstreamError:
        return
    async with transaction() as tx:
        await store.note_charges(tx, charge.plate_index, [session], asked_at)
