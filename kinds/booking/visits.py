"""The day itself: checking in with a one-use code, and what becomes of those who did not come."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from functools import partial
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.context.sweep import sweep as sweep_rows
from core.context.sweep import sweep_pages
from core.database import idempotency, transaction
from core.errors import Conflict, InvalidInput, NotFound
from core.queue.jobs import Lane, job
from core.refusal_texts import NOT_FOUND
from core.security.authorization import Scope
from kinds.booking import domain, messages, service, store, texts
from kinds.booking.domain import Excuse, State
from kinds.booking.policy import policy_of, rules_of
from kinds.booking.store import BookingRow

_MAC_BYTES = 12
_LAPSED_MAX = 500
_SWEEP_S = 15.0


def check_in_code(app: App, booking: BookingRow) -> str | None:
    """What the QR code of a confirmed appointment says: the booking and a seal that only we can
    make. Good once, because checking in ends the state that it is good in."""
    if booking.state is not State.CONFIRMED:
        return None
    body = booking.id.bytes
    return _write(body + _seal(app, body))


async def check_in(call: Call, code: str, key: str) -> BookingRow:
    """A member of staff scans the code: the person is there.

    The same key gives the same answer. Raises Forbidden, InvalidInput for a code that is not
    good or was used, Conflict when it is too early or too late.
    """
    app, viewer = call.app, call.require_scope(Scope.APPOINTMENTS_CHECK_IN)
    booking_id = _read(app, code)
    if booking_id is None:
        raise InvalidInput(texts.CODE_INVALID, "code")
    async with transaction() as tx:
        claim = await idempotency.claim(
            app.clock,
            tx,
            subject=viewer.user_id,
            operation="checkInAppointment",
            key=key,
            command={"code": code},
            effect_id=booking_id,
        )
        booking = await store.lock_booking(tx, booking_id)
        if booking is None:
            raise InvalidInput(texts.CODE_INVALID, "code")
        if not claim.replayed:
            _refuse_wrong_time(app, booking)
            await store.move(tx, booking.id, [State.CONFIRMED], State.ATTENDED)
            await messages.ping(tx, booking)
    found = await store.find_booking(booking_id)
    assert found is not None
    return found


async def excuse(call: Call, booking_id: UUID, because: Excuse, key: str) -> BookingRow:
    """A member of staff takes a miss back: it counts towards no ban, and whose it is are told.

    Why stands with the booking. The same key gives the same answer. Raises Forbidden, NotFound,
    Conflict for what was not missed.
    """
    app, viewer = call.app, call.require_scope(Scope.APPOINTMENTS_CHECK_IN)
    async with transaction() as tx:
        claim = await idempotency.claim(
            app.clock,
            tx,
            subject=viewer.user_id,
            operation="excuseMissedAppointment",
            key=key,
            command={"booking": str(booking_id), "because": because},
            effect_id=booking_id,
        )
        booking = await store.lock_booking(tx, booking_id)
        if booking is None:
            raise NotFound(NOT_FOUND)
        if not claim.replayed:
            to = State(domain.BOOKING.next_state(booking.state, "excuse"))
            code = f"EXCUSED_{because}"
            await store.move(tx, booking.id, [booking.state], to, refusal_code=code)
            await messages.tell_later(app, tx, booking.id, "excused")
    found = await store.find_booking(booking_id)
    assert found is not None
    return found


@job("appointments.expire", lane=Lane.CRITICAL)
async def expire(app: App, booking_ids: Sequence[UUID]) -> None:
    """Job: end the holds whose time is over; their seats go to who waits. Repeat-safe."""
    swept = await sweep_rows(app, "appointments.expire", booking_ids, partial(expire_one, app))
    swept.require_whole()


async def expire_one(app: App, booking_id: UUID) -> None:
    """End a hold that no outside system knows of where its time is over."""
    now = app.clock.now()
    async with transaction() as tx:
        booking = await store.lock_booking(tx, booking_id)
        if booking is None or booking.state is not State.HELD:
            return
        if booking.access_id is not None and not booking.awaits_payment:
            return
        if booking.hold_expires_at is not None and booking.hold_expires_at > now:
            await expire.enqueue(app, tx, [booking_id], after=booking.hold_expires_at - now)
            return
        if await service.end(app, tx, booking, State.EXPIRED):
            await messages.tell_later(app, tx, booking_id, "expired")


async def sweep(app: App) -> None:
    """End the holds that lost their job, and note the appointments to which nobody came."""
    await sweep_pages(
        app,
        "appointments.lapsed",
        partial(store.list_lapsed, app.clock.now()),
        partial(expire_one, app),
        key=lambda booking_id: booking_id,
        size=_LAPSED_MAX,
        within_s=_SWEEP_S,
    )
    await sweep_rows(app, "appointments.missed", rules_of(app).venues, partial(_mark_missed, app))


async def _mark_missed(app: App, service_id: str) -> None:
    late = policy_of(app, service_id).late
    async with transaction() as tx:
        await store.mark_missed(tx, service_id, app.clock.now() - late)


def _refuse_wrong_time(app: App, booking: BookingRow) -> None:
    if booking.state is not State.CONFIRMED:
        raise InvalidInput(texts.CODE_INVALID, "code")
    policy, now = policy_of(app, booking.service_id), app.clock.now()
    if now < booking.starts_at - policy.check_in_before:
        raise Conflict(texts.CHECK_IN_EARLY)
    if now >= booking.starts_at + policy.late:
        raise Conflict(texts.CHECK_IN_LATE)
    domain.BOOKING.next_state(booking.state, "attend")


def _read(app: App, code: str) -> UUID | None:
    try:
        raw = base64.b64decode(code + "=" * (-len(code) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if _write(raw) != code:  # one spelling only: the last character has bits to spare
        return None
    body, seal = raw[:16], raw[16:]
    if len(body) != 16 or not hmac.compare_digest(seal, _seal(app, body)):
        return None
    return UUID(bytes=body)


def _write(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _seal(app: App, body: bytes) -> bytes:
    key = app.keys.pii_index
    return hmac.new(key, b"appointment-check-in" + body, hashlib.sha256).digest()[:_MAC_BYTES]
