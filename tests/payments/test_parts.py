"""Parts of what is due: what is open, who pays beside whom, and what goes wrong between."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from core.context.call import Call
from core.database import connection, fetch_one, transaction
from core.errors import AppError, Conflict
from core.ids import new_id
from core.money import FEN_MAX
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.bills.service import begin_enquiry, note
from notifications.messages.models import Message
from payments import service
from payments.domain import HELD_FOR
from payments.limits import rules
from payments.models import Intent
from payments.parts import cut
from payments.payable import Parts, Quote
from tests.payments.books import check_books, check_ended
from tests.payments.world import ACCOUNT, World

DAY = timedelta(hours=26)
BILL, LEAST = 100_000, 1_000
_WRITTEN = """
SELECT (SELECT count(*) FROM payments_intent) + (SELECT count(*) FROM payments_usage)
     + (SELECT count(*) FROM core_idempotency WHERE operation LIKE 'pay:%') AS rows
"""


async def _bill(
    world: World, least_fen: int | None = LEAST, total_fen: int = BILL
) -> tuple[Call, Call, UUID]:
    """Two people who have linked one account, and its bill."""
    first, second = await world.citizen(), await world.citizen()
    bill_id = await world.bill(first, total_fen, least_part_fen=least_fen)
    await world.link(second, ACCOUNT)
    return first, second, bill_id


async def _pay(world: World, call: Call, bill_id: UUID, amount_fen: int | None = None) -> UUID:
    """Begin to pay, pay at the cashier, and have the biller told."""
    intent_id = await world.start(call, bill_id, amount_fen=amount_fen)
    assert world.psp.pay(intent_id)
    assert await world.call_back() == ["captured"]
    await world.queue.run_due()
    assert (await world.intent(intent_id)).state == "fulfilled"
    return intent_id


async def _written() -> int:
    row = await fetch_one(connection(), _WRITTEN)
    assert row is not None
    return int(row["rows"])


async def _refused(world: World, call: Call, bill_id: UUID, amount_fen: int | None) -> str:
    """The code of a refusal that has written nothing and ordered nothing."""
    before = await _written(), len(world.psp.orders)
    with pytest.raises(AppError) as refused:
        await world.start(call, bill_id, amount_fen=amount_fen)
    assert (await _written(), len(world.psp.orders)) == before
    return refused.value.code


def _change(world: World, **changes: Any) -> None:
    ((bill_no, bill),) = world.billers.bills.items()
    world.billers.bills[bill_no] = replace(bill, **changes)


async def test_a_part_leaves_the_rest_open_and_the_biller_hears_of_each_once(world: World) -> None:
    call, _, bill_id = await _bill(world)
    part = await world.intent(await _pay(world, call, bill_id, 30_000))
    assert (part.title_zh, part.title_en) == ("水费 2026-10(部分)", "Water bill 2026-10 (part)")
    (listed,) = await world.read(call, ACCOUNT)
    assert (listed.bill.total_fen, listed.bill.paid_fen) == (70_000, 30_000)
    rest = await world.intent(await _pay(world, call, bill_id))
    assert (rest.amount_fen, rest.title_zh, rest.is_part) == (70_000, "水费 2026-10", False)
    assert await world.read(call, ACCOUNT) == []
    assert await _refused(world, call, bill_id, 1) == "BILL_PAID"
    told = {ref: fen for ref, (_, _, fen) in world.billers.write_offs.items()}
    assert told == {part.id.hex: 30_000, rest.id.hex: 70_000}
    messages = await Message.all().order_by("position")
    assert [row.template for row in messages] == ["bills.part_paid", "bills.paid"]
    await world.queue.run_for(DAY)
    await check_ended(world)


@pytest.mark.parametrize(
    ("amount_fen", "code"),
    [
        (0, "AMOUNT_OUT_OF_RANGE"),
        (-1, "AMOUNT_OUT_OF_RANGE"),
        (FEN_MAX + 1, "AMOUNT_OUT_OF_RANGE"),
        (2**63, "AMOUNT_OUT_OF_RANGE"),
        (BILL + 1, "ABOVE_DUE"),
        (LEAST - 1, "PART_TOO_SMALL"),
    ],
)
async def test_an_amount_that_cannot_be_is_refused(
    world: World, amount_fen: int, code: str
) -> None:
    call, _, bill_id = await _bill(world)
    assert await _refused(world, call, bill_id, amount_fen) == code


async def test_a_biller_that_takes_no_parts_is_paid_whole(world: World) -> None:
    call, _, bill_id = await _bill(world, None)
    for amount_fen in (1, BILL - 1, BILL + 1):
        assert await _refused(world, call, bill_id, amount_fen) == "PARTS_NOT_TAKEN"
    intent = await world.intent(await _pay(world, call, bill_id, BILL))
    assert (intent.owed_fen, intent.is_part) == (None, False)


async def test_the_last_part_may_be_smaller_than_the_least(world: World) -> None:
    call, _, bill_id = await _bill(world, total_fen=1_500)
    await _pay(world, call, bill_id, 1_000)
    assert await _refused(world, call, bill_id, 499) == "PART_TOO_SMALL"
    await _pay(world, call, bill_id, 500)
    await world.queue.run_for(DAY)
    await check_ended(world)


async def test_two_pay_their_parts_beside_one_another_and_no_third_above_it(world: World) -> None:
    first, second, bill_id = await _bill(world)
    parts = [await world.start(call, bill_id, amount_fen=40_000) for call in (first, second)]
    third = await world.citizen()
    await world.link(third, ACCOUNT)
    assert await _refused(world, third, bill_id, 20_001) == "PAYMENT_OPEN"
    parts.append(await world.start(third, bill_id, amount_fen=20_000))
    for intent_id in parts:
        world.psp.pay(intent_id)
    assert await world.call_back() == ["captured"] * 3
    assert await _refused(world, first, bill_id, 1_000) == "PAYMENT_OPEN"
    await world.queue.run_for(DAY)
    assert {(await world.intent(one)).state for one in parts} == {"fulfilled"}
    assert await world.read(first, ACCOUNT) == []
    await check_ended(world)


async def test_a_cashier_that_nobody_pays_gives_way_only_where_there_is_no_room(
    world: World,
) -> None:
    first, second, bill_id = await _bill(world)
    held = await world.start(first, bill_id, amount_fen=60_000)
    world.clock.move(HELD_FOR)
    beside = await world.start(second, bill_id, amount_fen=40_000)
    assert (await world.intent(held)).state == "awaiting"
    third = await world.citizen()
    await world.link(third, ACCOUNT)
    above = await world.start(third, bill_id, amount_fen=41_000)
    assert (await world.intent(held)).refusal == "TAKEN_OVER"
    assert {(await world.intent(one)).state for one in (beside, above)} == {"awaiting"}


async def test_one_key_is_one_part_and_one_open_cashier_is_its_payers(world: World) -> None:
    call, _, bill_id = await _bill(world)
    part = await world.start(call, bill_id, "the-one-key", 30_000)
    assert await world.start(call, bill_id, "the-one-key", 30_000) == part
    assert await world.start(call, bill_id, amount_fen=30_000) == part
    for other_fen in (None, 30_001):
        with pytest.raises(Conflict) as refused:
            await world.start(call, bill_id, "the-one-key", other_fen)
        assert refused.value.code == "KEY_REUSED"
    assert await Intent.all().count() == len(world.psp.orders) == 1
    await world.start(call, bill_id, amount_fen=50_000)
    assert (await world.intent(part)).refusal == "AMOUNT_CHANGED"


async def test_of_a_hundred_at_once_as_many_begin_as_there_is_room_for(world: World) -> None:
    _, _, bill_id = await _bill(world)
    people = [await world.citizen() for _ in range(10)]
    for person in people:
        await world.link(person, ACCOUNT)

    async def begin(n: int) -> str:
        try:
            await world.start(people[n % 10], bill_id, amount_fen=30_000)
        except Conflict as refused:
            return refused.code
        return "begun"

    done = Counter(await asyncio.gather(*(begin(n) for n in range(100))))
    assert await Intent.all().count() == 3
    assert done["begun"] + done["PAYMENT_OPEN"] == 100
    await check_books(world)


async def test_a_refund_of_one_part_touches_only_that_one(world: World) -> None:
    call, other, bill_id = await _bill(world)
    mine, theirs = (
        await _pay(world, call, bill_id, 30_000),
        await _pay(world, other, bill_id, 20_000),
    )
    async with transaction() as tx:
        await service.refund(world.app, tx, mine, 10_000, reason="TEST", key=new_id().hex)
    await world.queue.run_for(timedelta(hours=1))
    states = [
        (one.state, one.refunded_fen)
        for one in (await world.intent(mine), await world.intent(theirs))
    ]
    assert states == [("partly_refunded", 10_000), ("fulfilled", 0)]
    (listed,) = await world.read(call, ACCOUNT)
    assert listed.bill.total_fen == 50_000  # the biller reverses, or does not
    await _pay(world, call, bill_id)
    await check_ended(world)


async def test_what_is_paid_after_its_time_goes_back_and_the_rest_stands(world: World) -> None:
    first, second, bill_id = await _bill(world)
    late = await world.start(first, bill_id, amount_fen=60_000)
    await world.queue.run_for(timedelta(minutes=16))
    assert (await world.intent(late)).state == "expired"
    paid = await _pay(world, second, bill_id)
    world.psp.force_paid(late)
    world.psp.callbacks.append(world.psp.signed(world.psp.callbacks[0][1]))
    assert await world.call_back() == ["late", "known"]
    await world.queue.run_for(DAY)
    assert (await world.intent(late)).state == "refunded"
    assert list(world.billers.write_offs) == [paid.hex]
    await check_ended(world)


async def test_a_part_that_is_more_than_is_open_by_then_goes_back(world: World) -> None:
    """Somebody pays most of it at the biller's counter meanwhile."""
    call, _, bill_id = await _bill(world)
    part = await world.start(call, bill_id, amount_fen=30_000)
    _change(world, total_fen=20_000, paid_fen=80_000)
    world.psp.pay(part)
    await world.call_back()
    await world.queue.run_for(DAY)
    intent = await world.intent(part)
    assert (intent.state, intent.refusal) == ("refunded", "AMOUNT_MISMATCH")
    assert world.billers.write_offs == {}
    await _pay(world, call, bill_id, 20_000)
    await check_ended(world)


