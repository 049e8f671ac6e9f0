"""One contract for billers: the client against the sandbox over HTTP, and the tests' own fake."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace

import aiohttp
import pytest

from core.clock import SystemClock
from core.deadline import Deadline
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient, UpstreamRejected
from modules.bills.domain import BillStatus, UtilityKind
from modules.bills.upstream import Billers, BillersClient
from tests.payments.fakes import FakeBillers

KIND = UtilityKind.WATER


@dataclass
class Subject:
    """A biller under test, an account of it, and the hands that issue and withdraw bills."""

    billers: Billers
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

        yield Subject(fake, "1000000016", issue, withdraw, now)
        return
    port = request.getfixturevalue("sandbox_port")
    base = f"http://127.0.0.1:{port}"
    async with HttpClient(Metrics()) as http, aiohttp.ClientSession() as control:
        async with control.get(f"{base}/_control/people") as people:
            account_no = (await people.json())[0]["household"]["water_account_no"]
        client = BillersClient(SimpleNamespace(http=http), f"{base}/billers")  # type: ignore[arg-type]

        async def issue_over_http() -> str:
            path = f"{base}/_control/billers/water/accounts/{account_no}/bills"
            async with control.post(path, json={}) as answer:
                return str((await answer.json())["bill_no"])

        async def withdraw_over_http(bill_no: str) -> None:
            path = f"{base}/_control/billers/water/bills/{bill_no}/withdraw"
            async with control.post(path, json={"silently": True}) as answer:
                assert answer.status == 200

        yield Subject(client, account_no, issue_over_http, withdraw_over_http, now)


def _soon() -> Deadline:
    return Deadline.after(5)


async def _write_off(subject: Subject, bill_no: str, ref: str, *, less_fen: int = 0) -> str:
    bill = await subject.billers.get_bill(KIND, bill_no, _soon())
    return await subject.billers.write_off(
        KIND,
        bill_no,
        payment_ref=ref,
        amount_fen=bill.total_fen - less_fen,
        paid_at=subject.now,
        deadline=_soon(),
    )


async def test_an_account_is_masked_and_an_unknown_one_is_none(subject: Subject) -> None:
    await subject.issue()
    found = await subject.billers.find_account(KIND, subject.account_no, _soon())
    assert found is not None and found.account_no == subject.account_no
    assert "*" in found.holder_masked and "*" in found.address_masked
    assert await subject.billers.find_account(KIND, "9999999999", _soon()) is None


async def test_open_bills_are_listed_and_paid_ones_only_when_asked(subject: Subject) -> None:
    bill_no = str(await subject.issue())
    open_ = await subject.billers.list_bills(KIND, subject.account_no, _soon(), only_open=True)
    assert bill_no in [bill.bill_no for bill in open_]
    assert all(bill.status is BillStatus.OPEN for bill in open_)
    await _write_off(subject, bill_no, f"ref-{bill_no}-1")
    open_ = await subject.billers.list_bills(KIND, subject.account_no, _soon(), only_open=True)
    assert bill_no not in [bill.bill_no for bill in open_]
    all_ = await subject.billers.list_bills(KIND, subject.account_no, _soon(), only_open=False)
    assert {b.status for b in all_ if b.bill_no == bill_no} == {BillStatus.PAID}


async def test_a_payment_writes_off_once_however_often(subject: Subject) -> None:
    bill_no = str(await subject.issue())
    ref = f"ref-{bill_no}-1"
    assert await subject.billers.find_write_off(KIND, ref, _soon()) is None
    number = await _write_off(subject, bill_no, ref)
    assert await _write_off(subject, bill_no, ref) == number
    assert await subject.billers.find_write_off(KIND, ref, _soon()) == number
    assert (await subject.billers.get_bill(KIND, bill_no, _soon())).status is BillStatus.PAID


async def test_refusals_carry_their_code(subject: Subject) -> None:
    paid, cheap, gone = [str(await subject.issue()) for _ in range(3)]
    await _write_off(subject, paid, f"ref-{paid}-1")
    await subject.withdraw(gone)
    for bill_no, less_fen, code in (
        (paid, 0, "ALREADY_PAID"),
        (cheap, 1, "AMOUNT_MISMATCH"),
        (gone, 0, "BILL_WITHDRAWN"),
    ):
        with pytest.raises(UpstreamRejected) as refused:
            await _write_off(subject, bill_no, f"ref-{bill_no}-2", less_fen=less_fen)
        assert refused.value.code == code
        assert await subject.billers.find_write_off(KIND, f"ref-{bill_no}-2", _soon()) is None
    with pytest.raises(UpstreamRejected) as refused:
        await subject.billers.get_bill(KIND, "W000000000020261001", _soon())
    assert refused.value.code == "NO_SUCH_BILL"
