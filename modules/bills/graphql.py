"""Bills in GraphQL."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated

import strawberry

from core.clock import civil_date
from core.context.call import Call
from core.errors import NotFound
from core.graphql import (
    Fen,
    HomeSection,
    IdempotencyKey,
    Info,
    Refused,
    mutation,
    parse_id,
)
from core.refusal_texts import NOT_FOUND
from core.upstream.readings import Reading, ReadStatus
from modules.bills import domain, models, service, texts
from modules.bills.domain import UtilityKind
from payments.api import Method, Payment

strawberry.enum(
    UtilityKind,
    name="UtilityKind",
    description="The utilities: WATER, ELECTRICITY, GAS, and HEATING of the district network.",
)
Kind = Annotated[UtilityKind, strawberry.argument(description="Which utility.")]
AccountNo = Annotated[
    str, strawberry.argument(description="The account's number, as it stands on the bill.")
]
strawberry.enum(
    domain.BillStatus,
    name="BillStatus",
    description="OPEN: to be paid. PAID: settled. WITHDRAWN: taken back by the biller.",
)


@strawberry.type(description="A part of the usage at one price.")
class BillTier:
    """A tier."""

    upto: int | None = strawberry.field(description="Its upper bound; null in the last tier.")
    unit_price_yuan: str = strawberry.field(description="Yuan per unit.")
    usage: int = strawberry.field(description="Units in this tier.")
    amount: Fen = strawberry.field(description="What they cost.")


@strawberry.type(description="A bill.")
class Bill:
    """A bill as its biller tells it."""

    id: strawberry.ID = strawberry.field(description="The bill's id, for payBill.")
    bill_no: str = strawberry.field(description="The biller's number.")
    period: str = strawberry.field(description='The month it is for, "YYYY-MM".')
    usage: int = strawberry.field(description="Units used.")
    usage_unit: str = strawberry.field(description='The unit, "m3" or "kWh" and the like.')
    previous_reading: int = strawberry.field(description="The meter at the beginning.")
    reading: int = strawberry.field(description="The meter at the end.")
    tiers: list[BillTier] = strawberry.field(description="How the amount comes about.")
    amount: Fen = strawberry.field(description="For the usage.")
    late_fee: Fen = strawberry.field(description="For the days overdue, as of today.")
    total: Fen = strawberry.field(description="What has to be paid today.")
    due_on: date = strawberry.field(description="The last day without late fee.")
    status: domain.BillStatus = strawberry.field(description="Open, paid or withdrawn.")


@strawberry.type(description="What is open on an account.")
class BillArrears:
    """Arrears."""

    total: Fen = strawberry.field(description="All open bills together, late fees included.")
    count: int = strawberry.field(description="How many they are.")
    overdue: Fen = strawberry.field(description="Those of them past their due day.")
    overdue_count: int = strawberry.field(description="How many of them.")
    late_fee: Fen = strawberry.field(description="The late fees in it, as of today.")
    oldest_due_on: date | None = strawberry.field(
        description="The earliest due day; null without open bills."
    )


@strawberry.type(description="A month's usage.")
class BillUsageMonth:
    """A point of the chart."""

    period: str = strawberry.field(description='The month, "YYYY-MM".')
    usage: int = strawberry.field(description="Units used.")
    usage_unit: str = strawberry.field(description='The unit, "m3" or "kWh" and the like.')
    amount: Fen = strawberry.field(description="What they cost, late fees aside.")


@strawberry.type(description="An account's usage for a chart, and how fresh that is.")
class BillUsage:
    """What billUsage answers."""

    status: ReadStatus = strawberry.field(description="Where the answer comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    months: list[BillUsageMonth] = strawberry.field(description="The months, oldest first.")


@strawberry.type(description="An account's bills, and how fresh that is.")
class Bills:
    """What bills answers."""

    status: ReadStatus = strawberry.field(description="Where the answer comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    items: list[Bill] = strawberry.field(description="The bills, newest first.")
    arrears: BillArrears | None = strawberry.field(
        description="What is open among them; null when UNAVAILABLE."
    )


@strawberry.type(description="A household's account at a biller, linked to the viewer.")
class BillAccount:
    """A link."""

    id: strawberry.ID = strawberry.field(description="The link's id.")
    kind: UtilityKind = strawberry.field(description="The utility.")
    account_no: str = strawberry.field(description="The account's number.")
    label: str = strawberry.field(description="The viewer's own name for it, perhaps empty.")
    holder: str = strawberry.field(description="The holder, masked by the biller.")
    address: str = strawberry.field(description="The address, masked by the biller.")


@strawberry.type(description="The account is linked.")
class BillAccountLinked:
    """What linkBillAccount answers."""

    account: BillAccount = strawberry.field(description="The account.")


@strawberry.type(description="The account is linked no more.")
class BillAccountUnlinked:
    """What unlinkBillAccount answers."""

    account_id: strawberry.ID = strawberry.field(description="The link's id.")


@strawberry.type(description="The payment has begun.")
class BillPaymentStarted:
    """What payBill answers."""

    payment: Payment = strawberry.field(
        description="The payment; without a cashier yet where the PSP is slow: follow it."
    )


@strawberry.type(description="The bills-due card of the home screen.")
class BillsDueSection(HomeSection):
    """The card."""

    total: Fen | None = strawberry.field(description="What is due over all linked accounts.")
    count: int | None = strawberry.field(description="How many bills that are.")


LinkBillAccountResult = Annotated[
    BillAccountLinked | Refused, strawberry.union("LinkBillAccountResult")
]
UnlinkBillAccountResult = Annotated[
    BillAccountUnlinked | Refused, strawberry.union("UnlinkBillAccountResult")
]
PayBillResult = Annotated[BillPaymentStarted | Refused, strawberry.union("PayBillResult")]


@strawberry.type
class Query:
    """The query fields of bills."""

    @strawberry.field(description="The viewer's linked accounts.")
    async def bill_accounts(
        self,
        info: Info,
        kind: Annotated[
            UtilityKind | None, strawberry.argument(description="Of one utility; of all without.")
        ] = None,
    ) -> list[BillAccount]:
        """Links in the order they were made."""
        return [to_account(link) for link in await service.list_accounts(info.context, kind)]

    @strawberry.field(description="The bills of a linked account; the open ones unless told.")
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
            status=reading.status,
            as_of=reading.as_of,
            reason=reading.reason,
            items=[_bill(listed) for listed in reading.value or ()],
            arrears=_arrears(info.context, reading.value),
        )

    @strawberry.field(description="The usage of a linked account, month by month.")
    async def bill_usage(
        self,
        info: Info,
        kind: Annotated[UtilityKind, strawberry.argument(description="The utility.")],
        account_no: Annotated[str, strawberry.argument(description="The account's number.")],
    ) -> BillUsage:
        """As far back as the biller keeps bills; an account that is not linked is not found."""
        reading = await service.read_bills(info.context, kind, account_no, only_open=False)
        months = domain.usage_by_month(listed.bill for listed in reading.value or ())
        return BillUsage(
            status=reading.status,
            as_of=reading.as_of,
            reason=reading.reason,
            months=[
                BillUsageMonth(
                    period=month.period,
                    usage=month.usage,
                    usage_unit=month.usage_unit,
                    amount=Fen(month.amount_fen),
                )
                for month in months
            ],
        )


@strawberry.type
class Mutation:
    """The mutation fields of bills."""

    @mutation(description="Link a household's account; linking it again renames it.")
    async def link_bill_account(
        self,
        info: Info,
        kind: Kind,
        account_no: AccountNo,
        idempotency_key: IdempotencyKey,
        label: Annotated[
            str, strawberry.argument(description="The viewer's own name for it, perhaps empty.")
        ] = "",
    ) -> LinkBillAccountResult:
        """At most ten accounts per person."""
        link = await service.link_account(info.context, kind, account_no, label, idempotency_key)
        return BillAccountLinked(account=to_account(link))

    @mutation(description="Remove a link.")
    async def unlink_bill_account(
        self,
        info: Info,
        account_id: Annotated[
            strawberry.ID, strawberry.argument(description="The link's id, from billAccounts.")
        ],
        idempotency_key: IdempotencyKey,
    ) -> UnlinkBillAccountResult:
        """A link that is gone already, or somebody else's, is not found."""
        if not await service.unlink_account(info.context, parse_id(account_id)):
            raise NotFound(NOT_FOUND)
        return BillAccountUnlinked(account_id=account_id)

    @mutation(description="Pay a bill of a linked account.")
    async def pay_bill(
        self,
        info: Info,
        bill_id: Annotated[
            strawberry.ID, strawberry.argument(description="The bill's id, from bills.")
        ],
        idempotency_key: IdempotencyKey,
        method: Method = None,
    ) -> PayBillResult:
        """Opens the cashier; how it goes on is told by `payment` and `paymentChanged`."""
        payment = await service.pay_bill(info.context, parse_id(bill_id), idempotency_key, method)
        return BillPaymentStarted(payment=payment)


