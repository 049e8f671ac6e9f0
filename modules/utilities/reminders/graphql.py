"""Service 48 in GraphQL."""

from datetime import date, datetime
from typing import Annotated

import strawberry

from core.graphql import (
    Fen,
    IdempotencyKey,
    Info,
    Refused,
    mutation,
    of_service,
    parse_id,
    query,
    view,
)
from modules.utilities.accounts.graphql import BillAccount, to_account
from modules.utilities.reminders import domain, service
from modules.utilities.reminders.domain import BILL_REMINDER, Rule

view(domain.Stage, name="BillReminderStage")
view(domain.Delivery, name="BillReminderDelivery")

AccountId = Annotated[strawberry.ID, strawberry.argument(description="The linked account's id.")]


@strawberry.type(description="A reminder that was sent.")
class BillReminderSent:
    bill_id: strawberry.ID = strawberry.field(description="The bill, for payBill.")
    stage: domain.Stage = strawberry.field(description="Ahead or overdue.")
    amount: Fen = strawberry.field(description="What was due then.")
    sent_at: datetime = strawberry.field(description="When it was sent.")
    delivery: domain.Delivery = strawberry.field(description="What became of it.")


@strawberry.type(description="A linked account whose bills the viewer is reminded of.")
class BillReminder:
    account: BillAccount = strawberry.field(description="The account.")
    days_before: int = strawberry.field(description="How many days before the due day.")
    min_amount: Fen = strawberry.field(description="Smaller bills are passed over.")
    sms: bool = strawberry.field(description="Whether a text message goes beside the inbox.")
    checked_on: date | None = strawberry.field(
        description="The day on which the biller was last asked; null before the first time."
    )
    last: BillReminderSent | None = strawberry.field(description="The last reminder sent.")


@strawberry.type(description="The viewer is reminded from now on.")
class BillReminderSet:
    reminder: BillReminder = strawberry.field(description="The reminder.")


@strawberry.type(description="The viewer is reminded no more.")
class BillReminderRemoved:
    account_id: strawberry.ID = strawberry.field(description="The linked account's id.")


SetBillReminderResult = Annotated[
    BillReminderSet | Refused, strawberry.union("SetBillReminderResult")
]
RemoveBillReminderResult = Annotated[
    BillReminderRemoved | Refused, strawberry.union("RemoveBillReminderResult")
]


@strawberry.type
class Query:
    """The query fields of service 48."""

    @query(
        of_service(BILL_REMINDER), description="The accounts whose bills the viewer is reminded of."
    )
    async def bill_reminders(self, info: Info) -> list[BillReminder]:
        """With rules, the last reminder and its delivery."""
        return [_reminder(found) for found in await service.list_subscribed(info.context)]


@strawberry.type
class Mutation:
    """The mutation fields of service 48."""

    @mutation(
        of_service(BILL_REMINDER),
        description="Be reminded of a linked account's bills; setting it again changes the rules.",
    )
    async def set_bill_reminder(
        self,
        info: Info,
        account_id: AccountId,
        idempotency_key: IdempotencyKey,
        days_before: Annotated[
            int, strawberry.argument(description="Days before the due day, 0 to 15.")
        ] = 3,
        min_amount: Annotated[
            Fen, strawberry.argument(description="Pass over smaller bills.")
        ] = Fen(0),
        sms: Annotated[
            bool, strawberry.argument(description="Send a text message beside the inbox.")
        ] = False,
    ) -> SetBillReminderResult:
        """Once ahead of the due day, once when it is over."""
        rule = Rule(days_before, min_amount, sms)
        found = await service.set_reminder(
            info.context, parse_id(account_id), rule, idempotency_key
        )
        return BillReminderSet(reminder=_reminder(found))

    @mutation(of_service(BILL_REMINDER), description="Be reminded of an account's bills no more.")
    async def remove_bill_reminder(
        self, info: Info, account_id: AccountId, idempotency_key: IdempotencyKey
    ) -> RemoveBillReminderResult:
        """The account stays linked."""
        await service.remove_reminder(info.context, parse_id(account_id))
        return BillReminderRemoved(account_id=account_id)


def _reminder(found: service.Subscribed) -> BillReminder:
    last = found.last
    return BillReminder(
        account=to_account(found.link),
        days_before=found.reminder.days_before,
        min_amount=Fen(found.reminder.min_amount_fen),
        sms=found.reminder.sms,
        checked_on=found.reminder.checked_on,
        last=BillReminderSent(
            bill_id=strawberry.ID(str(last.bill_id)),
            stage=domain.Stage(last.stage),
            amount=Fen(last.amount_fen),
            sent_at=last.sent_at,
            delivery=found.delivery or domain.Delivery.INBOX,
        )
        if last
        else None,
    )
