"""Limits hold to the fen under concurrency; reports come once, on the day."""

import asyncio
from datetime import date, timedelta
from uuid import UUID

import pytest

from core.context.app import App
from core.context.call import Call
from core.database import Transaction, connection, fetch_all, transaction
from core.errors import Conflict
from core.ids import new_id
from core.manifest import Manifest
from payments import api, limits
from payments.limits import read_rules, rules
from payments.models import Intent
from tests.payments.books import check_books
from tests.payments.world import World

DAY_LIMIT = next(limit for limit in rules().limits if limit.name == "bills-day").amount_fen


async def _start(world: World, call, bill_id) -> bool:
    try:
        await world.start(call, bill_id)
    except Conflict as error:
        assert error.code == "LIMIT_REACHED"
        return False
    return True


async def test_two_hundred_payments_at_the_edge_stop_exactly_there(world: World) -> None:
    call = await world.citizen()
    each = DAY_LIMIT // 100
    for _ in range(199):
        world.billers.issue("A0001", each)
    await world.bill(call, each, "A0001")
    ids = [listed.id for listed in await world.read(call, "A0001")]
    assert len(ids) == 200
    begun = await asyncio.gather(*(_start(world, call, bill_id) for bill_id in ids))
    assert sum(begun) == 100
    assert await Intent.all().count() == 100
    counters = await fetch_all(connection(), "SELECT used_fen FROM payments_usage")
    assert [counter["used_fen"] for counter in counters] == [each * 100] * 2  # the day's two rules
    await check_books(world)


async def test_a_single_payment_above_its_limit_is_refused(world: World) -> None:
    call = await world.citizen()
    assert not await _start(world, call, await world.bill(call, DAY_LIMIT + 1))
    assert await Intent.all().count() == 0
    assert await _start(world, call, await world.bill(call, DAY_LIMIT))


async def test_what_ended_unpaid_or_refused_does_not_count(world: World) -> None:
    call = await world.citizen()
    first = await world.bill(call, DAY_LIMIT)
    second = await world.bill(call, DAY_LIMIT)
    assert await _start(world, call, first)
    assert not await _start(world, call, second)
    await world.queue.run_for(timedelta(minutes=16))
    intent_id = await world.start(call, second)
    world.billers.refuses[list(world.billers.bills)[-1]] = "BILL_WITHDRAWN"
    world.psp.pay(intent_id)
    await world.call_back()
    await world.queue.run_for(timedelta(minutes=1))
    assert (await world.intent(intent_id)).state == "refunded"
    assert await _start(world, call, first)


async def test_limits_are_a_persons_own_and_begin_anew_at_midnight(world: World) -> None:
    one, other = await world.citizen(), await world.citizen()
    assert await _start(world, one, await world.bill(one, DAY_LIMIT, "A0001"))
    assert await _start(world, other, await world.bill(other, DAY_LIMIT, "A0002"))
    assert not await _start(world, one, await world.bill(one, 1, "A0003"))
    world.clock.move(timedelta(hours=12))
    assert await _start(world, one, await world.bill(one, DAY_LIMIT, "A0004"))


