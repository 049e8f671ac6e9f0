"""One contract for hospital billing: the client against the sandbox, and the tests' own fake."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import aiohttp
import pytest

from core.clock import SystemClock
from core.deadline import Deadline
from core.id_documents import Document, DocumentKind
from core.ids import new_id
from core.people.directory import Person
from core.people.personal_read import Access
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient, Unlicensed, UpstreamRejected
from modules.health.billing import upstream
from modules.health.billing.domain import BillStatus, HospitalReceipt
from modules.health.billing.upstream import BILLING
from tests.modules.health.fakes import FakeHospitals
from tests.payments.payees import captured
from tests.upstreams import Connected, in_place_of, over_http


@dataclass
class Subject:
    """Hospitals under test, a patient, and the counter's hands."""

    app: Connected
    access: Access
    issue: Callable[[], Awaitable[str]]
    cancel: Callable[[str], Awaitable[None]]
    admit: Callable[[], Awaitable[str]]
    decide: Callable[[str, int], Awaitable[str]]

    async def pay(self, bill_no: str, ref: UUID, amount_fen: int) -> str:
        """Pay a bill now."""
        paid = captured(ref, amount_fen, SystemClock().now())
        return await upstream.pay_bill(self.app, _soon(), "h3", bill_no, paid)

    async def top_up(self, account_no: str, ref: UUID, amount_fen: int) -> str:
        """Pay into a deposit now."""
        paid = captured(ref, amount_fen, SystemClock().now())
        return await upstream.top_up(self.app, _soon(), "h3", account_no, paid)

    async def find(self, ref: UUID) -> HospitalReceipt | None:
        """What a payment came to."""
        return await upstream.find_payment(self.app, _soon(), "h3", ref.hex)

    async def self_pay(self, bill_no: str) -> int:
        """What is due for a bill."""
        bills = await upstream.list_bills(self.app, _soon(), self.access, "h3")
        return next(bill.self_pay_fen for bill in bills if bill.bill_no == bill_no)


PERMIT = Document(DocumentKind.TAIWAN_PERMIT, "31415926", date(1984, 5, 6))


def _access(resident_id: str | None, document: Document | None = None) -> Access:
    person = Person(new_id(), "19900000001", "示例", resident_id, 2, "zh", other_document=document)
    purpose = "health.medical-payment"
    return Access(person, purpose, new_id(), new_id(), BILLING.name, BILLING.documents)


