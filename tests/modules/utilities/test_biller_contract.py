"""One contract for billers: the client against the sandbox over HTTP, and the tests' own fake."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

import aiohttp
import orjson
import pytest

from core.clock import SystemClock
from core.deadline import Deadline
from core.ids import new_id
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient, Response, UpstreamRejected
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.accounts.upstream import BILLERS, find_account
from modules.utilities.bills.domain import BillerBill, BillStatus
from modules.utilities.bills.upstream import find_write_off, get_bill, list_bills, write_off
from tests.payments.fakes import FakeBillers
from tests.payments.payees import captured
from tests.upstreams import Connected, in_place_of, over_http

KIND = UtilityKind.WATER


@dataclass
class Subject:
    """A biller under test, an account of it, and the hands that issue and withdraw bills."""

    app: Connected
    account_no: str
    issue: Callable[[], Awaitable[str]]
    withdraw: Callable[[str], Awaitable[None]]
    now: datetime
    kind: UtilityKind = KIND


def _fake(least_part_fen: int | None) -> Subject:
    fake = FakeBillers()

    async def issue() -> str:
        return fake.issue("1000000016", 56_000, least_part_fen=least_part_fen)

    async def withdraw(bill_no: str) -> None:
        fake.refuses[bill_no] = "BILL_WITHDRAWN"

    return Subject(in_place_of(BILLERS, fake), "1000000016", issue, withdraw, SystemClock().now())


@asynccontextmanager
async def _sandbox(port: int, kind: UtilityKind) -> AsyncIterator[Subject]:
    base = f"http://127.0.0.1:{port}"
    async with HttpClient(Metrics()) as http, aiohttp.ClientSession() as control:
        async with control.get(f"{base}/_control/people") as people:
            account_no = (await people.json())[0]["household"][f"{kind}_account_no"]

        async def issue() -> str:
            path = f"{base}/_control/billers/{kind}/accounts/{account_no}/bills"
            async with control.post(path, json={}) as answer:
                return str((await answer.json())["bill_no"])

        async def withdraw(bill_no: str) -> None:
            path = f"{base}/_control/billers/{kind}/bills/{bill_no}/withdraw"
            async with control.post(path, json={"silently": True}) as answer:
                assert answer.status == 200

        app = over_http(http, base, BILLERS)
        yield Subject(app, account_no, issue, withdraw, SystemClock().now(), kind)


@pytest.fixture(params=["fake", "sandbox"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    """Each in turn, of a biller that is paid whole."""
    if request.param == "fake":
        yield _fake(None)
        return
    async with _sandbox(request.getfixturevalue("sandbox_port"), KIND) as opened:
        yield opened


@pytest.fixture(params=["fake", "sandbox"])
async def divisible(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    """Each in turn, of a biller that takes parts of 100 yuan."""
    if request.param == "fake":
        yield _fake(10_000)
        return
    async with _sandbox(request.getfixturevalue("sandbox_port"), UtilityKind.HEATING) as opened:
        yield opened


def _soon() -> Deadline:
    return Deadline.after(5)


async def _write_off(subject: Subject, bill_no: str, ref: UUID, *, less_fen: int = 0) -> str:
    bill = await get_bill(subject.app, _soon(), subject.kind, bill_no)
    due_fen = bill.total_fen or bill.paid_fen  # sent again, it is what was paid
    paid = captured(ref, due_fen - less_fen, subject.now)
    return await write_off(subject.app, _soon(), subject.kind, bill_no, paid)


async def _list(subject: Subject, *, only_open: bool) -> list[BillerBill]:
    return await list_bills(
        subject.app, _soon(), subject.kind, subject.account_no, only_open=only_open
    )


async def _find(subject: Subject, ref: UUID) -> str | None:
    return await find_write_off(subject.app, _soon(), subject.kind, ref.hex)


async def test_an_account_is_masked_and_an_unknown_one_is_none(subject: Subject) -> None:
    await subject.issue()
    found = await find_account(subject.app, _soon(), subject.kind, subject.account_no)
    assert found is not None and found.account_no == subject.account_no
    assert "*" in found.holder_masked and "*" in found.address_masked
    assert await find_account(subject.app, _soon(), subject.kind, "9999999999") is None


async def test_open_bills_are_listed_and_paid_ones_only_when_asked(subject: Subject) -> None:
    bill_no = await subject.issue()
    open_ = await _list(subject, only_open=True)
    assert bill_no in [bill.bill_no for bill in open_]
    assert all(bill.status is BillStatus.OPEN for bill in open_)
    await _write_off(subject, bill_no, new_id())
    open_ = await _list(subject, only_open=True)
    assert bill_no not in [bill.bill_no for bill in open_]
    all_ = await _list(subject, only_open=False)
    assert {b.status for b in all_ if b.bill_no == bill_no} == {BillStatus.PAID}


async def test_a_payment_writes_off_once_however_often(subject: Subject) -> None:
    bill_no = await subject.issue()
    ref = new_id()
    assert await _find(subject, ref) is None
    number = await _write_off(subject, bill_no, ref)
    assert await _write_off(subject, bill_no, ref) == number
    assert await _find(subject, ref) == number
    assert (await get_bill(subject.app, _soon(), subject.kind, bill_no)).status is BillStatus.PAID


async def test_refusals_carry_their_code(subject: Subject) -> None:
    paid, cheap, gone = [await subject.issue() for _ in range(3)]
    await _write_off(subject, paid, new_id())
    await subject.withdraw(gone)
    for bill_no, less_fen, code in (
        (paid, 0, "ALREADY_PAID"),
        (cheap, 1, "AMOUNT_MISMATCH"),
        (gone, 0, "BILL_WITHDRAWN"),
    ):
        ref = new_id()
        with pytest.raises(UpstreamRejected) as refused:
            await _write_off(subject, bill_no, ref, less_fen=less_fen)
        assert refused.value.code == code
        assert await _find(subject, ref) is None
    with pytest.raises(UpstreamRejected) as refused:
        await get_bill(subject.app, _soon(), subject.kind, "W000000000020261001")
    assert refused.value.code == "NO_SUCH_BILL"


async def test_parts_add_up_and_only_the_last_is_smaller_than_the_least(divisible: Subject) -> None:
    app, kind, bill_no = divisible.app, divisible.kind, await divisible.issue()
    bill = await get_bill(app, _soon(), kind, bill_no)
    assert (bill.least_part_fen, bill.paid_fen) == (10_000, 0)
    rest_fen = bill.total_fen - 2 * 10_000
    last = captured(new_id(), 10_000, divisible.now)
    numbers = [
        await write_off(app, _soon(), kind, bill_no, captured(new_id(), fen, divisible.now))
        for fen in (10_000, rest_fen)
    ]
    told = await get_bill(app, _soon(), kind, bill_no)
    assert (told.status, told.total_fen) == (BillStatus.OPEN, 10_000)
    assert told.paid_fen == bill.total_fen - 10_000
    for fen in (9_999, 10_001):
        with pytest.raises(UpstreamRejected) as refused:
            await write_off(app, _soon(), kind, bill_no, captured(new_id(), fen, divisible.now))
        assert refused.value.code == "AMOUNT_MISMATCH"
    numbers.append(await write_off(app, _soon(), kind, bill_no, last))
    assert len(set(numbers)) == 3
    assert await write_off(app, _soon(), kind, bill_no, last) == numbers[-1]
    assert await find_write_off(app, _soon(), kind, last.payment_ref) == numbers[-1]
    told = await get_bill(app, _soon(), kind, bill_no)
    assert (told.status, told.total_fen, told.paid_fen) == (BillStatus.PAID, 0, bill.total_fen)


@pytest.mark.parametrize("changes", [{"least_part_fen": 0}, {"paid_fen": -1}, {"total_fen": -1}])
def test_a_bill_whose_amounts_make_no_sense_is_none(changes: dict[str, int]) -> None:
    fake = FakeBillers()
    bill = asdict(fake.bills[fake.issue("1000000016", 100)]) | changes
    body = orjson.dumps(bill, default=str)
    with pytest.raises(ValueError, match="no sense"):
        get_bill.answers.read(Response("billers", "get_bill", 200, {}, body))
