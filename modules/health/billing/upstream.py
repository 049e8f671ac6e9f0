"""The hospitals' billing systems: bills, deposits, payments, refunds, one contract for all."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError

from core.context.app import App
from core.deadline import Deadline
from core.people.personal_read import Access
from core.upstream.client import Response, UpstreamFailed, UpstreamRejected
from modules.health.billing.domain import HospitalBill, HospitalReceipt, InpatientAccount

_BILLS = TypeAdapter(list[HospitalBill])
_ACCOUNTS = TypeAdapter(list[InpatientAccount])
_RECEIPT = TypeAdapter(HospitalReceipt)


class HospitalBilling(Protocol):
    """What health needs of the hospitals' billing. All methods raise UpstreamError."""

    async def list_bills(
        self, access: Access, hospital_ref: str, deadline: Deadline
    ) -> Sequence[HospitalBill]:
        """The bills of the person of the access, newest first."""
        ...

    async def list_inpatient(
        self, access: Access, hospital_ref: str, deadline: Deadline
    ) -> Sequence[InpatientAccount]:
        """The deposit accounts of the person of the access; none for who lies elsewhere."""
        ...

    async def pay_bill(
        self,
        hospital_ref: str,
        bill_no: str,
        *,
        payment_ref: str,
        amount_fen: int,
        paid_at: datetime,
        deadline: Deadline,
    ) -> str:
        """Book a payment of a bill's self-pay part; returns the hospital's receipt number.

        Repeat-safe by `payment_ref`. Raises UpstreamRejected for refusals (see its `code`).
        """
        ...

    async def top_up(
        self,
        hospital_ref: str,
        account_no: str,
        *,
        payment_ref: str,
        amount_fen: int,
        paid_at: datetime,
        deadline: Deadline,
    ) -> str:
        """Book a payment into a deposit account; like `pay_bill`."""
        ...

    async def find_payment(
        self, hospital_ref: str, payment_ref: str, deadline: Deadline
    ) -> HospitalReceipt | None:
        """What a payment of ours came to, with its refunds; None where it was never booked."""
        ...

    async def settle_refund(
        self, hospital_ref: str, refund_no: str, refund_ref: str, deadline: Deadline
    ) -> None:
        """Tell that a refund's money is back with the payer. Repeat-safe."""
        ...


class HospitalBillingClient:
    """The billing systems over HTTP; see docs/upstreams/his-billing.md."""

    def __init__(self, app: App, address: str) -> None:
        self._http = app.http.upstream("his_billing", address)

    async def list_bills(
        self, access: Access, hospital_ref: str, deadline: Deadline
    ) -> Sequence[HospitalBill]:
        """Ask by resident ID, in the body. A bill whose parts are not its total is unreadable."""
        answer = await self._query(access, hospital_ref, "bills", "list_bills", deadline)
        bills: Sequence[HospitalBill] = _read(answer, _BILLS, "bills")
        if not all(bill.adds_up for bill in bills):
            raise UpstreamFailed("his_billing", "list_bills", "the parts are not the total")
        return bills

    async def list_inpatient(
        self, access: Access, hospital_ref: str, deadline: Deadline
    ) -> Sequence[InpatientAccount]:
        """See the protocol."""
        answer = await self._query(access, hospital_ref, "inpatient", "list_inpatient", deadline)
        accounts: Sequence[InpatientAccount] = _read(answer, _ACCOUNTS, "accounts")
        return accounts

    async def pay_bill(
        self,
        hospital_ref: str,
        bill_no: str,
        *,
        payment_ref: str,
        amount_fen: int,
        paid_at: datetime,
        deadline: Deadline,
    ) -> str:
        """See the protocol."""
        path = f"/{hospital_ref}/bills/{_part(bill_no)}/payments"
        return await self._pay(path, "pay_bill", payment_ref, amount_fen, paid_at, deadline)

    async def top_up(
        self,
        hospital_ref: str,
        account_no: str,
        *,
        payment_ref: str,
        amount_fen: int,
        paid_at: datetime,
        deadline: Deadline,
    ) -> str:
        """See the protocol."""
        path = f"/{hospital_ref}/inpatient/{_part(account_no)}/top-ups"
        return await self._pay(path, "top_up", payment_ref, amount_fen, paid_at, deadline)

    async def find_payment(
        self, hospital_ref: str, payment_ref: str, deadline: Deadline
    ) -> HospitalReceipt | None:
        """See the protocol."""
        try:
            answer = await self._http.request(
                "GET",
                f"/{hospital_ref}/payments/{_part(payment_ref)}",
                operation="find_payment",
                deadline=deadline,
            )
        except UpstreamRejected as refusal:
            # any other 404 is a wrong address, which says nothing of the payment
            if refusal.code == "NO_SUCH_PAYMENT":
                return None
            raise
        receipt: HospitalReceipt = _read(answer, _RECEIPT)
        return receipt

    async def settle_refund(
        self, hospital_ref: str, refund_no: str, refund_ref: str, deadline: Deadline
    ) -> None:
        """See the protocol."""
        await self._http.request(
            "POST",
            f"/{hospital_ref}/refunds/{_part(refund_no)}/settle",
            operation="settle_refund",
            json={"refund_ref": refund_ref},
            deadline=deadline,
            safe=True,
        )

    async def _query(
        self, access: Access, hospital_ref: str, what: str, operation: str, deadline: Deadline
    ) -> Response:
        return await self._http.request(
            "POST",
            f"/{hospital_ref}/{what}/query",
            operation=operation,
            json={
                "resident_id": access.person.resident_id,
                "consent_ref": str(access.consent_id),
            },
            deadline=deadline,
            safe=True,
            access=access,
        )

    async def _pay(
        self,
        path: str,
        operation: str,
        payment_ref: str,
        amount_fen: int,
        paid_at: datetime,
        deadline: Deadline,
    ) -> str:
        """Not repeated here: an error must tell of one attempt."""
        told = {
            "payment_ref": payment_ref,
            "amount_fen": amount_fen,
            "paid_at": paid_at.isoformat(),
        }
        answer = await self._http.request(
            "POST", path, operation=operation, json=told, deadline=deadline, safe=False
        )
        try:
            return str(answer.json()["receipt_no"])
        except (KeyError, TypeError):
            raise UpstreamFailed("his_billing", operation, "no receipt number") from None


def _part(text: str) -> str:
    return quote(text, safe="")


def _read(answer: Response, adapter: TypeAdapter[Any], member: str | None = None) -> Any:
    try:
        told = answer.json()
        return adapter.validate_python(told if member is None else told[member])
    except (KeyError, TypeError, ValidationError):
        raise UpstreamFailed(answer.upstream, answer.operation, "unknown form") from None
