"""Bills in GraphQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

import strawberry

from core.clock import civil_date
from core.context.call import Call
from core.context.contributions import home_card
from core.graphql import (
    Fen,
    HomeSection,
    IdempotencyKey,
    Info,
    Refused,
    by_data,
    mutation,
    parse_id,
    query,
    reading_view,
    view,
)
from core.upstream.readings import Reading, ReadStatus
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.accounts.graphql import BY_UTILITY, AccountNo, Kind
from modules.utilities.bills import domain, service, texts
from payments.api import Channel, Method, Payment, wish_of

_BY_BILL = by_data("the bill belongs to a utility, and each utility is a service of its own")
view(domain.BillStatus)


view(domain.BillTier)


@strawberry.type(description="A bill.")
class Bill:
    id: strawberry.ID = strawberry.field(description="The bill's id, for payBill.")
    bill_no: str = strawberry.field(description="The biller's number.")
    period: str = strawberry.field(description='The month it is for, "YYYY-MM".')
    usage: int = strawberry.field(description="Units used.")
    usage_unit: str = strawberry.field(description='The unit, "m3" or "kWh" and the like.')
    previous_reading: int = strawberry.field(description="The meter at the beginning.")
    reading: int = strawberry.field(description="The meter at the end.")
    tiers: list[domain.BillTier] = strawberry.field(description="How the amount comes about.")
    amount: Fen = strawberry.field(description="For the usage.")
    late_fee: Fen = strawberry.field(description="For the days overdue, as of today.")
    total: Fen = strawberry.field(description="What is open: it has to be paid today.")
    paid: Fen = strawberry.field(description="What is paid of it so far.")
    least_part: Fen | None = strawberry.field(
        description="The least that may be paid of it at once, where its biller takes parts; the "
        "last part may be smaller. Null: it is paid whole."
    )
    due_on: date = strawberry.field(description="The last day without late fee.")
    status: domain.BillStatus = strawberry.field(description="Open, paid or withdrawn.")


view(domain.BillArrears)
BillUsage = reading_view(
    "BillUsage",
    "An account's usage for a chart, and how fresh that is.",
    items=Annotated[Sequence[domain.BillUsageMonth], "The months, oldest first."],
)


@strawberry.type(description="An account's bills, and how fresh that is.")
class Bills:
    status: ReadStatus = strawberry.field(description="Where the answer comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    items: list[Bill] = strawberry.field(description="The bills, newest first.")
    arrears: domain.BillArrears | None = strawberry.field(
        description="What is open among them; null when UNAVAILABLE."
    )


@strawberry.type(description="The payment has begun.")
class BillPaymentStarted:
    payment: Payment = strawberry.field(
        description="The payment; without a cashier yet where the PSP is slow: follow it."
    )


@view
@dataclass(frozen=True, slots=True, kw_only=True)
class BillsDueSection(HomeSection):
    """The bills-due card of the home screen."""

    total_fen: Annotated[int | None, "What is due over all linked accounts."]
    count: Annotated[int | None, "How many bills that are."]


PayBillResult = Annotated[BillPaymentStarted | Refused, strawberry.union("PayBillResult")]


@strawberry.type
class Query:
    """The query fields of bills."""

    @query(
        BY_UTILITY,
        description="The bills of a linked account; the open ones unless told.",
    )
    async def bills(
        self,
        info: Info,
        kind: Kind,
        account_no: AccountNo,
        only_open: Annotated[
            bool, strawberry.argument(description="Leave out what is paid or withdrawn.")
        ] = True,
    ) -> Bills:
        """An account that is not linked is not found."""
        reading = await service.read_bills(info.context, kind, account_no, only_open=only_open)
        return Bills(
            **reading.freshness,
            items=[_bill(listed) for listed in reading.value or ()],
            arrears=_arrears(info.context, reading.value),
        )

    @query(
        BY_UTILITY,
        description="The usage of a linked account, month by month.",
        returns=BillUsage,
    )
    async def bill_usage(
        self,
        info: Info,
        kind: Annotated[UtilityKind, strawberry.argument(description="The utility.")],
        account_no: Annotated[str, strawberry.argument(description="The account's number.")],
    ) -> Reading[Sequence[domain.BillUsageMonth]]:
        """As far back as the biller keeps bills; an account that is not linked is not found."""
        reading = await service.read_bills(info.context, kind, account_no, only_open=False)
        return reading.map(lambda listed: domain.usage_by_month(each.bill for each in listed))


@strawberry.type
class Mutation:
    """The mutation fields of bills."""

    @mutation(_BY_BILL, description="Pay a bill of a linked account.")
    async def pay_bill(
        self,
        info: Info,
        bill_id: Annotated[
            strawberry.ID, strawberry.argument(description="The bill's id, from bills.")
        ],
        idempotency_key: IdempotencyKey,
        method: Method = None,
        channel: Channel = None,
        amount: Annotated[
            Fen | None,
            strawberry.argument(
                description="A part of what is open, from the bill's `leastPart` on; all of it "
                "unless told. Refused as PARTS_NOT_TAKEN, PART_TOO_SMALL, ABOVE_DUE."
            ),
        ] = None,
    ) -> PayBillResult:
        """Opens the cashier; how it goes on is told by `payment` and `paymentChanged`."""
        wish = wish_of(method, channel)
        payment = await service.pay_bill(
            info.context, parse_id(bill_id), idempotency_key, wish, amount
        )
        return BillPaymentStarted(payment=payment)


@home_card("bills-due", texts.BILLS_DUE, identity_level=1)
async def bills_due_card(call: Call) -> BillsDueSection:
    """The home screen's card."""
    reading: Reading[service.Due] = await service.read_due(call)
    due = reading.value
    return BillsDueSection(
        id="bills-due",
        title=texts.BILLS_DUE.say(call.locale),
        **reading.freshness,
        total_fen=due.total_fen if due else None,
        count=due.count if due else None,
    )


def _arrears(call: Call, listed: Sequence[service.ListedBill] | None) -> domain.BillArrears | None:
    if listed is None:
        return None
    return domain.arrears_of((each.bill for each in listed), civil_date(call.app.clock.now()))


def _bill(listed: service.ListedBill) -> Bill:
    bill = listed.bill
    return Bill(
        id=strawberry.ID(str(listed.id)),
        bill_no=bill.bill_no,
        period=bill.period,
        usage=bill.usage,
        usage_unit=bill.usage_unit,
        previous_reading=bill.previous_reading,
        reading=bill.reading,
        tiers=bill.tiers,
        amount=Fen(bill.amount_fen),
        late_fee=Fen(bill.late_fee_fen),
        total=Fen(bill.total_fen),
        paid=Fen(bill.paid_fen),
        least_part=None if bill.least_part_fen is None else Fen(bill.least_part_fen),
        due_on=bill.due_on,
        status=bill.status,
    )
