"""Hospitals' billing in memory: passes the same contract as the sandbox over HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import orjson

from core.people.personal_read import Access
from core.upstream.client import UpstreamRejected
from modules.health.billing.domain import (
    BillItem,
    BillStatus,
    DecidedRefund,
    HospitalBill,
    HospitalReceipt,
    InpatientAccount,
)
from payments.api import Paid
from tests.payments.fakes import Faults

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@dataclass
class FakeHospitals:
    """Bills by hospital and number, deposits by hospital and account."""

    bills: dict[tuple[str, str], tuple[str, HospitalBill]] = field(default_factory=dict)
    """Whose resident ID, and the bill."""
    inpatient: dict[tuple[str, str], tuple[str, InpatientAccount]] = field(default_factory=dict)
    payments: dict[tuple[str, str], tuple[str, HospitalReceipt]] = field(default_factory=dict)
    """By hospital and our number: what it paid, and the receipt."""
    settled: dict[str, str] = field(default_factory=dict)
    asked: list[Access] = field(default_factory=list)
    times: int = 1
    """How often an answer has each bill."""
    silent: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.faults = Faults("his_billing")

    def issue(self, hospital_ref: str, resident_id: str, self_pay_fen: int = 2500) -> str:
        """A fresh open bill; insurance pays three times what the patient pays, and 100 fen more."""
        bill_no = f"MB{len(self.bills):04d}"
        total_fen = self_pay_fen * 4 + 100
        items = (BillItem("血常规", "Complete blood count", total_fen),)
        bill = HospitalBill(
            bill_no, "内科", "Internal medicine", items, total_fen, self_pay_fen * 2,
            self_pay_fen + 100, self_pay_fen, NOW, BillStatus.OPEN,
        )  # fmt: skip
        self.bills[hospital_ref, bill_no] = (resident_id, bill)
        return bill_no

    def cancel(self, hospital_ref: str, bill_no: str) -> None:
        """The hospital takes a bill back."""
        self._mark(hospital_ref, bill_no, BillStatus.CANCELLED)

    def admit(self, hospital_ref: str, resident_id: str) -> str:
        """Somebody lies in a hospital; returns the account's number."""
        account_no = f"ZY{hospital_ref[1:]}{len(self.inpatient):09d}"
        account = InpatientAccount(account_no, "*某", "一病区", "Ward 1", 500_000, 450_000, 50_000)
        self.inpatient[hospital_ref, account_no] = (resident_id, account)
        return account_no

    def decide(self, hospital_ref: str, payment_ref: str, amount_fen: int) -> str:
        """The hospital gives a part of a payment back; returns its number for that."""
        number = sum(len(receipt.refunds) for _, receipt in self.payments.values())
        paid_no, receipt = self.payments[hospital_ref, payment_ref]
        refund = DecidedRefund(f"HR{number:04d}", amount_fen, "退药", NOW)
        more = replace(receipt, refunds=(*receipt.refunds, refund))
        self.payments[hospital_ref, payment_ref] = (paid_no, more)
        return refund.refund_no

    async def list_bills(self, access: Access, hospital_ref: str) -> Sequence[HospitalBill]:
        """See modules.health.billing.upstream."""
        self.asked.append(access)
        self._answer(hospital_ref, "list_bills")
        mine = [
            bill
            for (ref, _), (whose, bill) in reversed(self.bills.items())
            if (ref, whose) == (hospital_ref, access.person.document_no)
        ]
        return mine * self.times

    async def list_inpatient(self, access: Access, hospital_ref: str) -> Sequence[InpatientAccount]:
        """See modules.health.billing.upstream."""
        self._answer(hospital_ref, "list_inpatient")
        return [
            account
            for (ref, _), (whose, account) in self.inpatient.items()
            if (ref, whose) == (hospital_ref, access.person.document_no)
        ]

    async def pay_bill(self, hospital_ref: str, bill_no: str, paid: Paid) -> str:
        """See modules.health.billing.upstream."""
        payment_ref, amount_fen = paid.payment_ref, paid.amount_fen
        fault = self.faults.before("pay_bill")
        if (hospital_ref, payment_ref) not in self.payments:
            if (hospital_ref, bill_no) not in self.bills:
                raise _refusal("pay_bill", 404, "NO_SUCH_BILL")
            bill = self.bills[hospital_ref, bill_no][1]
            if bill.status is BillStatus.PAID:
                raise _refusal("pay_bill", 409, "ALREADY_PAID")
            if bill.status is BillStatus.CANCELLED:
                raise _refusal("pay_bill", 410, "BILL_CANCELLED")
            if amount_fen != bill.self_pay_fen:
                raise _refusal("pay_bill", 422, "AMOUNT_MISMATCH")
            self._mark(hospital_ref, bill_no, BillStatus.PAID)
        return self._book(fault, "pay_bill", hospital_ref, bill_no, payment_ref, amount_fen)

    async def top_up(self, hospital_ref: str, account_no: str, paid: Paid) -> str:
        """See modules.health.billing.upstream."""
        payment_ref, amount_fen = paid.payment_ref, paid.amount_fen
        fault = self.faults.before("top_up")
        if (hospital_ref, payment_ref) not in self.payments:
            if (hospital_ref, account_no) not in self.inpatient:
                raise _refusal("top_up", 404, "NO_SUCH_ACCOUNT")
            if amount_fen > 5_000_000:
                raise _refusal("top_up", 422, "TOP_UP_TOO_LARGE")
            whose, account = self.inpatient[hospital_ref, account_no]
            grown = replace(
                account,
                deposited_fen=account.deposited_fen + amount_fen,
                balance_fen=account.balance_fen + amount_fen,
            )
            self.inpatient[hospital_ref, account_no] = (whose, grown)
        return self._book(fault, "top_up", hospital_ref, account_no, payment_ref, amount_fen)

    async def find_payment(self, hospital_ref: str, payment_ref: str) -> HospitalReceipt | None:
        """See modules.health.billing.upstream."""
        self._answer(hospital_ref, "find_payment")
        found = self.payments.get((hospital_ref, payment_ref))
        return found[1] if found else None

    async def settle_refund(self, hospital_ref: str, refund_no: str, refund_ref: str) -> None:
        """See modules.health.billing.upstream."""
        fault = self.faults.before("settle_refund")
        if self.settled.setdefault(refund_no, refund_ref) != refund_ref:
            raise _refusal("settle_refund", 409, "REFUND_REF_REUSED")
        for key, (paid_no, receipt) in self.payments.items():
            told = [
                replace(r, refund_ref=refund_ref) if r.refund_no == refund_no else r
                for r in receipt.refunds
            ]
            self.payments[key] = (paid_no, replace(receipt, refunds=told))
        self.faults.after(fault, "settle_refund")

    def _book(
        self,
        fault: str,
        operation: str,
        hospital_ref: str,
        paid_no: str,
        payment_ref: str,
        amount_fen: int,
    ) -> str:
        fresh = HospitalReceipt(f"RC{len(self.payments):04d}", amount_fen, ())
        known_no, receipt = self.payments.setdefault((hospital_ref, payment_ref), (paid_no, fresh))
        if (known_no, receipt.amount_fen) != (paid_no, amount_fen):
            raise _refusal(operation, 409, "PAYMENT_REF_REUSED")
        self.faults.after(fault, operation)
        return receipt.receipt_no

    def _mark(self, hospital_ref: str, bill_no: str, status: BillStatus) -> None:
        whose, bill = self.bills[hospital_ref, bill_no]
        self.bills[hospital_ref, bill_no] = (whose, replace(bill, status=status))

    def _answer(self, hospital_ref: str, operation: str) -> None:
        fault = "lost" if hospital_ref in self.silent else self.faults.before(operation)
        self.faults.after(fault, operation)


def _refusal(operation: str, status: int, code: str) -> UpstreamRejected:
    return UpstreamRejected("his_billing", operation, status, orjson.dumps({"code": code}))