async def test_a_biller_that_changes_its_mind_is_followed(world: World) -> None:
    call, other, bill_id = await _bill(world)
    await _pay(world, call, bill_id, 30_000)
    waiting = await world.start(other, bill_id, amount_fen=10_000)
    _change(world, least_part_fen=None)
    assert await _refused(world, call, bill_id, 20_000) == "PARTS_NOT_TAKEN"
    assert await _refused(world, call, bill_id, None) == "PAYMENT_OPEN"
    await service.cancel_payment(other, waiting)
    assert (await world.intent(await _pay(world, call, bill_id))).amount_fen == 70_000
    await world.queue.run_for(DAY)
    await check_ended(world)


async def test_what_a_silent_biller_has_accepted_since_is_not_open_any_more(world: World) -> None:
    call, _, bill_id = await _bill(world)
    part_id = await world.start(call, bill_id, amount_fen=30_000)
    world.clock.move(timedelta(seconds=1))
    world.psp.pay(part_id)
    await world.call_back()
    await world.queue.run_due()
    world.billers.faults.always = "down"
    assert await _refused(world, call, bill_id, 70_001) == "PAYMENT_OPEN"
    part = await world.intent(await world.start(call, bill_id, amount_fen=70_000))
    assert (part.state, part.owed_fen) == ("awaiting", BILL)


