"""Reminders: by rule, once each, and what became of them."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from core.clock import civil_date
from core.context.call import Call
from core.errors import Conflict, InvalidInput, NotFound
from kinds.subscription import list_mine, unsubscribe
from modules.utilities.accounts import service as accounts
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.accounts.models import AccountLink
from modules.utilities.bills.domain import BillerBill, BillStatus
from modules.utilities.reminders import subscription
from modules.utilities.reminders.domain import Delivery, Rule, Stage, delivery_of, stage_of
from modules.utilities.reminders.graphql import show
from modules.utilities.reminders.models import Reminded, Reminder
from modules.utilities.reminders.subscription import REMINDERS, remind, set_reminder
from notifications.messages.models import Message
from tests.conftest import NOON
from tests.payments.world import ACCOUNT, World
from tests.people import new_key

DUE_ON = date(2026, 12, 1)
SOON = Rule(days_before=5, min_amount_fen=0, sms=False)
DAY = timedelta(days=1)


async def _linked(world: World, total_fen: int = 3360) -> tuple[Call, UUID]:
    """A citizen with one open bill that is due on the first of December."""
    call = await world.citizen()
    world.billers.issue(ACCOUNT, total_fen)
    link = await accounts.link_account(call, UtilityKind.WATER, ACCOUNT, "父母家", new_key())
    return call, link.id


async def _run_on(world: World, day: date) -> None:
    """Run the job twice at noon of a day."""
    world.clock.move(NOON.replace(month=day.month, day=day.day, year=day.year) - world.clock.now())
    await remind(world.app)
    await remind(world.app)


async def _titles(world: World) -> list[str]:
    rows = await Message.all().order_by("position")
    return [world.app.vault.decrypt(bytes(row.title_sealed), "notifications.title") for row in rows]


@pytest.mark.parametrize(
    ("changes", "day", "stage"),
    [
        ({}, DUE_ON - 6 * DAY, None),
        ({}, DUE_ON - 5 * DAY, Stage.AHEAD),
        ({}, DUE_ON, Stage.AHEAD),
        ({}, DUE_ON + DAY, Stage.OVERDUE),
        ({"total_fen": 3361}, DUE_ON, Stage.AHEAD),
        ({"total_fen": 3359}, DUE_ON, None),
        ({"status": BillStatus.PAID}, DUE_ON + DAY, None),
        ({"status": BillStatus.WITHDRAWN}, DUE_ON, None),
    ],
)
def test_a_reminder_is_due_by_its_rule(
    changes: dict[str, Any], day: date, stage: Stage | None
) -> None:
    from tests.payments.fakes import FakeBillers

    fake = FakeBillers()
    bill = replace(fake.bills[fake.issue(ACCOUNT, 3360)], **changes)
    assert stage_of(replace(SOON, min_amount_fen=3360), bill, day) is stage


def test_delivery_is_told_as_it_is() -> None:
    told = [delivery_of(True, state) for state in (None, "queued", "sent", "failed")]
    assert told == [Delivery.INBOX, Delivery.SMS_QUEUED, Delivery.SMS_SENT, Delivery.SMS_FAILED]
    assert delivery_of(False, "sent") is Delivery.INBOX


async def test_each_bill_is_reminded_of_once_ahead_and_once_overdue(world: World) -> None:
    call, link_id = await _linked(world)
    await set_reminder(call, link_id, SOON, new_key())
    day = civil_date(world.clock.now())
    while day <= DUE_ON + 4 * DAY:
        await _run_on(world, day)
        day += DAY
    rows = await Reminded.all().order_by("sent_at")
    assert [(row.stage, civil_date(row.sent_at)) for row in rows] == [
        ("AHEAD", DUE_ON - 5 * DAY),
        ("OVERDUE", DUE_ON + DAY),
    ]
    assert await _titles(world) == ["水费待缴提醒", "水费已逾期"]
    (found,) = await show(call, await list_mine(call, REMINDERS))
    assert found.last is not None
    assert (found.last.stage, found.last.amount_fen) == ("OVERDUE", 3360)
    assert (found.last.delivery, found.checked_on) == (Delivery.INBOX, DUE_ON + 4 * DAY)


async def test_a_paid_bill_and_a_small_one_are_passed_over(world: World) -> None:
    call, link_id = await _linked(world, 900)
    await set_reminder(call, link_id, replace(SOON, min_amount_fen=1000), new_key())
    paid = world.billers.issue(ACCOUNT, 5000)
    bill = world.billers.bills[paid]
    world.billers.bills[paid] = replace(bill, status=BillStatus.PAID)
    await _run_on(world, DUE_ON)
    assert (await Reminded.all().count(), await Message.all().count()) == (0, 0)


async def test_a_text_message_goes_beside_the_inbox_where_it_is_wanted(world: World) -> None:
    call, link_id = await _linked(world)
    await set_reminder(call, link_id, replace(SOON, sms=True), new_key())
    await _run_on(world, DUE_ON)
    (found,) = await show(call, await list_mine(call, REMINDERS))
    assert found.last is not None and found.last.delivery is Delivery.SMS_QUEUED
    await world.queue.run_due()
    (found,) = await show(call, await list_mine(call, REMINDERS))
    assert found.last is not None and found.last.delivery is Delivery.SMS_SENT
    assert await Message.all().count() == 1


async def test_a_silent_biller_is_asked_again_the_same_day(world: World) -> None:
    call, link_id = await _linked(world)
    await set_reminder(call, link_id, SOON, new_key())
    world.billers.faults.always = "down"
    await _run_on(world, DUE_ON)
    assert (await Reminder.get(link_id=link_id)).checked_on is None
    world.billers.faults.always = "ok"
    world.clock.move(timedelta(minutes=10))
    await remind(world.app)
    assert await Reminded.all().count() == 1
    assert (await Reminder.get(link_id=link_id)).checked_on == DUE_ON


async def test_one_odd_bill_keeps_nobody_from_being_told_of_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, link_id = await _linked(world)
    world.billers.issue(ACCOUNT, 5000)
    await set_reminder(call, link_id, SOON, new_key())
    amounts: list[int] = []
    rule = subscription.stage_of

    def odd(wish: Rule, bill: BillerBill, today: date) -> Stage | None:
        amounts.append(bill.total_fen)
        if bill.total_fen == amounts[0]:
            raise ZeroDivisionError
        return rule(wish, bill, today)

    monkeypatch.setattr(subscription, "stage_of", odd)
    await _run_on(world, DUE_ON)
    assert set(amounts) == {3360, 5000} and await Reminded.all().count() == 1
    assert (await Reminder.get(link_id=link_id)).checked_on is None, "looked at again"


async def test_rules_are_changed_and_kept_within_bounds(world: World) -> None:
    call, link_id = await _linked(world)
    key = new_key()
    await set_reminder(call, link_id, SOON, key)
    await set_reminder(call, link_id, SOON, key)
    with pytest.raises(Conflict):
        await set_reminder(call, link_id, replace(SOON, days_before=4), key)
    await set_reminder(call, link_id, replace(SOON, days_before=15, sms=True), new_key())
    (row,) = await Reminder.all()
    assert (row.days_before, row.sms) == (15, True)
    for days in (-1, 16):
        with pytest.raises(InvalidInput):
            await set_reminder(call, link_id, replace(SOON, days_before=days), new_key())
    for _ in range(2):
        await unsubscribe(call, REMINDERS, "the-last-key", link_id=link_id)
    assert (await Reminder.all().count(), await AccountLink.all().count()) == (0, 1)


async def test_nobody_elses_account_is_subscribed(world: World) -> None:
    owner, link_id = await _linked(world)
    stranger = await world.citizen()
    for refused in (
        set_reminder(stranger, link_id, SOON, new_key()),
        unsubscribe(stranger, REMINDERS, new_key(), link_id=link_id),
    ):
        with pytest.raises(NotFound):
            await refused
    assert await Reminder.all().count() == 0
    await set_reminder(owner, link_id, SOON, new_key())
    assert await list_mine(stranger, REMINDERS) == []


async def test_who_unlinks_an_account_is_reminded_no_more(world: World) -> None:
    call, link_id = await _linked(world)
    await set_reminder(call, link_id, SOON, new_key())
    await accounts.unlink_account(call, link_id, new_key())
    await _run_on(world, DUE_ON)
    assert (await Reminder.all().count(), await Reminded.all().count()) == (0, 0)
