"""The billers: accounts, bills and write-offs of the four utilities under one contract."""

from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError

from core.context.app import App
from core.deadline import Deadline
from core.upstream.client import Response, UpstreamFailed, UpstreamRejected
from modules.bills.domain import BillerAccount, BillerBill, UtilityKind

_ACCOUNT = TypeAdapter(BillerAccount)
_BILL = TypeAdapter(BillerBill)
_BILLS = TypeAdapter(list[BillerBill])
_NOT_FOUND = 404


class Billers(Protocol):
    """What bills needs from the billers."""

    async def find_account(
        self, kind: UtilityKind, account_no: str, deadline: Deadline
    ) -> BillerAccount | None:
        """An account, or None where there is none. Raises UpstreamError without an answer."""
        ...

    async def list_bills(
        self, kind: UtilityKind, account_no: str, deadline: Deadline, *, only_open: bool
    ) -> list[BillerBill]:
        """An account's bills, newest first. Raises UpstreamError."""
        ...

    async def get_bill(self, kind: UtilityKind, bill_no: str, deadline: Deadline) -> BillerBill:
        """A bill as of now. Raises UpstreamError; UpstreamRejected where there is none."""
        ...

    async def write_off(
        self,
        kind: UtilityKind,
        bill_no: str,
        *,
        payment_ref: str,
        amount_fen: int,
        paid_at: datetime,
        deadline: Deadline,
    ) -> str:
        """Settle a bill by a payment; returns the biller's write-off number.

        Repeat-safe by `payment_ref`. Raises UpstreamRejected for the biller's refusals (see
        its `code`), other UpstreamErrors where it may or may not have happened.
        """
        ...

    async def find_write_off(
        self, kind: UtilityKind, payment_ref: str, deadline: Deadline
    ) -> str | None:
        """The write-off number of a payment, or None where it wrote nothing off.

        Raises UpstreamError.
        """
        ...


class BillersClient:
    """The billers over HTTP; see docs/upstreams/billers.md."""

    def __init__(self, app: App, address: str) -> None:
        self._http = app.http.upstream("billers", address)

    async def find_account(
        self, kind: UtilityKind, account_no: str, deadline: Deadline
    ) -> BillerAccount | None:
        """See the protocol."""
        try:
            answer = await self._get(
                f"/{kind.value}/accounts/{_part(account_no)}", "find_account", deadline
            )
        except UpstreamRejected as refusal:
            if refusal.status == _NOT_FOUND:
                return None
            raise
        account: BillerAccount = _read(answer, _ACCOUNT)
        return account

    async def list_bills(
        self, kind: UtilityKind, account_no: str, deadline: Deadline, *, only_open: bool
    ) -> list[BillerBill]:
        """See the protocol."""
        answer = await self._get(
            f"/{kind.value}/accounts/{_part(account_no)}/bills",
            "list_bills",
            deadline,
            status="open" if only_open else "all",
        )
        bills: list[BillerBill] = _read(answer, _BILLS, member="bills")
        return bills

    async def get_bill(self, kind: UtilityKind, bill_no: str, deadline: Deadline) -> BillerBill:
        """See the protocol."""
        answer = await self._get(f"/{kind.value}/bills/{_part(bill_no)}", "get_bill", deadline)
        bill: BillerBill = _read(answer, _BILL)
        return bill

    async def write_off(
        self,
        kind: UtilityKind,
        bill_no: str,
        *,
        payment_ref: str,
        amount_fen: int,
        paid_at: datetime,
        deadline: Deadline,
    ) -> str:
        """See the protocol. Not repeated here: an error must tell of one attempt."""
        answer = await self._http.request(
            "POST",
            f"/{kind.value}/bills/{_part(bill_no)}/write-off",
            operation="write_off",
            json={
                "payment_ref": payment_ref,
                "amount_fen": amount_fen,
                "paid_at": paid_at.isoformat(),
            },
            deadline=deadline,
            safe=False,
        )
        return _write_off_no(answer)

    async def find_write_off(
        self, kind: UtilityKind, payment_ref: str, deadline: Deadline
    ) -> str | None:
        """See the protocol."""
        try:
            answer = await self._get(
                f"/{kind.value}/write-offs/{_part(payment_ref)}", "find_write_off", deadline
            )
        except UpstreamRejected as refusal:
            # any other 404 is a wrong address, which says nothing of the payment
            if refusal.code == "NO_SUCH_WRITE_OFF":
                return None
            raise
        return _write_off_no(answer)

    async def _get(self, path: str, operation: str, deadline: Deadline, **params: str) -> Response:
        return await self._http.request(
            "GET", path, operation=operation, deadline=deadline, params=params or None
        )


def _part(text: str) -> str:
    return quote(text, safe="")


def _read(answer: Response, adapter: TypeAdapter[Any], member: str | None = None) -> Any:
    try:
        told = answer.json()
        return adapter.validate_python(told if member is None else told[member])
    except (KeyError, TypeError, ValidationError):
        raise UpstreamFailed(answer.upstream, answer.operation, "unknown form") from None


def _write_off_no(answer: Response) -> str:
    try:
        return str(answer.json()["write_off_no"])
    except (KeyError, TypeError):
        raise UpstreamFailed(answer.upstream, answer.operation, "no write-off number") from None
