"""Nobody keeps others from paying: cancelling, taking over, cashiers that are not due any more."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from core.context.call import Call
from core.database import connection, fetch_one, transaction
from core.errors import Conflict, NotFound
from core.ids import new_id
from core.manifest import Manifest
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.bills import service as bills
from modules.utilities.bills.domain import BillStatus
from payments import service, settlement
from payments.domain import HELD_FOR, STATUS, PaymentStatus
from payments.graphql import follow_payment
from payments.psp.port import OrderState
from tests.payments.books import check_ended
from tests.payments.payees import DEEMED, WING, begin
from tests.payments.world import ACCOUNT, World

DAY = timedelta(hours=26)


@pytest.fixture
def wings() -> tuple[Manifest, ...]:
    """A payable of its own."""
    return (WING,)


async def _two(world: World) -> tuple[Call, Call, UUID]:
    """Two people who have linked one water account with a bill."""
    first, second = await world.citizen(), await world.citizen()
    bill_id = await world.bill(first)
    await world.link(second, ACCOUNT)
    return first, second, bill_id


async def _used(call: Call) -> int:
    row = await fetch_one(
        connection(),
        "SELECT used_fen FROM payments_usage WHERE key LIKE 'bills-day:' || $1 || '%'",
        str(call.require_viewer().user_id),
    )
    return 0 if row is None else int(row["used_fen"])


async def test_a_cancelled_payment_frees_its_bill_and_the_limits_at_once(world: World) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call)
    intent_id = await world.start(call, bill_id)
    assert await _used(call) == 3360
    for _ in range(2):
        intent = await service.cancel_payment(call, intent_id)
        assert STATUS[intent.state] is PaymentStatus.CANCELLING
    assert await _used(call) == 0
    again = await world.start(call, bill_id)
    assert again != intent_id and await _used(call) == 3360
    world.psp.pay(again)
    await world.queue.run_for(DAY)
    assert (await world.intent(intent_id)).state == "expired"
    assert world.psp.orders[intent_id].state is OrderState.CLOSED
    assert (await world.intent(again)).state == "fulfilled"
    assert await _used(call) == 3360
    await check_ended(world)


async def test_who_follows_a_payment_hears_each_change_once_and_its_end(world: World) -> None:
    call = await world.citizen()
    intent_id = await world.start(call, await world.bill(call))
    heard = aiter(follow_payment(call, intent_id))
    assert (await anext(heard)).status is PaymentStatus.AWAITING_PAYMENT
    await service.cancel_payment(call, intent_id)
    world.psp.pay(intent_id)
    statuses = []

    async def listen() -> None:
        async for payment in heard:
            statuses.append(payment.status)

    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        tasks.create_task(listen())
        await world.queue.run_for(DAY)
    assert statuses[-1] is PaymentStatus.REFUNDED
    assert len(statuses) == len(set(statuses)), "nothing is told twice"


async def test_who_follows_a_payment_learns_of_what_was_said_while_nothing_could_be_heard(
    world: World,
) -> None:
    call = await world.citizen()
    intent_id = await world.start(call, await world.bill(call))
    heard, bus = follow_payment(call, intent_id), call.app.bus
    assert (await anext(heard)).status is PaymentStatus.AWAITING_PAYMENT
    following = asyncio.ensure_future(anext(heard))
    await asyncio.sleep(0)
    deaf = bus._listeners.pop(settlement.topic(intent_id))
    await service.cancel_payment(call, intent_id)
    await world.queue.run_for(DAY)
    assert deaf and not following.done()
    for hook in list(bus._gap_hooks):
        hook()
    async with asyncio.timeout(20):
        assert (await following).status is PaymentStatus.EXPIRED
    await heard.aclose()


async def test_what_is_paid_while_it_is_cancelled_goes_back(world: World) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call)
    intent_id = await world.start(call, bill_id)
    world.psp.pay(intent_id)  # on its way
    await service.cancel_payment(call, intent_id)
    again = await world.start(call, bill_id)
    world.psp.pay(again)
    assert await world.call_back() == ["late", "captured"]
    await world.queue.run_for(DAY)
    assert (await world.intent(intent_id)).state == "refunded"
    assert (await world.intent(again)).state == "fulfilled"
    await check_ended(world)


async def test_only_its_payer_cancels_a_payment_and_only_before_it_is_paid(world: World) -> None:
    first, second, bill_id = await _two(world)
    intent_id = await world.start(first, bill_id)
    with pytest.raises(NotFound):
        await service.cancel_payment(second, intent_id)
    world.psp.pay(intent_id)
    await world.call_back()
    with pytest.raises(Conflict, match="NOT_CANCELLABLE"):
        await service.cancel_payment(first, intent_id)
    assert (await world.intent(intent_id)).state == "paid"


async def test_a_cashier_that_nobody_pays_holds_a_bill_for_a_moment_only(world: World) -> None:
    stranger, owner, bill_id = await _two(world)
    held = await world.start(stranger, bill_id)
    with pytest.raises(Conflict, match="PAYMENT_OPEN"):
        await world.start(owner, bill_id)
    world.clock.move(HELD_FOR)
    own = await world.start(owner, bill_id)
    assert (await world.intent(held)).state == "cancelling"
    # having let it be once, the stranger keeps nobody waiting and takes nothing over
    world.clock.move(HELD_FOR)
    with pytest.raises(Conflict, match="PAYMENT_OPEN"):
        await world.start(stranger, bill_id)
    assert (await world.intent(own)).state == "awaiting"
    await service.cancel_payment(owner, own)
    again = await world.start(stranger, bill_id)
    other = await world.citizen()
    await world.link(other, ACCOUNT)
    assert await world.start(other, bill_id)
    assert (await world.intent(again)).refusal == "TAKEN_OVER"
    await world.queue.run_for(DAY)
    await check_ended(world)


async def test_an_open_cashier_of_another_amount_is_closed_for_its_payer(world: World) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call)
    stale = await world.start(call, bill_id)
    bill_no, bill = next(iter(world.billers.bills.items()))
    world.billers.bills[bill_no] = type(bill)(
        **{name: getattr(bill, name) for name in bill.__dataclass_fields__} | {"total_fen": 4000}
    )
    fresh = await world.start(call, bill_id)
    assert (await world.intent(stale)).refusal == "AMOUNT_CHANGED"
    assert (await world.intent(fresh)).amount_fen == 4000
    assert await _used(call) == 4000


@pytest.mark.parametrize("status", [BillStatus.WITHDRAWN, BillStatus.PAID])
async def test_a_cashier_of_what_is_not_due_any_more_is_closed(
    world: World, status: BillStatus
) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call)
    intent_id = await world.start(call, bill_id)
    bill_no, bill = next(iter(world.billers.bills.items()))
    world.billers.bills[bill_no] = type(bill)(
        **{name: getattr(bill, name) for name in bill.__dataclass_fields__} | {"status": status}
    )
    await bills.read_bills(call, UtilityKind.WATER, ACCOUNT, only_open=False)
    assert (await world.intent(intent_id)).refusal == "NOT_DUE"
    await world.queue.run_due()
    assert world.psp.orders[intent_id].state is OrderState.CLOSED
    assert not world.psp.pay(intent_id)
    assert await _used(call) == 0


async def test_a_payment_whose_time_is_over_keeps_nobody_while_its_psp_is_down(
    world: World,
) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call)
    old = await world.start(call, bill_id)
    world.psp.faults.always = "down"
    await world.queue.run_for(timedelta(minutes=16))
    assert (await world.intent(old)).state == "closing"
    world.psp.faults.always = "ok"
    assert await world.start(call, bill_id) != old
    await world.queue.run_for(DAY)
    await check_ended(world)


async def test_the_owner_takes_over_at_once_and_is_not_taken_over(world: World) -> None:
    begin().amounts["1"] = 1000
    stranger, owner = await world.citizen(), await world.citizen()

    async def pay(call: Call) -> UUID:
        async with transaction() as tx:
            return await service.create_intent(
                world.fresh(call), tx, kind=DEEMED.kind, subject_ref="1", key=new_id().hex,
                is_owner=call is owner,
            )  # fmt: skip

    held = await pay(stranger)
    own = await pay(owner)
    assert (await world.intent(held)).refusal == "TAKEN_OVER"
    for _ in range(3):
        world.clock.move(HELD_FOR)
        with pytest.raises(Conflict, match="PAYMENT_OPEN"):
            await pay(stranger)
    assert (await world.intent(own)).state == "created"
