"""An appointment in GraphQL, as its booker sees it."""

from datetime import datetime

import strawberry

from core.context.call import Call
from core.errors import LoginRequired
from core.graphql import Fen, Info
from kinds.booking import calendar_file, visits
from kinds.booking.domain import State
from kinds.booking.graphql_types import AppointmentItem, cancel_until, say, to_item
from kinds.booking.people import SUBJECT
from kinds.booking.policy import find_item
from kinds.booking.slot_store import NOTHING, Described
from kinds.booking.store import BookingRow


@strawberry.type(description="An appointment of the viewer.")
class Appointment:
    """A booking."""

    row: strawberry.Private[BookingRow]
    id: strawberry.ID = strawberry.field(description="The appointment's id.")
    service_id: strawberry.ID = strawberry.field(description="The catalogue service.")
    state: State = strawberry.field(description="Where it stands.")
    version: int = strawberry.field(
        description="Rises with every change, over all times of a moved appointment."
    )
    needs_proof: bool = strawberry.field(
        description="Whether where, with whom and what for are hidden until stepUp: what is of "
        "health is shown to who has just proved who they are."
    )
    place: str = strawberry.field(description="Where to go; empty while it is hidden.")
    unit: str = strawberry.field(
        description="The department or window there; empty while it is hidden."
    )
    name: str = strawberry.field(description="With whom, or what for; empty while it is hidden.")
    starts_at: datetime = strawberry.field(description="When it begins.")
    ends_at: datetime = strawberry.field(description="When it ends.")
    fee: Fen | None = strawberry.field(
        description="What it costs; null where the hospital does not tell: ask at the counter."
    )
    hold_expires_at: datetime | None = strawberry.field(
        description="Until when the seat is kept while the state is HELD."
    )
    pay_before: datetime | None = strawberry.field(
        description="Until when the fee has to be paid with payAppointment, or the seat is free "
        "again; null where nothing has to be paid now."
    )
    cancel_until: datetime = strawberry.field(description="Until when it can be cancelled.")
    preparation: str = strawberry.field(description="How to prepare; empty where nothing is told.")
    booked_for: strawberry.ID | None = strawberry.field(
        description="For whom it is, by id; null for whoever booked it."
    )

    @strawberry.field(description="What it is for; null where its service has no such list.")
    def item(self, info: Info) -> AppointmentItem | None:
        """The business and what to bring."""
        found = find_item(info.context.app, self.row.service_id, self.row.item_id)
        return to_item(info.context, found) if found and not self.needs_proof else None

    @strawberry.field(description="What it is about: the number plate, the dose.")
    def subject(self, info: Info) -> str | None:
        """The thing."""
        sealed = None if self.needs_proof else self.row.subject_sealed
        return info.context.app.vault.decrypt(sealed, SUBJECT) if sealed else None

    @strawberry.field(description="What the QR code for checking in says; good once.")
    def check_in_code(self, info: Info) -> str | None:
        """The code of a confirmed appointment at one of the city's own places."""
        return None if self.row.access_id else visits.check_in_code(info.context.app, self.row)

    @strawberry.field(
        description="The appointment as an iCalendar file (RFC 5545); null while it is hidden."
    )
    def ics(self, info: Info) -> str | None:
        """The calendar file; a changed appointment keeps its UID."""
        if self.needs_proof:
            return None
        return calendar_file.write(info.context.app, self.row, info.context.locale)


@strawberry.type(description="The appointment as it stands now.")
class AppointmentChanged:
    """What the mutations on one appointment answer."""

    appointment: Appointment = strawberry.field(description="The appointment.")


_HIDDEN = Described(NOTHING, NOTHING, NOTHING)


def _is_proved(call: Call, service_id: str) -> bool:
    """Whether the caller meets the service's own rule, of level and freshness, now."""
    try:
        call.require_service(service_id)
    except LoginRequired:
        return False
    return True


def appointment(call: Call, row: BookingRow) -> Appointment:
    """A booking as the viewer sees it."""
    needs_proof = not _is_proved(call, row.service_id)
    described = _HIDDEN if needs_proof else row.described
    return Appointment(
        row=row,
        needs_proof=needs_proof,
        id=strawberry.ID(str(row.id)),
        service_id=strawberry.ID(row.service_id),
        state=row.state,
        version=row.version,
        place=say(call, described.place),
        unit=say(call, described.unit),
        name=say(call, described.name),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        fee=None if row.fee_fen is None else Fen(row.fee_fen),
        hold_expires_at=row.hold_expires_at if row.state is State.HELD else None,
        pay_before=row.hold_expires_at if row.awaits_payment else None,
        cancel_until=cancel_until(call, row.service_id, row.starts_at),
        preparation=say(call, described.notes),
        booked_for=strawberry.ID(str(row.booked_for)) if row.booked_for else None,
    )