@pytest.fixture(params=["fake", "fake permit", "sandbox", "sandbox permit"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    """Each in turn, with a patient who has an ID number, and with the holder of a permit."""
    permit = PERMIT if "permit" in request.param else None
    if "fake" in request.param:
        yield _fake(permit)
        return
    port = request.getfixturevalue("sandbox_port")
    base = f"http://127.0.0.1:{port}"
    async with HttpClient(Metrics()) as http, aiohttp.ClientSession() as session:
        app = over_http(http, base, BILLING)
        async with session.get(f"{base}/_control/people") as people:
            known = (await people.json())[0]["resident_id"]
        me = _access(None if permit else known, permit)
        if permit:
            told = {"kind": permit.kind, "number": permit.number, "name": "陳大文",
                    "born_on": str(permit.born_on)}  # fmt: skip
            async with session.put(f"{base}/_control/police/permits", json=told) as issued:
                assert issued.status == 204

        async def control(path: str, body: Any) -> Any:
            url = f"{base}/_control/his-billing/h3/{path}"
            async with session.post(url, json=body) as answer:
                assert answer.status in (200, 201)
                return await answer.json()

        whose = {"resident_id": me.person.document_no}

        async def issue() -> str:
            return str((await control("bills", whose))["bill_no"])

        async def cancel(bill_no: str) -> None:
            await control(f"bills/{bill_no}/cancel", {})

        async def admit() -> str:
            return str((await control("admissions", whose))["account_no"])

        async def decide(ref: str, amount_fen: int) -> str:
            told = await control("refunds", {"payment_ref": ref, "amount_fen": amount_fen})
            return str(told["refunds"][-1]["refund_no"])

        yield Subject(app, me, issue, cancel, admit, decide)


def _fake(permit: Document | None) -> Subject:
    fake, number = FakeHospitals(), "11010519491231002X"
    access = _access(None, permit) if permit else _access(number)
    me = access.person.document_no or ""

    async def issue() -> str:
        return fake.issue("h3", me)

    async def cancel(bill_no: str) -> None:
        fake.cancel("h3", bill_no)

    async def admit() -> str:
        return fake.admit("h3", me)

    async def decide(ref: str, amount_fen: int) -> str:
        return fake.decide("h3", ref, amount_fen)

    return Subject(in_place_of(BILLING, fake), access, issue, cancel, admit, decide)


def _soon() -> Deadline:
    return Deadline.after(5)


async def test_a_bill_adds_up_and_is_its_patients(subject: Subject) -> None:
    bill_no = await subject.issue()
    bills = await upstream.list_bills(subject.app, _soon(), subject.access, "h3")
    bill = next(bill for bill in bills if bill.bill_no == bill_no)
    assert bill.adds_up and bill.items and bill.status is BillStatus.OPEN
    elsewhere = await upstream.list_bills(subject.app, _soon(), subject.access, "h5")
    assert bill_no not in [bill.bill_no for bill in elsewhere]


async def test_a_payment_is_booked_once_however_often(subject: Subject) -> None:
    bill_no = await subject.issue()
    ref, due_fen = new_id(), await subject.self_pay(bill_no)
    assert await subject.find(ref) is None
    receipt_no = await subject.pay(bill_no, ref, due_fen)
    assert await subject.pay(bill_no, ref, due_fen) == receipt_no
    found = await subject.find(ref)
    assert found is not None
    assert (found.receipt_no, found.amount_fen, list(found.refunds)) == (receipt_no, due_fen, [])


async def test_refusals_carry_their_code(subject: Subject) -> None:
    paid, other, gone = [await subject.issue() for _ in range(3)]
    due_fen = await subject.self_pay(paid)
    first, second = new_id(), new_id()
    await subject.pay(paid, first, due_fen)
    await subject.cancel(gone)
    for bill_no, ref, amount_fen, code in (
        (paid, second, due_fen, "ALREADY_PAID"),
        (other, second, await subject.self_pay(other) + 1, "AMOUNT_MISMATCH"),
        (gone, second, await subject.self_pay(gone), "BILL_CANCELLED"),
        ("MB-none", second, 100, "NO_SUCH_BILL"),
        (paid, first, due_fen + 1, "PAYMENT_REF_REUSED"),
    ):
        with pytest.raises(UpstreamRejected) as refused:
            await subject.pay(bill_no, ref, amount_fen)
        assert refused.value.code == code
    assert await subject.find(second) is None


async def test_a_deposit_grows_by_what_is_paid_in(subject: Subject) -> None:
    account_no, first = await subject.admit(), new_id()
    (before,) = await upstream.list_inpatient(subject.app, _soon(), subject.access, "h3")
    for _ in range(2):
        await subject.top_up(account_no, first, 20_000)
    (after,) = await upstream.list_inpatient(subject.app, _soon(), subject.access, "h3")
    assert after.balance_fen == before.balance_fen + 20_000
    for number, amount_fen, code in (
        (account_no, 5_000_001, "TOP_UP_TOO_LARGE"),
        ("ZY3nobody", 100, "NO_SUCH_ACCOUNT"),
    ):
        with pytest.raises(UpstreamRejected) as refused:
            await subject.top_up(number, new_id(), amount_fen)
        assert refused.value.code == code


async def test_a_refund_is_decided_and_settled_by_one_refund_of_ours(subject: Subject) -> None:
    bill_no = await subject.issue()
    ref = new_id()
    await subject.pay(bill_no, ref, await subject.self_pay(bill_no))
    refund_no = await subject.decide(ref.hex, 100)
    for _ in range(2):
        await upstream.settle_refund(subject.app, _soon(), "h3", refund_no, "back-1")
    found = await subject.find(ref)
    assert found is not None
    (refund,) = found.refunds
    told = (refund.refund_no, refund.amount_fen, refund.refund_ref)
    assert told == (refund_no, 100, "back-1")
    with pytest.raises(UpstreamRejected) as refused:
        await upstream.settle_refund(subject.app, _soon(), "h3", refund_no, "back-2")
    assert refused.value.code == "REFUND_REF_REUSED"


async def test_reading_bills_needs_an_access_for_this_upstream() -> None:
    async with HttpClient(Metrics()) as http:
        app = over_http(http, "http://127.0.0.1:9", BILLING)
        fake = _access("11010519491231002X")
        wrong = Access(fake.person, fake.purpose, fake.consent_id, fake.access_id, "police")
        with pytest.raises(Unlicensed):
            await upstream.list_bills(app, _soon(), wrong, "h1")
        with pytest.raises(Unlicensed):
            await upstream.list_inpatient(app, _soon(), wrong, "h1")