async def test_a_reportable_total_is_reported_once(world: World) -> None:
    call = await world.citizen()
    threshold = rules().thresholds[0].amount_fen
    intent_id = await world.start(call, await world.bill(call, 4_000_000))
    intent = await world.intent(intent_id)
    needed = -(-threshold // intent.amount_fen)

    async def capture() -> None:
        async with transaction() as tx:
            await limits.note_captured(tx, intent, world.clock.now())

    await asyncio.gather(*(capture() for _ in range(needed - 1)))
    assert await _reports() == []
    await asyncio.gather(*(capture() for _ in range(5)))
    (report,) = await _reports()
    assert report["payer_id"] == intent.payer_id
    assert report["amount_fen"] == needed * intent.amount_fen
    assert report["reported_on"] == date(2026, 11, 23)


async def _reports() -> list[dict]:
    return await fetch_all(connection(), "SELECT * FROM payments_report")


def test_the_newest_rule_of_a_name_holds() -> None:
    found = read_rules(
        """
        [[limit]]
        name = "a"
        from = 2026-01-01
        per = "day"
        kinds = "bills.*"
        amount_fen = 1
        [[limit]]
        name = "a"
        from = 2027-01-01
        per = "day"
        kinds = "bills.*"
        amount_fen = 2
        """
    )
    assert [r.amount_fen for r in found.limits_on(date(2025, 12, 31), "bills.water")] == []
    assert [r.amount_fen for r in found.limits_on(date(2026, 12, 31), "bills.water")] == [1]
    assert [r.amount_fen for r in found.limits_on(date(2027, 1, 1), "bills.water")] == [2]
    assert found.limits_on(date(2027, 1, 1), "health.top-up") == []


@pytest.mark.parametrize(
    "line", ["amount_fen = 0", "amount_fen = 1.5", 'per = "week"', "x = 1", 'payers = "x"']
)
def test_a_rule_without_sense_is_refused(line: str) -> None:
    good = {
        "payers": '"person"',
        "name": '"a"',
        "from": "2026-01-01",
        "per": '"day"',
        "kinds": '"*"',
        "amount_fen": "5",
    }
    key, _, value = line.partition(" = ")
    rule = good | {key: value} if key in good else {"name": '"a"'}
    text = "[[limit]]\n" + "\n".join(f"{name} = {value}" for name, value in rule.items())
    with pytest.raises(ValueError):
        read_rules(text)


async def _company_pays(world: World, company_id: UUID, amount_fen: int) -> UUID:
    """Somebody pays for a company; returns the intent. Raises Conflict."""
    call = await world.citizen()
    subject_ref = new_id().hex
    _amounts[subject_ref] = (amount_fen, company_id)
    async with transaction() as tx:
        return await api.create_intent(
            call, tx, kind=COMPANY.kind, subject_ref=subject_ref, key=new_id().hex
        )


async def _quote(call: Call, tx: Transaction, subject_ref: str) -> api.Quote:
    amount_fen, company_id = _amounts[subject_ref]
    return api.Quote(amount_fen, "testpayee", "测试", "Test", company_id=company_id)


async def _accept(app: App, paid: api.Paid) -> api.Fulfilment:
    return api.Accepted(paid.payment_ref)


_amounts: dict[str, tuple[int, UUID]] = {}
COMPANY = api.Payable("test.company", _quote, _accept)


class TestCompanies:
    """A company's payments count together, by its own rules, and not as its people's."""

    @pytest.fixture
    def wings(self) -> tuple[Manifest, ...]:
        """A payable whose payers are companies."""
        return (Manifest(name="companies", package="tests.payments", rooms=("test_limits",)),)

    async def test_its_limits_are_its_own_to_the_fen(self, world: World) -> None:
        one, other = new_id(), new_id()
        by_name = {limit.name: limit.amount_fen for limit in rules().limits}
        single, day = by_name["company-payment"], by_name["company-day"]
        for company_id in (one, other):
            for _ in range(day // single):
                await _company_pays(world, company_id, single)
        for company_id, amount_fen in ((one, 1), (other, 1), (new_id(), single + 1)):
            with pytest.raises(Conflict) as refused:
                await _company_pays(world, company_id, amount_fen)
            assert refused.value.code == "LIMIT_REACHED"
        counters = await fetch_all(connection(), "SELECT key, used_fen FROM payments_usage")
        assert {row["key"].split(":")[0] for row in counters} == {"company-day"}
        assert [row["used_fen"] for row in counters] == [day, day]

    async def test_what_ended_unpaid_is_given_back_to_the_company(self, world: World) -> None:
        company_id = new_id()
        await _company_pays(world, company_id, 100)
        await world.queue.run_for(timedelta(minutes=16))
        counters = await fetch_all(connection(), "SELECT key, used_fen FROM payments_usage")
        assert [row["used_fen"] for row in counters] == [0]

    async def test_a_company_is_reported_at_its_own_threshold(self, world: World) -> None:
        company_id = new_id()
        intent = await world.intent(await _company_pays(world, company_id, 100_000_000))
        async with transaction() as tx:
            await limits.note_captured(tx, intent, world.clock.now())
        assert await _reports() == []
        async with transaction() as tx:
            await limits.note_captured(tx, intent, world.clock.now())
        (report,) = await _reports()
        assert (report["name"], report["payer_id"]) == ("large-transfers-legal-person", company_id)
