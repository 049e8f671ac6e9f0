"""What the engine asks of an outside system whose numbers are booked through it: a hospital.

A module gives one `NumberSource` for each such service in one of its rooms.
The engine holds, charges, books, moves and compares; it knows nothing else of that system.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.deadline import Deadline
from core.people.personal_read import Access, Purpose
from core.rooms import ExtensionPoint
from core.texts import Text
from kinds.booking.domain import State
from kinds.booking.slot_store import Described


@dataclass(frozen=True, slots=True)
class ExternalSlot:
    """A number that an outside system offers; `free` as of the moment it was asked."""

    ref: str
    schedule_ref: str
    starts_at: datetime
    ends_at: datetime
    free: bool


@dataclass(frozen=True, slots=True)
class ExternalNumber:
    """A number with where and with whom it is and what it costs.

    `server_ref` is the hospital or clinic that has it; a person's bookings of one day are counted
    over `limit_group`. `fee_fen` is None where the outside system does not tell it.
    """

    slot: ExternalSlot
    server_ref: str
    described: Described
    limit_group: str
    fee_fen: int | None


@dataclass(frozen=True, slots=True)
class ExternalBooking:
    """Our booking as the outside system holds it. `version` is needed to change it.

    `outcome` is what became of the visit, where the system says so; which number it is of and when
    that is are None where it does not tell.
    """

    ref: str
    version: str
    live: bool
    outcome: State | None = None
    slot_ref: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class SlotTaken(Exception):
    """Somebody else has the number. The outside system did nothing."""


@dataclass(frozen=True, slots=True)
class SourceTexts:
    """What a person reads when the outside system refuses, cannot be reached, has still to agree.

    Their codes are kept with the booking.
    """

    refused: Text
    unavailable: Text
    awaited: Text


class NumberSystem(Protocol):
    """The client of an outside system. All methods raise UpstreamError."""

    async def book(
        self, access: Access, server_ref: str, slot_ref: str, booking_id: UUID, deadline: Deadline
    ) -> ExternalBooking:
        """Book a number for the person of the access. The same `booking_id` books once.

        Raises SlotTaken.
        """
        ...

    async def find_booking(
        self, server_ref: str, booking_id: UUID, deadline: Deadline
    ) -> ExternalBooking | None:
        """Our booking as the outside system knows it."""
        ...

    async def list_changed(
        self, server_ref: str, since: datetime, deadline: Deadline
    ) -> Sequence[UUID]:
        """Our bookings on which anything has changed at a server since a moment."""
        ...

    async def cancel(
        self, server_ref: str, booking_id: UUID, booking: ExternalBooking, deadline: Deadline
    ) -> ExternalBooking:
        """Give a number back; a cancelled one stays cancelled.

        Raises UpstreamRejected where the outside system insists on it.
        """
        ...


@runtime_checkable
class NumberSource(Protocol):
    """Where the numbers of one service come from."""

    @property
    def service_id(self) -> str:
        """The service that books them."""
        ...

    @property
    def purpose(self) -> Purpose:
        """The consent under which a person's data goes there."""
        ...

    @property
    def texts(self) -> SourceTexts:
        """What people read of it."""
        ...

    def system(self, app: App) -> NumberSystem:
        """The client of its servers."""
        ...

    def payee(self, server_ref: str) -> str:
        """Who gets the fees of a server."""
        ...

    async def find_number(self, call: Call, server_ref: str, slot_ref: str) -> ExternalNumber:
        """A number as it is offered now.

        Raises NotFound, also for one that this service does not book, and Unavailable.
        """
        ...

    async def read_number(
        self, app: App, server_ref: str, slot_ref: str, deadline: Deadline
    ) -> ExternalNumber | None:
        """A number, whether it is offered or not; None for one that this service does not book.

        Raises UpstreamError.
        """
        ...

    async def check_item(self, call: Call, item_id: str, number: ExternalNumber) -> str | None:
        """What the number is booked for, in words; None where the service does not ask.

        Raises Conflict where the number is not good for it, and Unavailable.
        """
        ...

    async def list_alternatives(
        self, call: Call, server_ref: str, slot_ref: str
    ) -> Sequence[ExternalSlot]:
        """Free numbers instead of a taken one, the nearest first; empty without an answer."""
        ...


SOURCES: ExtensionPoint[NumberSource] = ExtensionPoint(
    "number source", NumberSource, key=lambda source: source.service_id
)


def sources_of(app: App) -> Mapping[str, NumberSource]:
    """The sources of this installation by service."""

    def gather() -> Mapping[str, NumberSource]:
        return {source.service_id: source for source in app.extensions(SOURCES)}

    return app.once("appointments.sources", gather)


def source_of(app: App, service_id: str) -> NumberSource:
    """The source of a service's numbers. Raises KeyError for a service with slots of its own."""
    return sources_of(app)[service_id]
