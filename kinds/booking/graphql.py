"""Appointments in GraphQL: what is on offer, the viewer's bookings, and what can be done."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated
from uuid import UUID

import strawberry

from core.graphql import (
    After,
    Connection,
    First,
    IdempotencyKey,
    Info,
    OnBehalfOf,
    Refused,
    anybody,
    by_data,
    connection,
    mutation,
    page_size,
    parse_id,
    query,
    signed_in,
    subscription,
)
from kinds.booking import fees, messages, queue, service, texts, waiting
from kinds.booking.graphql_booking import Appointment, AppointmentChanged, appointment
from kinds.booking.graphql_types import (
    AppointmentItem,
    AppointmentPlace,
    AppointmentSlot,
    AppointmentSlotFull,
    CompanionInput,
    ExpectedVersion,
    QueueJoined,
    QueueTicket,
    WaitingListChanged,
    WaitingPlace,
    to_full,
    to_item,
    to_place,
    to_slot,
    to_ticket,
    to_waiting,
)
from kinds.booking.people import Companion
from kinds.booking.service import SlotFull
from payments.api import Channel, Method, Payment, wish_of

ServiceId = Annotated[strawberry.ID, strawberry.argument(description="The catalogue service.")]
AppointmentId = Annotated[strawberry.ID, strawberry.argument(description="The appointment's id.")]
SlotId = Annotated[strawberry.ID, strawberry.argument(description="The slot's id.")]
ItemId = Annotated[
    strawberry.ID, strawberry.argument(description="What one comes for, from appointmentItems.")
]
Subject = Annotated[
    str | None,
    strawberry.argument(description="What it is about where that is a thing: the number plate."),
]

_APPOINTMENT_DECIDES = "the service, and so the level it asks, is known from the appointment"
_BY_APPOINTMENT = by_data(_APPOINTMENT_DECIDES)
_BY_APPOINTMENT_FRESH = by_data(_APPOINTMENT_DECIDES, fresh=True)
_BY_PLACE = by_data("the service, and so the level it asks, is known from the place or its slot")


@strawberry.type(description="The payment of a fee has begun.")
class AppointmentPaymentStarted:
    """What payAppointment answers."""

    payment: Payment = strawberry.field(
        description="The payment; once it has SUCCEEDED the appointment is confirmed."
    )


PayAppointmentResult = Annotated[
    AppointmentPaymentStarted | Refused, strawberry.union("PayAppointmentResult")
]
HoldAppointmentResult = Annotated[
    AppointmentChanged | AppointmentSlotFull | Refused, strawberry.union("HoldAppointmentResult")
]
ConfirmAppointmentResult = Annotated[
    AppointmentChanged | Refused, strawberry.union("ConfirmAppointmentResult")
]
CancelAppointmentResult = Annotated[
    AppointmentChanged | Refused, strawberry.union("CancelAppointmentResult")
]
RescheduleAppointmentResult = Annotated[
    AppointmentChanged | AppointmentSlotFull | Refused,
    strawberry.union("RescheduleAppointmentResult"),
]
JoinWaitingListResult = Annotated[
    WaitingListChanged | Refused, strawberry.union("JoinWaitingListResult")
]
LeaveWaitingListResult = Annotated[
    WaitingListChanged | Refused, strawberry.union("LeaveWaitingListResult")
]
JoinQueueResult = Annotated[QueueJoined | Refused, strawberry.union("JoinQueueResult")]


@strawberry.type
class Query:
    """The query fields of appointments."""

    @query(anybody(), description="Where a service takes appointments.")
    async def appointment_places(self, info: Info, service_id: ServiceId) -> list[AppointmentPlace]:
        """The places of one of the city's own services."""
        rows = await service.list_places(info.context, service_id)
        return [to_place(info.context, row) for row in rows]

    @query(anybody(), description="What one can come for: papers to bring, the fee.")
    async def appointment_items(self, info: Info, service_id: ServiceId) -> list[AppointmentItem]:
        """The businesses of a service."""
        return [to_item(info.context, i) for i in service.list_items(info.context, service_id)]

    @query(anybody(), description="The slots of a place still to come, full ones too.")
    async def appointment_slots(
        self,
        info: Info,
        place_id: Annotated[strawberry.ID, strawberry.argument(description="The place.")],
        skip_days: Annotated[
            int, strawberry.argument(description="How many days to pass over first, 0 to 31.")
        ] = 0,
        days: Annotated[
            int, strawberry.argument(description="How many days to show, 1 to 31.")
        ] = service.DAYS_SHOWN,
        only_free: Annotated[
            bool, strawberry.argument(description="Leave out what is full.")
        ] = False,
    ) -> list[AppointmentSlot]:
        """What is on offer."""
        rows = await service.list_slots(
            info.context,
            parse_id(place_id),
            skip_days=skip_days,
            days=days,
            only_free=only_free,
        )
        return [to_slot(info.context, facts, free) for facts, free in rows]

    @query(
        signed_in(),
        description="The appointments of the viewer and of the viewer's children, and those that "
        "the viewer made for others; newest first.",
    )
    async def appointments(
        self, info: Info, first: First, after: After = None
    ) -> Connection[Appointment]:
        """Every service's appointments."""
        first = page_size(first)
        before = parse_id(after) if after else None
        rows = await service.list_bookings(info.context, first=first + 1, before=before)
        return connection(
            rows,
            first,
            lambda row: str(row.id),
            lambda row: appointment(info.context, row),
            after=after,
        )

    @query(signed_in(), description="One of the viewer's appointments.")
    async def appointment(self, info: Info, id: AppointmentId) -> Appointment:
        """An appointment."""
        row = await service.get_booking(info.context, parse_id(id))
        return appointment(info.context, row)

    @query(signed_in(), description="The viewer's ticket in the queue of a release.")
    async def queue_ticket(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="The ticket's id.")],
    ) -> QueueTicket:
        """A ticket."""
        return to_ticket(await queue.get_status(info.context, parse_id(id)))

    @query(
        signed_in(),
        description="Where the viewer or a child of theirs waits or has an offer, newest first.",
    )
    async def waiting_places(self, info: Info, first: First) -> list[WaitingPlace]:
        """The viewer's waits."""
        rows = await waiting.list_waits(info.context, first=page_size(first))
        return [to_waiting(row) for row in rows]