async def bills_due_card(call: Call) -> BillsDueSection:
    """The home screen's card."""
    reading: Reading[service.Due] = await service.read_due(call)
    due = reading.value
    return BillsDueSection(
        id="bills-due",
        title=texts.BILLS_DUE.say(call.locale),
        status=reading.status,
        as_of=reading.as_of,
        reason=reading.reason,
        total=Fen(due.total_fen) if due else None,
        count=due.count if due else None,
    )


def to_account(link: models.AccountLink) -> BillAccount:
    """A link as its citizen sees it."""
    return BillAccount(
        id=strawberry.ID(str(link.id)),
        kind=UtilityKind(link.kind),
        account_no=link.account_no,
        label=link.label,
        holder=link.holder_masked,
        address=link.address_masked,
    )


def _arrears(call: Call, listed: Sequence[service.ListedBill] | None) -> BillArrears | None:
    if listed is None:
        return None
    today = civil_date(call.app.clock.now())
    found = domain.arrears_of((each.bill for each in listed), today)
    return BillArrears(
        total=Fen(found.total_fen),
        count=found.count,
        overdue=Fen(found.overdue_fen),
        overdue_count=found.overdue_count,
        late_fee=Fen(found.late_fee_fen),
        oldest_due_on=found.oldest_due_on,
    )


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
        tiers=[
            BillTier(
                upto=tier.upto,
                unit_price_yuan=tier.unit_price_yuan,
                usage=tier.usage,
                amount=Fen(tier.amount_fen),
            )
            for tier in bill.tiers
        ],
        amount=Fen(bill.amount_fen),
        late_fee=Fen(bill.late_fee_fen),
        total=Fen(bill.total_fen),
        due_on=bill.due_on,
        status=bill.status,
    )
