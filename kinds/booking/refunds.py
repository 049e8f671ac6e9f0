"""Giving a paid fee back when its appointment is cancelled.

A series has one payment, whichever of its bookings stands: it goes back when the last one ends.
What never became an appointment is not refunded here: then the payment is refused and payments
returns it by itself (fees.py).
"""

from uuid import UUID

from core.context.app import App
from core.database import Transaction, transaction
from core.queue.jobs import Lane, job
from kinds.booking import store
from kinds.booking.store import BookingRow
from payments import api as payments


async def enqueue(app: App, tx: Transaction, booking: BookingRow) -> None:
    """See to it that the fee of a booking that ends in `tx` goes back, where nothing else of its
    series keeps it.

    Does nothing for one that was not paid for or whose payment was never accepted: the first of a
    series that was never confirmed.
    """
    first = booking.replaces is None
    if booking.payment_id is None or (first and booking.confirmed_at is None):
        return
    await give_back.enqueue(app, tx, booking.id)


@job("appointments.refund", lane=Lane.CRITICAL, max_attempts=500, max_delay_s=300)
async def give_back(app: App, booking_id: UUID) -> None:
    """Job: ask payments to return the fee, unless a booking of the series stands. Repeat-safe by
    the series.

    Two that end at once are both over when the jobs look, so that neither leaves it to the other.
    Raises IllegalTransition, and is tried again, while payments has not yet noted that the fee was
    accepted.
    """
    booking = await store.find_booking(booking_id)
    assert booking and booking.payment_id is not None and booking.fee_fen is not None
    if await store.has_standing(booking.series_id):
        return
    async with transaction() as tx:
        await payments.refund(
            app,
            tx,
            booking.payment_id,
            booking.fee_fen,
            reason="APPOINTMENT_CANCELLED",
            key=f"cancel:{booking.series_id}",
        )