@strawberry.type
class Mutation:
    """The mutation fields of appointments."""

    @mutation(
        _BY_PLACE,
        description="Keep a seat for the viewer until it is confirmed or the hold ends.",
        parties_told=messages.PARTIES_TOLD,
    )
    async def hold_appointment(
        self,
        info: Info,
        slot_id: SlotId,
        item_id: ItemId,
        idempotency_key: IdempotencyKey,
        subject: Subject = None,
        companions: Annotated[
            list[CompanionInput] | None,
            strawberry.argument(description="Who comes along, where the service asks for it."),
        ] = None,
        admission: Annotated[
            str | None,
            strawberry.argument(description="From the queue's ticket, where a queue stands."),
        ] = None,
        on_behalf_of: OnBehalfOf = None,
    ) -> HoldAppointmentResult:
        """Hold a seat."""
        try:
            row = await service.hold(
                info.context,
                parse_id(slot_id),
                item_id=item_id,
                subject=subject,
                companions=[Companion(c.name, c.resident_id) for c in companions or ()],
                admission=admission,
                on_behalf_of=parse_id(on_behalf_of) if on_behalf_of is not None else None,
                key=idempotency_key,
            )
        except SlotFull as full:
            return to_full(info.context, full)
        return AppointmentChanged(appointment=appointment(info.context, row))

    @mutation(
        _BY_APPOINTMENT,
        description="Turn a hold into an appointment.",
    )
    async def confirm_appointment(
        self, info: Info, appointment_id: AppointmentId, idempotency_key: IdempotencyKey
    ) -> ConfirmAppointmentResult:
        """Confirm."""
        row = await service.confirm(info.context, parse_id(appointment_id), idempotency_key)
        return AppointmentChanged(appointment=appointment(info.context, row))

    @mutation(
        _BY_APPOINTMENT_FRESH,
        description="Pay the fee of a held appointment; paid, it is confirmed by itself.",
    )
    async def pay_appointment(
        self,
        info: Info,
        appointment_id: AppointmentId,
        idempotency_key: IdempotencyKey,
        method: Method = None,
        channel: Channel = None,
    ) -> PayAppointmentResult:
        """Opens the cashier; a payment that comes after `payBefore` is returned."""
        wish = wish_of(method, channel)
        payment = await fees.pay(info.context, parse_id(appointment_id), idempotency_key, wish)
        return AppointmentPaymentStarted(payment=payment)

    @mutation(
        _BY_APPOINTMENT,
        description="Give an appointment back before its deadline; a paid fee goes back.",
    )
    async def cancel_appointment(
        self,
        info: Info,
        appointment_id: AppointmentId,
        idempotency_key: IdempotencyKey,
        expected_version: ExpectedVersion = None,
    ) -> CancelAppointmentResult:
        """Cancel."""
        row = await service.cancel(
            info.context, parse_id(appointment_id), idempotency_key, expected_version
        )
        return AppointmentChanged(appointment=appointment(info.context, row))

    @mutation(
        _BY_APPOINTMENT,
        description="Move an appointment to another slot, or leave it as it is.",
    )
    async def reschedule_appointment(
        self,
        info: Info,
        appointment_id: AppointmentId,
        slot_id: SlotId,
        idempotency_key: IdempotencyKey,
        expected_version: ExpectedVersion = None,
    ) -> RescheduleAppointmentResult:
        """Move: the answer is the appointment at its new time."""
        try:
            row = await service.reschedule(
                info.context,
                parse_id(appointment_id),
                parse_id(slot_id),
                idempotency_key,
                expected_version,
            )
        except SlotFull as full:
            return to_full(info.context, full)
        return AppointmentChanged(appointment=appointment(info.context, row))

    @mutation(
        _BY_PLACE,
        description="Wait for a seat of a place on a day; what comes free is offered in turn.",
        act=texts.JOINED_WAITING_LIST,
    )
    async def join_waiting_list(
        self,
        info: Info,
        place_id: Annotated[strawberry.ID, strawberry.argument(description="The place.")],
        on: Annotated[date, strawberry.argument(description="The day, one open for booking.")],
        item_id: ItemId,
        idempotency_key: IdempotencyKey,
        subject: Subject = None,
        on_behalf_of: OnBehalfOf = None,
    ) -> JoinWaitingListResult:
        """Join."""
        row = await waiting.join(
            info.context,
            parse_id(place_id),
            on,
            item_id=item_id,
            subject=subject,
            on_behalf_of=parse_id(on_behalf_of) if on_behalf_of is not None else None,
            key=idempotency_key,
        )
        return WaitingListChanged(waiting=to_waiting(row))

    @mutation(
        signed_in(),
        description="Give up a place in a waiting list, one's own or a child's.",
    )
    async def leave_waiting_list(
        self,
        info: Info,
        waiting_id: Annotated[strawberry.ID, strawberry.argument(description="The place's id.")],
        idempotency_key: IdempotencyKey,
    ) -> LeaveWaitingListResult:
        """Leave."""
        row = await waiting.leave(info.context, parse_id(waiting_id), idempotency_key)
        return WaitingListChanged(waiting=to_waiting(row))

    @mutation(
        _BY_PLACE,
        description="Stand in the queue of a place's next release; one ticket each.",
    )
    async def join_queue(
        self,
        info: Info,
        place_id: Annotated[strawberry.ID, strawberry.argument(description="The place.")],
        idempotency_key: IdempotencyKey,
    ) -> JoinQueueResult:
        """Joining twice is joining once, whatever the key."""
        status = await queue.join(info.context, parse_id(place_id))
        return QueueJoined(ticket=to_ticket(status))


@strawberry.type
class Subscription:
    """The subscription fields of appointments."""

    @subscription(signed_in(), description="The viewer's appointments, each time one changes.")
    async def appointment_changed(self, info: Info) -> AsyncIterator[Appointment]:
        """Changes, whichever process made them."""
        call = info.context
        topic = messages.topic(call.require_viewer().user_id)
        async for booking_id in call.app.bus.stream(topic):
            row = await service.find_booking(call, UUID(booking_id))
            if row is not None:  # the viewer may be a party no more
                yield appointment(call, row)

    @subscription(signed_in(), description="The viewer's ticket, each time its queue moves.")
    async def queue_ticket_changed(
        self,
        info: Info,
        ticket_id: Annotated[strawberry.ID, strawberry.argument(description="The ticket's id.")],
    ) -> AsyncIterator[QueueTicket]:
        """The ticket as it stands, now and after each admission."""
        async for status in queue.watch(info.context, parse_id(ticket_id)):
            yield to_ticket(status)
