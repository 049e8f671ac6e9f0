"""Service 48 in GraphQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import strawberry

from core.context.call import Call
from core.database import connection
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
from kinds import owned
from kinds.subscription import list_mine, unsubscribe
from modules.utilities.accounts.graphql import BillAccount, to_account
from modules.utilities.accounts.models import AccountLink
from modules.utilities.accounts.store import ACCOUNTS
from modules.utilities.reminders import domain, models, store, subscription
from modules.utilities.reminders.domain import BILL_REMINDER, Rule
from modules.utilities.reminders.subscription import REMINDERS
from notifications import api as notifications

view(domain.Stage, name="BillReminderStage")
view(domain.Delivery, name="BillReminderDelivery")

AccountId = Annotated[strawberry.ID, strawberry.argument(description="The linked account's id.")]


@view
@dataclass(frozen=True, slots=True)
class BillReminderSent:
    """A reminder that was sent."""

    bill_id: Annotated[UUID, "The bill, for payBill."]
    stage: Annotated[domain.Stage, "Ahead or overdue."]
    amount_fen: Annotated[int, "What was due then."]
    sent_at: Annotated[datetime, "When it was sent."]
    delivery: Annotated[domain.Delivery, "What became of it."]


@view
@dataclass(frozen=True, slots=True)
class BillReminder:
    """A linked account whose bills the viewer is reminded of."""

    account: Annotated[BillAccount, "The account."]
    days_before: Annotated[int, "How many days before the due day."]
    min_amount_fen: Annotated[int, "Smaller bills are passed over."]
    sms: Annotated[bool, "Whether a text message goes beside the inbox."]
    checked_on: Annotated[
        date | None, "The day on which the biller was last asked; null before the first time."
    ]
    last: Annotated[BillReminderSent | None, "The last reminder sent."]


@view
@dataclass(frozen=True, slots=True)
class BillReminderSet:
    """The viewer is reminded from now on."""

    reminder: Annotated[BillReminder, "The reminder."]


@view
@dataclass(frozen=True, slots=True)
class BillReminderRemoved:
    """The viewer is reminded no more."""

    account_id: Annotated[str, "The linked account's id."]


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
        return await show(info.context, await list_mine(info.context, REMINDERS))


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
        call, rule = info.context, Rule(days_before, min_amount, sms)
        row = await subscription.set_reminder(call, parse_id(account_id), rule, idempotency_key)
        (reminder,) = await show(call, [row])
        return BillReminderSet(reminder)

    @mutation(of_service(BILL_REMINDER), description="Be reminded of an account's bills no more.")
    async def remove_bill_reminder(
        self, info: Info, account_id: AccountId, idempotency_key: IdempotencyKey
    ) -> RemoveBillReminderResult:
        """The account stays linked."""
        link_id = parse_id(account_id)
        await unsubscribe(info.context, REMINDERS, idempotency_key, link_id=link_id)
        return BillReminderRemoved(account_id)


async def show(call: Call, rows: Sequence[models.Reminder]) -> list[BillReminder]:
    """The viewer's reminders with the last that was sent of each."""
    links = await owned.list_all(ACCOUNTS, call.require_viewer().user_id)
    last = await store.find_last([row.link_id for row in rows])
    by_link = {link.id: link for link in links}
    return [
        await _reminder(row, by_link[row.link_id], last.get(row.link_id))
        for row in rows
        if row.link_id in by_link
    ]


async def _reminder(
    row: models.Reminder, link: AccountLink, last: models.Reminded | None
) -> BillReminder:
    sent = None if last is None else await _sent(last)
    return BillReminder(
        to_account(link), row.days_before, row.min_amount_fen, row.sms, row.checked_on, sent
    )


async def _sent(row: models.Reminded) -> BillReminderSent:
    stage, state = domain.Stage(row.stage), None
    if row.sms:
        key = REMINDERS.key_of(domain.occasion_of(row.bill_id, stage), row.citizen_id)
        state = await notifications.text_state(connection(), key)
    delivery = domain.delivery_of(row.sms, state)
    return BillReminderSent(row.bill_id, stage, row.amount_fen, row.sent_at, delivery)