async def test_a_part_accepted_by_a_slow_clock_is_held_back(world: World) -> None:
    """The clock of who asked is five seconds before the clock of who passes the part on."""
    call, _, bill_id = await _bill(world)
    part_id = await world.start(call, bill_id, amount_fen=30_000)
    world.clock.move(timedelta(seconds=-5))
    world.psp.pay(part_id)
    await world.call_back()
    await world.queue.run_due()
    part = await world.intent(part_id)
    assert part.ended_at and part.owed_at and part.ended_at < part.owed_at
    world.billers.faults.always = "down"
    assert await _refused(world, call, bill_id, 70_001) == "PAYMENT_OPEN"
    await world.start(call, bill_id, amount_fen=70_000)


async def test_a_part_accepted_by_a_fast_clock_leaves_the_rest_open(world: World) -> None:
    """The same the other way round: the biller has taken the part off what it says is open."""
    call, _, bill_id = await _bill(world)
    part_id = await world.start(call, bill_id, amount_fen=30_000)
    world.psp.pay(part_id)
    await world.call_back()
    world.clock.move(timedelta(seconds=60))
    await world.queue.run_due()
    world.clock.move(timedelta(seconds=-55))
    rest = await world.intent(await world.start(call, bill_id, amount_fen=70_000))
    part = await world.intent(part_id)
    assert part.ended_at and rest.owed_at and part.ended_at > rest.owed_at
    assert (rest.state, rest.owed_fen) == ("awaiting", 70_000)


