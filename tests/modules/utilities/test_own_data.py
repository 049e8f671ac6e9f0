"""Usage and arrears of an account; what is handed out and forgotten of a person."""

from dataclasses import replace
from datetime import date

from core.database import transaction
from core.ids import new_id
from core.people.data_rights import erase_person, export_person, find_holds
from core.standards.coordinates import GeoPoint
from modules.utilities.accounts.models import AccountLink
from modules.utilities.autopay import service as autopay
from modules.utilities.autopay.domain import TEXT_VERSION
from modules.utilities.autopay.models import Autopay, AutopayCharge
from modules.utilities.bills.domain import (
    BillArrears,
    BillStatus,
    BillUsageMonth,
    arrears_of,
    usage_by_month,
)
from modules.utilities.outages import subscription as outages
from modules.utilities.outages.models import OutageWatch
from modules.utilities.reminders import subscription as reminders
from modules.utilities.reminders.domain import Rule
from modules.utilities.reminders.models import Reminder
from payments.models import Contract
from tests.asgi import Client
from tests.payments.fakes import FakeBillers
from tests.payments.world import ACCOUNT, World


def test_arrears_are_what_is_open_and_overdue_what_is_past_its_day() -> None:
    fake = FakeBillers()
    one, two, paid, gone = [
        fake.bills[fake.issue(ACCOUNT, fen)] for fen in (1000, 2050, 9999, 8888)
    ]
    bills = [
        one,
        replace(two, due_on=date(2026, 11, 1), late_fee_fen=50),
        replace(paid, status=BillStatus.PAID, due_on=date(2026, 1, 1)),
        replace(gone, status=BillStatus.WITHDRAWN),
    ]
    found = arrears_of(bills, date(2026, 11, 23))
    assert found == BillArrears(3050, 2, 2050, 1, 50, date(2026, 11, 1))
    assert arrears_of(bills, date(2026, 11, 1)).overdue_count == 0
    assert arrears_of([], date(2026, 11, 1)) == BillArrears(0, 0, 0, 0, 0, None)


def test_usage_is_one_point_a_month() -> None:
    fake = FakeBillers()
    bill = fake.bills[fake.issue(ACCOUNT, 1000)]
    bills = [
        replace(bill, period="2026-10", usage=7, total_fen=1100, late_fee_fen=100),
        replace(bill, period="2026-10", usage=3, amount_fen=400),
        replace(bill, period="2026-09", usage=5, status=BillStatus.PAID),
        replace(bill, period="2026-08", status=BillStatus.WITHDRAWN),
    ]
    assert usage_by_month(bills) == [
        BillUsageMonth("2026-09", 5, "m3", 1000),
        BillUsageMonth("2026-10", 10, "m3", 1400),
    ]


async def test_an_account_shows_its_arrears_and_usage(world: World, client: Client) -> None:
    call = await world.citizen()
    await world.bill(call, 3360)
    query = """query ($no: String!) {
      bills(kind: WATER, accountNo: $no) { status arrears { total count overdue oldestDueOn } }
      billUsage(kind: WATER, accountNo: $no) { status items { period usage usageUnit amount } }
    }"""
    told = await client.data(query, {"no": ACCOUNT}, viewer=call.viewer)
    assert told["bills"]["arrears"] == {
        "total": 3360, "count": 1, "overdue": 0, "oldestDueOn": "2026-12-01",
    }  # fmt: skip
    assert told["billUsage"]["items"] == [
        {"period": "2026-10", "usage": 10, "usageUnit": "m3", "amount": 3360}
    ]
    stranger = await world.citizen()
    answer = await client.run(query, {"no": ACCOUNT}, viewer=stranger.viewer)
    assert set(answer.codes) == {"NOT_FOUND"}


async def test_everything_is_handed_out_and_forgotten_but_the_ground_of_deductions(
    world: World,
) -> None:
    call, other = await world.citizen(), await world.citizen()
    for who in (call, other):
        assert who.viewer is not None
        bill_id = await world.bill(who)
        (link,) = await AccountLink.filter(citizen_id=who.viewer.user_id)
        await reminders.set_reminder(who, link.id, Rule(3, 0, False), f"key-{new_id().hex}")
        await outages.watch(who, "家", GeoPoint(36.6, 117.0), (), f"key-{new_id().hex}")
        await autopay.agree(
            who, link.id, bill_ceiling_fen=5000, month_ceiling_fen=5000,
            text_version=TEXT_VERSION, key=f"key-{new_id().hex}",
        )  # fmt: skip
    assert call.viewer is not None and other.viewer is not None
    person_id = call.viewer.user_id
    exported = (await export_person(world.app, person_id))["bills"].data
    assert [row["account_no"] for row in exported["accounts"]] == [ACCOUNT]
    assert exported["watched_places"][0]["at"] == [36.6, 117.0]
    assert [row["state"] for row in exported["autopay"]] == ["signing"]
    assert "bills" not in await find_holds(world.app, person_id)

    now, consent = world.clock.now(), await Autopay.get(citizen_id=person_id)
    await AutopayCharge.create(
        id=new_id(), autopay_id=consent.id, bill_id=bill_id, amount_fen=1,
        month_on=date(2026, 11, 1), announced_at=now, pay_at=now, state="announced",
        intent_id=new_id(),
    )  # fmt: skip
    (hold,) = (await find_holds(world.app, person_id))["bills"]
    assert hold.until_on == date(2029, 11, 25)
    for who in (person_id, person_id, other.viewer.user_id):
        async with transaction() as tx:
            await erase_person(world.app, tx, who)
    assert await AccountLink.all().count() == await Reminder.all().count() == 0
    assert await OutageWatch.all().count() == 0
    (kept,) = await Autopay.all()
    assert (kept.id, kept.end_reason) == (consent.id, "ACCOUNT_CLOSED")
    assert {row.state for row in await Contract.all()} == {"ended"}
