"""Traffic fines in GraphQL."""

from datetime import date, datetime
from typing import Annotated

import strawberry

from core.context.call import Call
from core.graphql import (
    UNREADABLE,
    Fen,
    IdempotencyKey,
    Info,
    Refused,
    mutation,
    of_service,
    parse_id,
    query,
    signed_in,
    view,
)
from core.texts import Locale
from core.upstream.readings import ReadStatus
from modules.mobility.fines import domain, service
from payments.api import Channel, Method, Payment, wish_of

view(domain.FineStatus, name="TrafficFineStatus")

FineId = Annotated[strawberry.ID, strawberry.argument(description="The fine's id.")]


@strawberry.type(description="The order to pay a fine, as of today.")
class TrafficFineOrder:
    order_no: str = strawberry.field(description="The non-tax revenue platform's number.")
    decision_no: str | None = strawberry.field(description="The decision's number.")
    late_fee: Fen = strawberry.field(description="The surcharge for the days overdue.")
    total: Fen = strawberry.field(description="What has to be paid today.")
    due_on: date = strawberry.field(description="The last day without surcharge.")


@strawberry.type(description="A traffic violation of the viewer's car, and its fine.")
class TrafficFine:
    id: strawberry.ID = strawberry.field(
        description="The fine's id, for acceptTrafficViolation and payTrafficFine."
    )
    violation_no: str = strawberry.field(description="The traffic police's number.")
    plate: str = strawberry.field(description="The car.")
    committed_at: datetime = strawberry.field(description="When it was committed.")
    place: str = strawberry.field(description="Where, in the viewer's language.")
    offence: str = strawberry.field(description="What, in the viewer's language.")
    points: int = strawberry.field(description="Penalty points.")
    fine: Fen = strawberry.field(description="The fine, without surcharge.")
    status: domain.FineStatus = strawberry.field(description="What has become of it.")
    order: TrafficFineOrder | None = strawberry.field(
        description="What is to be paid; null while it is not accepted, once it is settled, and "
        "where the revenue platform does not tell."
    )
    e_receipt_no: str | None = strawberry.field(
        description="The electronic receipt's number, where it was paid here."
    )
    payment: Payment | None = strawberry.field(
        description="The viewer's last payment for it, where there is one."
    )


@strawberry.type(description="The violations of the viewer's car, and how fresh that is.")
class TrafficFines:
    status: ReadStatus = strawberry.field(description="Where the answer comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    items: list[TrafficFine] = strawberry.field(description="The fines, newest first.")
    unreadable: int = strawberry.field(description=UNREADABLE)


@strawberry.type(description="The violation is accepted.")
class TrafficViolationAccepted:
    fine: TrafficFine = strawberry.field(description="The fine with its order to pay.")


@strawberry.type(description="The payment has begun.")
class TrafficFinePaymentStarted:
    payment: Payment = strawberry.field(
        description="The payment; without a cashier yet where the PSP is slow: follow it."
    )


AcceptTrafficViolationResult = Annotated[
    TrafficViolationAccepted | Refused,
    strawberry.union(
        "AcceptTrafficViolationResult", description="The accepted violation, or why not."
    ),
]
PayTrafficFineResult = Annotated[
    TrafficFinePaymentStarted | Refused,
    strawberry.union("PayTrafficFineResult", description="The payment that has begun, or why not."),
]


@strawberry.type
class Query:
    """The query fields of traffic fines."""

    @query(signed_in(2), description="The violations and fines of the viewer's own car.")
    async def traffic_fines(self, info: Info) -> TrafficFines:
        """Needs the consent `mobility.traffic-fines`."""
        reading = await service.read_fines(info.context)
        return TrafficFines(
            **reading.freshness,
            items=[_fine(info.context, listed) for listed in reading.records.items],
            unreadable=reading.unreadable,
        )


@strawberry.type
class Mutation:
    """The mutation fields of traffic fines."""

    @mutation(
        of_service(service.SERVICE),
        description="Accept a violation of the viewer's car, with its points; this brings the "
        "order to pay its fine.",
        waits=True,
    )
    async def accept_traffic_violation(
        self, info: Info, fine_id: FineId, idempotency_key: IdempotencyKey
    ) -> AcceptTrafficViolationResult:
        """Needs the consent `mobility.traffic-fines`."""
        listed = await service.accept(info.context, parse_id(fine_id), idempotency_key)
        return TrafficViolationAccepted(fine=_fine(info.context, listed))

    @mutation(of_service(service.SERVICE), description="Pay a fine that was accepted.")
    async def pay_traffic_fine(
        self,
        info: Info,
        fine_id: FineId,
        idempotency_key: IdempotencyKey,
        method: Method = None,
        channel: Channel = None,
    ) -> PayTrafficFineResult:
        """Opens the cashier; how it goes on is told by `payment` and `paymentChanged`."""
        wish = wish_of(method, channel)
        payment = await service.pay(info.context, parse_id(fine_id), idempotency_key, wish)
        return TrafficFinePaymentStarted(payment=payment)


def _fine(call: Call, listed: service.ListedFine) -> TrafficFine:
    violation, order, chinese = listed.violation, listed.order, call.locale is Locale.ZH
    return TrafficFine(
        id=strawberry.ID(str(listed.id)),
        violation_no=violation.violation_no,
        plate=violation.plate,
        committed_at=violation.committed_at,
        place=violation.place_zh if chinese else violation.place_en,
        offence=violation.offence_zh if chinese else violation.offence_en,
        points=violation.points,
        fine=Fen(violation.fine_fen),
        status=listed.status,
        order=None if order is None else _order(violation, order),
        e_receipt_no=listed.receipt_no,
        payment=listed.payment,
    )


def _order(violation: domain.Violation, order: domain.Order) -> TrafficFineOrder:
    return TrafficFineOrder(
        order_no=order.order_no,
        decision_no=violation.decision_no,
        late_fee=Fen(order.late_fee_fen),
        total=Fen(order.total_fen),
        due_on=order.due_on,
    )