async def test_an_older_answer_of_a_fast_clock_replaces_nothing(world: World) -> None:
    """A list asked for before a part was accepted, by a process whose clock is ahead."""
    call, _, bill_id = await _bill(world)
    world.clock.move(timedelta(seconds=60))
    before = await begin_enquiry(world.app)
    ((_, stale),) = world.billers.bills.items()
    world.clock.move(timedelta(seconds=-55))
    await _pay(world, call, bill_id, 30_000)
    await world.read(call, ACCOUNT)
    await note(world.app, UtilityKind.WATER, [stale], before)
    world.billers.faults.always = "down"
    assert await _refused(world, call, bill_id, 70_001) == "ABOVE_DUE"
    await world.start(call, bill_id, amount_fen=70_000)


async def test_an_answer_without_a_turn_is_not_charged(world: World) -> None:
    """Such rows are of before there were turns: the biller is asked again, and silent."""
    call, _, bill_id = await _bill(world)
    await connection().execute_query("UPDATE bills_bill SET seen_turn = NULL")
    world.billers.faults.always = "down"
    assert await _refused(world, call, bill_id, 1_000) == "UPSTREAM_UNAVAILABLE"
    world.billers.faults.always = "ok"
    await world.start(call, bill_id, amount_fen=1_000)


async def test_limits_count_each_part(world: World) -> None:
    """A bill above what may be paid at once is paid day by day."""
    day_fen = next(limit for limit in rules().limits if limit.name == "bills-day").amount_fen
    call, _, bill_id = await _bill(world, total_fen=97_989_920)
    assert await _refused(world, call, bill_id, None) == "LIMIT_REACHED"
    await _pay(world, call, bill_id, day_fen - LEAST)
    assert await _refused(world, call, bill_id, LEAST + 1) == "LIMIT_REACHED"
    await _pay(world, call, bill_id, LEAST)
    world.clock.move(timedelta(days=1))
    await _pay(world, call, bill_id, day_fen)
    await check_books(world)


def _quote(parts: Parts | None) -> Quote:
    return Quote(10_000, "biller", "账单", "Bill", parts=parts)


@pytest.mark.parametrize(
    ("exactness", "amount_fen", "is_taken"),
    [
        ("EXACT", 10_000, True),
        ("EXACT", 9_999, False),
        ("EXACT_AND_BELOW", 10_000, True),
        ("EXACT_AND_BELOW", 9_999, True),
        ("EXACT_AND_BELOW", 1, True),
        ("EXACT_AND_BELOW", 10_001, False),
    ],
)
def test_the_amounts_of_a_published_interface(
    exactness: str, amount_fen: int, is_taken: bool
) -> None:
    """A bill of 100 rupees: docs.payu.in/reference/paymentamountexactness-scenario (BBPS)."""
    at = datetime(2026, 11, 23, tzinfo=UTC)
    quote = _quote(None if exactness == "EXACT" else Parts(10_000, 1, at, 1))
    if is_taken:
        assert cut(quote, amount_fen).amount_fen == amount_fen
        return
    with pytest.raises(Conflict):
        cut(quote, amount_fen)
