"""Commands and queries of reminders."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from core.context.call import Call
from core.context.commands import claim_key
from core.database import connection, transaction
from core.errors import InvalidInput
from kinds import owned
from modules.bills import texts
from modules.bills.models import AccountLink, Reminded, Reminder
from modules.bills.reminders import store
from modules.bills.reminders.domain import DAYS_BEFORE_MAX, Delivery, Rule, delivery_of
from modules.bills.store import ACCOUNTS
from notifications import api as notifications


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscribed account, its rule, and the last reminder with what became of it."""

    link: AccountLink
    reminder: Reminder
    last: Reminded | None
    delivery: Delivery | None


def message_key(reminded_id: UUID) -> str:
    """The business key of a reminder's message."""
    return f"bill-reminder:{reminded_id}"


async def set_reminder(call: Call, link_id: UUID, rule: Rule, key: str) -> Subscribed:
    """Have the viewer reminded of a linked account's bills, or change how.

    Raises InvalidInput, NotFound for an account that the viewer has not linked, Conflict
    KEY_REUSED.
    """
    citizen_id = call.require_viewer().user_id
    if not 0 <= rule.days_before <= DAYS_BEFORE_MAX:
        raise InvalidInput(texts.DAYS_BEFORE_RANGE, "daysBefore", most=DAYS_BEFORE_MAX)
    link = await owned.get(ACCOUNTS, citizen_id, link_id)
    async with transaction() as tx:
        claim = await claim_key(call, tx, "setBillReminder", key, {"link": link_id} | asdict(rule))
        if not claim.replayed:
            await store.set_rule(tx, claim.effect_id, link, rule, call.app.clock.now())
    return await _describe(link, await store.get_reminder(link_id))


async def remove_reminder(call: Call, link_id: UUID) -> None:
    """Remind the viewer of this account no more; removing twice is one removal.

    Raises NotFound for an account that the viewer has not linked.
    """
    link = await owned.get(ACCOUNTS, call.require_viewer().user_id, link_id)
    async with transaction() as tx:
        await store.delete_rule(tx, link.id)


async def list_subscribed(call: Call) -> Sequence[Subscribed]:
    """The viewer's subscribed accounts."""
    citizen_id = call.require_viewer().user_id
    links = {link.id: link for link in await owned.list_all(ACCOUNTS, citizen_id)}
    reminders = await store.list_reminders(citizen_id)
    last = await store.find_last([reminder.link_id for reminder in reminders])
    return [
        await _with_last(links[reminder.link_id], reminder, last.get(reminder.link_id))
        for reminder in reminders
    ]


async def _describe(link: AccountLink, reminder: Reminder) -> Subscribed:
    return await _with_last(link, reminder, (await store.find_last([link.id])).get(link.id))


async def _with_last(link: AccountLink, reminder: Reminder, last: Reminded | None) -> Subscribed:
    if last is None:
        return Subscribed(link, reminder, None, None)
    state = None
    if last.sms:
        state = await notifications.text_state(connection(), message_key(last.id))
    return Subscribed(link, reminder, last, delivery_of(last.sms, state))
