"""Linking accounts, looking at bills, paying: what a citizen may see and do."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from pydantic import TypeAdapter

from core.context.app import App
from core.deadline import Deadline
from core.errors import Conflict, InvalidInput, NotFound, RateLimited, Unavailable
from core.upstream.exchange import Response, UpstreamRejected
from core.upstream.readings import ReadStatus
from kinds.payment import is_fresh
from modules.utilities.accounts import service as accounts
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.accounts.models import AccountLink
from modules.utilities.accounts.store import ACCOUNTS
from modules.utilities.bills import service
from modules.utilities.bills.domain import BillerBill, BillStatus
from modules.utilities.bills.upstream import list_bills
from payments.models import Intent
from tests.payments.world import ACCOUNT, World
from tests.people import new_key

WATER = UtilityKind.WATER


async def test_linking_shows_the_masked_holder_and_renames(world: World) -> None:
    call = await world.citizen()
    world.billers.issue(ACCOUNT, 3360)
    link = await accounts.link_account(call, WATER, ACCOUNT, "家", new_key())
    assert (link.account_no, link.holder_masked, link.label) == (ACCOUNT, "**例", "家")
    again = await accounts.link_account(call, WATER, ACCOUNT, "父母家 𨱏", new_key())
    assert (again.id, again.label) == (link.id, "父母家 𨱏")
    assert [row.id for row in await accounts.list_accounts(call, WATER)] == [link.id]
    assert await accounts.list_accounts(call, UtilityKind.GAS) == []


async def test_linking_is_one_link_per_key(world: World) -> None:
    call = await world.citizen()
    world.billers.issue(ACCOUNT, 3360)
    links = await asyncio.gather(
        *(accounts.link_account(call, WATER, ACCOUNT, "", "the-one-key") for _ in range(20))
    )
    assert len({link.id for link in links}) == 1
    with pytest.raises(Conflict):
        await accounts.link_account(call, WATER, ACCOUNT, "other", "the-one-key")


@pytest.mark.parametrize("account_no", ["", "1", "x" * 33, "../etc", "１０００", "1000 0001"])
async def test_what_cannot_be_an_account_is_refused_unasked(world: World, account_no: str) -> None:
    call = await world.citizen()
    world.billers.faults.always = "down"
    with pytest.raises(InvalidInput):
        await accounts.link_account(call, WATER, account_no, "", new_key())
    assert await AccountLink.all().count() == 0


async def test_an_unknown_account_is_not_found(world: World) -> None:
    call = await world.citizen()
    with pytest.raises(NotFound):
        await accounts.link_account(call, WATER, "1000000024", "", new_key())
    world.billers.faults.always = "down"
    with pytest.raises(Unavailable):
        await accounts.link_account(call, WATER, ACCOUNT, "", new_key())
    assert await AccountLink.all().count() == 0


async def test_who_tries_out_account_numbers_is_stopped(world: World) -> None:
    call = await world.citizen()
    for _ in range(accounts.LOOKUPS_PER_HOUR):
        with pytest.raises(NotFound):
            await accounts.link_account(call, WATER, "1000000024", "", new_key())
    with pytest.raises(RateLimited):
        await accounts.link_account(call, WATER, "1000000024", "", new_key())
    world.clock.move(timedelta(hours=1))
    with pytest.raises(NotFound):
        await accounts.link_account(call, WATER, "1000000024", "", new_key())


async def test_linking_ones_own_account_again_tries_out_no_number(world: World) -> None:
    call = await world.citizen()
    world.billers.issue(ACCOUNT, 100)
    for _ in range(accounts.LOOKUPS_PER_HOUR + 1):
        await accounts.link_account(call, WATER, ACCOUNT, "", new_key())
    assert await AccountLink.all().count() == 1


async def test_ten_accounts_and_no_more(world: World) -> None:
    call = await world.citizen()
    for n in range(ACCOUNTS.most + 1):
        world.billers.issue(f"A{n:04d}", 100)
    for n in range(ACCOUNTS.most):
        await accounts.link_account(call, WATER, f"A{n:04d}", "", new_key())
    with pytest.raises(Conflict) as refused:
        await accounts.link_account(call, WATER, "A0010", "", new_key())
    assert refused.value.code == "TOO_MANY_ACCOUNTS"
    assert len(await accounts.list_accounts(call, None)) == ACCOUNTS.most


async def test_bills_of_an_unlinked_account_are_not_found(world: World) -> None:
    owner, stranger = await world.citizen(), await world.citizen()
    bill_id = await world.bill(owner)
    with pytest.raises(NotFound):
        await service.read_bills(stranger, WATER, ACCOUNT, only_open=True)
    with pytest.raises(NotFound):
        await service.pay_bill(stranger, bill_id, new_key())
    (link,) = await accounts.list_accounts(owner, None)
    with pytest.raises(NotFound):
        await accounts.unlink_account(stranger, link.id, new_key())
    assert await accounts.list_accounts(owner, None) == [link]
    await accounts.unlink_account(owner, link.id, new_key())
    with pytest.raises(NotFound):
        await service.pay_bill(owner, bill_id, new_key())
    assert await Intent.all().count() == 0


async def test_a_silent_biller_leaves_the_last_good_answer(world: World) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call)
    world.billers.faults.always = "down"
    world.clock.move(timedelta(hours=11))
    reading = await service.read_bills(call, WATER, ACCOUNT, only_open=True)
    assert reading.status is ReadStatus.STALE and reading.reason == "UNAVAILABLE"
    assert [listed.id for listed in reading.value or ()] == [bill_id]
    world.clock.move(timedelta(hours=2))
    reading = await service.read_bills(call, WATER, ACCOUNT, only_open=True)
    assert (reading.status, reading.value) == (ReadStatus.UNAVAILABLE, None)


@pytest.mark.parametrize(
    ("status", "code"),
    [(BillStatus.PAID, "BILL_PAID"), (BillStatus.WITHDRAWN, "BILL_WITHDRAWN")],
)
async def test_a_bill_that_is_not_open_is_not_paid(
    world: World, status: BillStatus, code: str
) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call)
    ((bill_no, bill),) = world.billers.bills.items()
    world.billers.bills[bill_no] = replace(bill, status=status)
    with pytest.raises(Conflict) as refused:
        await service.pay_bill(call, bill_id, new_key())
    assert refused.value.code == code
    assert await Intent.all().count() == 0


async def test_a_grown_late_fee_is_what_is_asked_for(world: World) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call, 3360)
    ((bill_no, bill),) = world.billers.bills.items()
    world.billers.bills[bill_no] = replace(bill, total_fen=3362, late_fee_fen=2)
    payment = await service.pay_bill(call, bill_id, new_key())
    assert payment.amount == 3362


async def test_of_bills_that_sum_up_none_is_left_out_and_none_counts_twice(world: World) -> None:
    await world.bill(await world.citizen(), 100, "A0001")
    (bill,) = TypeAdapter(list[BillerBill]).dump_python(
        list(world.billers.bills.values()), mode="json"
    )

    def read(*bills: object) -> Sequence[BillerBill]:
        body = orjson.dumps({"bills": bills})
        return list_bills.answers.read(Response("billers", "list_bills", 200, {}, body))

    assert len(read(bill, bill, bill | {"bill_no": "B2"})) == 2
    for odd in ({"due_on": "2026-02-30"}, {"total_fen": -1}):
        with pytest.raises(ValueError, match=r"validation error|make no sense"):
            read(bill, bill | {"bill_no": "B2"} | odd)


async def test_what_is_due_is_summed_over_all_accounts(world: World) -> None:
    call = await world.citizen()
    nothing = await service.read_due(call)
    assert (nothing.status, nothing.value) == (ReadStatus.LIVE, service.Due(0, 0))
    await world.bill(call, 100, "A0001")
    await world.bill(call, 250, "A0002")
    due = await service.read_due(call)
    assert (due.status, due.value) == (ReadStatus.LIVE, service.Due(350, 2))
    world.billers.faults.always = "down"
    assert (await service.read_due(call)).status is ReadStatus.STALE


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("NO_SUCH_ACCOUNT", (ReadStatus.LIVE, service.Due(100, 1))),
        ("FORBIDDEN", (ReadStatus.UNAVAILABLE, None)),  # which says nothing of what is due
    ],
)
async def test_an_account_that_its_biller_has_closed_owes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, code: str, expected: object
) -> None:
    call = await world.citizen()
    await world.bill(call, 100, "A0001")
    await world.bill(call, 250, "A0002")

    async def ask(app: App, deadline: Deadline, kind: UtilityKind, no: str, **how: bool) -> object:
        if no == "A0002":
            body = orjson.dumps({"code": code})
            raise UpstreamRejected("billers", "list_bills", 404, body)
        return await list_bills(app, deadline, kind, no, **how)

    monkeypatch.setattr(service, "list_bills", ask)
    due = await service.read_due(call)
    assert (due.status, due.value) == expected
    reading = service.read_bills(call, WATER, "A0002", only_open=True)
    if code == "NO_SUCH_ACCOUNT":
        with pytest.raises(NotFound):
            await reading
    else:
        assert (await reading).status is ReadStatus.UNAVAILABLE


def test_a_quote_ends_at_midnight_and_after_ten_minutes() -> None:
    noon = datetime(2026, 11, 23, 4, tzinfo=UTC)
    assert is_fresh(noon, noon + timedelta(minutes=10))
    assert not is_fresh(noon, noon + timedelta(minutes=10, seconds=1))
    midnight = noon + timedelta(hours=12)
    assert not is_fresh(midnight - timedelta(seconds=1), midnight)
