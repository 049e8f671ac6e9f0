"""A housing fund centre in memory, for tests of withdrawals."""

from collections.abc import Awaitable, Callable
from datetime import date

import orjson

from core.people.personal_read import Access
from core.upstream.client import UpstreamRejected
from modules.welfare.withdrawal.domain import Rule, WithdrawalPurpose, WithdrawalRecord
from modules.welfare.withdrawal.upstream import Payout, PayoutOrder, PayoutStatus
from tests.fakes import Silence

RULES = (
    Rule(WithdrawalPurpose.RENT, year_most_fen=1_800_000, months_between=3),
    Rule(WithdrawalPurpose.PURCHASE, None, months_between=12),
    Rule(WithdrawalPurpose.LOAN, None, months_between=12),
    Rule(WithdrawalPurpose.RETIREMENT, None, months_between=0),
    Rule(WithdrawalPurpose.LEAVING, None, months_between=0),
    Rule(WithdrawalPurpose.ILLNESS, year_most_fen=5_000_000, months_between=0),
)
RECORD = WithdrawalRecord(
    account_no="HF37000000001",
    balance_fen=8_000_000,
    months_in_a_row=12,
    sealed_on=date(2026, 1, 31),
    owns_home_here=False,
    loan_outstanding_fen=31_200_000,
    withdrawals=(),
    rules=RULES,
    is_closed=False,
)
"""Somebody who may draw for every purpose."""


class FakeCentre(Silence):
    """Knows one record of everybody, and pays each order once, as `outcome` says."""

    name = "housing_fund"

    def __init__(self) -> None:
        super().__init__()
        self.record: WithdrawalRecord | None = RECORD
        self.outcome = PayoutStatus.PAID
        self.refusal = ""
        """The code with which it refuses to pay."""
        self.is_cut_short = False
        """Whether who orders dies before the answer comes."""
        self.orders: list[PayoutOrder] = []
        self.meanwhile: Callable[[], Awaitable[object]] | None = None
        """What happens while it is asked for a record."""

    async def find_withdrawal_record(self, access: Access) -> WithdrawalRecord | None:
        """See modules.welfare.withdrawal.upstream."""
        assert access.person.document_no
        self.answer("find_withdrawal_record")
        if self.meanwhile is not None:
            await self.meanwhile()
        return self.record

    async def pay_out(self, order: PayoutOrder) -> Payout:
        """See modules.welfare.withdrawal.upstream."""
        self.answer("pay_out")
        if self.refusal:
            body = orjson.dumps({"code": self.refusal})
            raise UpstreamRejected(self.name, "pay_out", 422, body)
        if order not in self.orders:
            self.orders.append(order)
        if self.is_cut_short:
            raise RuntimeError("cut short")
        amount_fen = order.amount_fen or RECORD.balance_fen
        if self.outcome is PayoutStatus.RETURNED:
            return Payout(self.outcome, amount_fen, reason="no such account")
        receipt_no = "HFW1" if self.outcome is PayoutStatus.PAID else None
        return Payout(self.outcome, amount_fen, receipt_no)
