"""What appointments show in GraphQL, and how rows become it."""

from datetime import date, datetime
from typing import Annotated

import strawberry

from core.clock import civil_date
from core.context.call import Call
from core.graphql import Fen, Refusal
from core.texts import Named
from kinds.booking.domain import State, WaitState
from kinds.booking.models import Resource, Wait
from kinds.booking.policy import Item, policy_of
from kinds.booking.queue import TicketState, TicketStatus
from kinds.booking.service import SlotFull
from kinds.booking.slot_store import SlotFacts

strawberry.enum(
    State,
    name="AppointmentState",
    description=(
        "HELD: the seat is kept while the booking is completed. CONFIRMED. CANCELLING: the other "
        "side has still to agree. CANCELLED. EXPIRED: not completed in time. REFUSED: the other "
        "side said no. ATTENDED, or excused. MISSED."
    ),
)
strawberry.enum(
    TicketState,
    name="QueueTicketState",
    description=(
        "BEFORE_DRAW: the order is not drawn yet. WAITING. ADMITTED: book now. PASSED: the turn is "
        "over; joinQueue stands at the end again. SOLD_OUT: no seat is left; one may come free."
    ),
)
strawberry.enum(
    WaitState,
    name="WaitingState",
    description=(
        "WAITING. OFFERED: a seat is kept until `offeredUntil`; confirmAppointment takes it and "
        "cancelAppointment gives it to the next. PROMOTED: it was taken. LEFT. LAPSED: the offer "
        "or the day ended, or a limit, a ban or the end of a mandate stood in the way."
    ),
)


@strawberry.type(description="A place where a service takes appointments.")
class AppointmentPlace:
    """A place."""

    id: strawberry.ID = strawberry.field(description="The place, for appointmentSlots.")
    place: str = strawberry.field(description="Where it is.")
    name: str = strawberry.field(description="Which part of it.")
    address: str = strawberry.field(description="Its address, where it is known.")


@strawberry.type(description="What one can come for.")
class AppointmentItem:
    """A business."""

    code: strawberry.ID = strawberry.field(description="Its name for holdAppointment.")
    name: str = strawberry.field(description="What it is.")
    bring: list[str] = strawberry.field(description="What to bring.")
    fee: Fen = strawberry.field(description="What it costs.")


@strawberry.type(description="A time with seats.")
class AppointmentSlot:
    """A slot."""

    id: strawberry.ID = strawberry.field(description="The slot, for holdAppointment.")
    place_id: strawberry.ID = strawberry.field(description="The place it belongs to.")
    place: str = strawberry.field(description="Where it is.")
    name: str = strawberry.field(description="Which part of the place.")
    starts_at: datetime = strawberry.field(description="When it begins.")
    ends_at: datetime = strawberry.field(description="When it ends.")
    capacity: int = strawberry.field(description="How many seats there are.")
    free: int = strawberry.field(description="How many are free, as of now.")
    releases_at: datetime | None = strawberry.field(
        description="From when on it can be booked; null where that is always."
    )
    cancel_until: datetime = strawberry.field(
        description="Until when a booking of it can be cancelled."
    )
    provisional: bool = strawberry.field(
        description="Whether the public holidays of its year are still to be published: should its "
        "day become one, a booking is moved and its booker is sent a message."
    )


@strawberry.type(description="The viewer's place in a waiting list.")
class WaitingPlace:
    """A wait."""

    id: strawberry.ID = strawberry.field(description="The place's id.")
    place_id: strawberry.ID = strawberry.field(description="Where the viewer waits.")
    on: date = strawberry.field(description="For which day.")
    state: WaitState = strawberry.field(description="Where it stands.")
    appointment_id: strawberry.ID | None = strawberry.field(
        description="The appointment that was offered, once one was."
    )
    offered_until: datetime | None = strawberry.field(
        description="Until when the offer is good; null where none was made."
    )


@strawberry.type(description="The viewer's ticket in the queue of a release.")
class QueueTicket:
    """A ticket."""

    id: strawberry.ID = strawberry.field(description="The ticket's id.")
    place_id: strawberry.ID = strawberry.field(description="The place whose slots are released.")
    releases_at: datetime = strawberry.field(description="When the slots are released.")
    state: TicketState = strawberry.field(description="Where the ticket stands.")
    position: int | None = strawberry.field(description="The place in the order, once drawn.")
    ahead: int | None = strawberry.field(description="How many are admitted before the viewer.")
    admission: str | None = strawberry.field(
        description="For holdAppointment, once admitted; good for this person and a few minutes."
    )
    seed_hash: str = strawberry.field(description="SHA-256 of the lot's seed, in hex.")
    seed: str | None = strawberry.field(
        description="The seed in hex, once drawn: the order is by SHA-256 of seed and person."
    )


