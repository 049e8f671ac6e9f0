"""One contract for billers: the client against the sandbox over HTTP, and the tests' own fake."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import aiohttp
import pytest

from core.clock import SystemClock
from core.deadline import Deadline
from core.ids import new_id
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient, UpstreamRejected
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
    issue: Callable[[], object]
    withdraw: Callable[[str], object]
    now: datetime


@pytest.fixture(params=["fake", "sandbox"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    """Each in turn, with one open bill."""
    now = SystemClock().now()
    if request.param == "fake":
        fake = FakeBillers()

        async def issue() -> str:
            return fake.issue("1000000016", 5600)

        async def withdraw(bill_no: str) -> None:
            fake.refuses[bill_no] = "BILL_WITHDRAWN"

        yield Subject(in_place_of(BILLERS, fake), "1000000016", issue, withdraw, now)
        return
    port = request.getfixturevalue("sandbox_port")
    base = f"http://127.0.0.1:{port}"
    async with HttpClient(Metrics()) as http, aiohttp.ClientSession() as control:
        async with control.get(f"{base}/_control/people") as people:
            account_no = (await people.json())[0]["household"]["water_account_no"]
        app = over_http(http, base, BILLERS)

        async def issue_over_http() -> str:
            path = f"{base}/_control/billers/water/accounts/{account_no}/bills"
            async with control.post(path, json={}) as answer:
                return str((await answer.json())["bill_no"])

        async def withdraw_over_http(bill_no: str) -> None:
            path = f"{base}/_control/billers/water/bills/{bill_no}/withdraw"
            async with control.post(path, json={"silently": True}) as answer:
                assert answer.status == 200

        yield Subject(app, account_no, issue_over_http, withdraw_over_http, now)


def _soon() -> Deadline:
    return Deadline.after(5)


async def _write_off(subject: Subject, bill_no: str, ref: UUID, *, less_fen: int = 0) -> str:
    bill = await get_bill(subject.app, _soon(), KIND, bill_no)
    paid = captured(ref, bill.total_fen - less_fen, subject.now)
    return await write_off(subject.app, _soon(), KIND, bill_no, paid)


async def _list(subject: Subject, *, only_open: bool) -> list[BillerBill]:
    return await list_bills(subject.app, _soon(), KIND, subject.account_no, only_open=only_open)


async def _find(subject: Subject, ref: UUID) -> str | None:
    return await find_write_off(subject.app, _soon(), KIND, ref.hex)


async def test_an_account_is_masked_and_an_unknown_one_is_none(subject: Subject) -> None:
    await subject.issue()
    found = await find_account(subject.app, _soon(), KIND, subject.account_no)
    assert found is not None and found.account_no == subject.account_no
    assert "*" in found.holder_masked and "*" in found.address_masked
    assert await find_account(subject.app, _soon(), KIND, "9999999999") is None


async def test_open_bills_are_listed_and_paid_ones_only_when_asked(subject: Subject) -> None:
    bill_no = str(await subject.issue())
    open_ = await _list(subject, only_open=True)
    assert bill_no in [bill.bill_no for bill in open_]
    assert all(bill.status is BillStatus.OPEN for bill in open_)
    await _write_off(subject, bill_no, new_id())
    open_ = await _list(subject, only_open=True)
    assert bill_no not in [bill.bill_no for bill in open_]
    all_ = await _list(subject, only_open=False)
    assert {b.status for b in all_ if b.bill_no == bill_no} == {BillStatus.PAID}


async def test_a_payment_writes_off_once_however_often(subject: Subject) -> None:
    bill_no = str(await subject.issue())
    ref = new_id()
    assert await _find(subject, ref) is None
    number = await _write_off(subject, bill_no, ref)
    assert await _write_off(subject, bill_no, ref) == number
    assert await _find(subject, ref) == number
    assert (await get_bill(subject.app, _soon(), KIND, bill_no)).status is BillStatus.PAID


async def test_refusals_carry_their_code(subject: Subject) -> None:
    paid, cheap, gone = [str(await subject.issue()) for _ in range(3)]
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
        await get_bill(subject.app, _soon(), KIND, "W000000000020261001")
    assert refused.value.code == "NO_SUCH_BILL"