ExpectedVersion = Annotated[
    int | None,
    strawberry.argument(
        description="The appointment's `version` as the client last saw it: with another one now "
        "nothing changes and VERSION_CHANGED is answered."
    ),
]


@strawberry.type(description="The viewer stands in the queue.")
class QueueJoined:
    """What joinQueue answers."""

    ticket: QueueTicket = strawberry.field(description="The ticket.")


@strawberry.input(description="Somebody who comes along.")
class CompanionInput:
    """A companion."""

    name: str = strawberry.field(description="The name on the ID card.")
    resident_id: str = strawberry.field(
        description="The number of the ID card, residence permit, permanent residence card or "
        "mainland travel permit."
    )


@strawberry.type(description="The slot is full; nothing was booked.")
class AppointmentSlotFull(Refusal):
    """A refusal that helps on: SLOT_FULL."""

    alternatives: list[AppointmentSlot] = strawberry.field(
        description="Free slots, the nearest in place and time first."
    )


@strawberry.type(description="The place in the waiting list as it stands now.")
class WaitingListChanged:
    """What the mutations on a waiting list answer."""

    waiting: WaitingPlace = strawberry.field(description="The place.")


def to_ticket(status: TicketStatus) -> QueueTicket:
    """A ticket as its holder sees it."""
    ticket, release = status.ticket, status.release
    return QueueTicket(
        id=strawberry.ID(str(ticket.id)),
        place_id=strawberry.ID(str(release.resource_id)),
        releases_at=release.releases_at,
        state=status.state,
        position=ticket.position,
        ahead=status.ahead,
        admission=status.admission,
        seed_hash=bytes(release.seed_hash).hex(),
        seed=bytes(release.seed).hex() if release.drawn_at else None,
    )


def cancel_until(call: Call, service_id: str, starts_at: datetime) -> datetime:
    """Until when what starts then can be given back."""
    return policy_of(call.app, service_id).cancel.deadline(starts_at)


def say(call: Call, name: Named) -> str:
    """A name in the viewer's language."""
    return name.say(call.locale)


def to_place(call: Call, row: Resource) -> AppointmentPlace:
    """A place in the viewer's language."""
    return AppointmentPlace(
        id=strawberry.ID(str(row.id)),
        place=say(call, Named(row.place_zh, row.place_en)),
        name=say(call, Named(row.name_zh, row.name_en)),
        address=row.address,
    )


def to_item(call: Call, item: Item) -> AppointmentItem:
    """A business in the viewer's language."""
    return AppointmentItem(
        code=strawberry.ID(item.id),
        name=say(call, item.name),
        bring=[say(call, paper) for paper in item.bring],
        fee=Fen(item.fee_fen),
    )


def to_slot(call: Call, facts: SlotFacts, free: int) -> AppointmentSlot:
    """A slot and what is free of it."""
    return AppointmentSlot(
        id=strawberry.ID(str(facts.slot_id)),
        place_id=strawberry.ID(str(facts.resource_id)),
        place=say(call, facts.described.place),
        name=say(call, facts.described.name),
        starts_at=facts.starts_at,
        ends_at=facts.ends_at,
        capacity=facts.capacity,
        free=free,
        releases_at=facts.releases_at,
        cancel_until=cancel_until(call, facts.service_id, facts.starts_at),
        provisional=call.app.city.calendar.is_provisional(civil_date(facts.starts_at)),
    )


def to_full(call: Call, full: SlotFull) -> AppointmentSlotFull:
    """The refusal of a full slot with what is free instead."""
    return AppointmentSlotFull(
        code=full.code,
        message=full.say(call.locale),
        alternatives=[to_slot(call, offer.facts, offer.free) for offer in full.alternatives],
    )


def to_waiting(row: Wait) -> WaitingPlace:
    """A place in a waiting list."""
    return WaitingPlace(
        id=strawberry.ID(str(row.id)),
        place_id=strawberry.ID(str(row.resource_id)),
        on=row.day_on,
        state=WaitState(row.state),
        appointment_id=strawberry.ID(str(row.booking_id)) if row.booking_id else None,
        offered_until=row.offered_until,
    )
