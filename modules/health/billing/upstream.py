"""The hospitals' billing systems: bills, deposits, payments, refunds, one contract for all.

See docs/upstreams/his-billing.md.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from core.people.personal_read import Access, about_person
from core.standards.document_codes import HEALTH
from core.upstream.operation import NOTHING, Request, System, json_of, whole_list_of
from core.upstream.records import each_once
from kinds.payment import payment_body
from modules.health.billing.domain import HospitalBill, HospitalReceipt, InpatientAccount
from payments.api import Paid

BILLING = System("his_billing", documents=HEALTH)


def _that_add_up(bills: Sequence[HospitalBill]) -> Sequence[HospitalBill]:
    """A bill whose parts are not its total is unreadable."""
    if not all(bill.adds_up for bill in bills):
        raise ValueError("the parts are not the total")
    return each_once(bills, lambda bill: bill.bill_no)


@BILLING.operation(
    "POST",
    "/{hospital}/bills/query",
    answers=whole_list_of(HospitalBill, "bills").then(_that_add_up),
    safe=True,
    personal=True,
)
def list_bills(access: Access, hospital_ref: str) -> Request:
    """The bills of the person of the access, newest first."""
    return _at(hospital_ref, json=about_person(access), access=access)


@BILLING.operation(
    "POST",
    "/{hospital}/inpatient/query",
    answers=whole_list_of(InpatientAccount, "accounts"),
    safe=True,
    personal=True,
)
def list_inpatient(access: Access, hospital_ref: str) -> Request:
    """The deposit accounts of the person of the access; none for who lies elsewhere."""
    return _at(hospital_ref, json=about_person(access), access=access)


@BILLING.operation(
    "POST", "/{hospital}/bills/{bill_no}/payments", answers=json_of(str, "receipt_no")
)
def pay_bill(hospital_ref: str, bill_no: str, paid: Paid) -> Request:
    """Book a payment of a bill's self-pay part; answers the hospital's receipt number.

    Repeat-safe by the payment's reference, but not repeated by the client: an error must tell of
    one attempt. Refused with the hospital's codes.
    """
    return _at(hospital_ref, {"bill_no": bill_no}, json=payment_body(paid))


@BILLING.operation(
    "POST", "/{hospital}/inpatient/{account_no}/top-ups", answers=json_of(str, "receipt_no")
)
def top_up(hospital_ref: str, account_no: str, paid: Paid) -> Request:
    """Book a payment into a deposit account; like `pay_bill`."""
    return _at(hospital_ref, {"account_no": account_no}, json=payment_body(paid))


# any other 404 is a wrong address, which says nothing of the payment
@BILLING.operation(
    "GET",
    "/{hospital}/payments/{payment_ref}",
    answers=json_of(HospitalReceipt).or_none("NO_SUCH_PAYMENT"),
)
def find_payment(hospital_ref: str, payment_ref: str) -> Request:
    """What a payment of ours came to, with its refunds; None where it was never booked."""
    return _at(hospital_ref, {"payment_ref": payment_ref})


@BILLING.operation("POST", "/{hospital}/refunds/{refund_no}/settle", answers=NOTHING, safe=True)
def settle_refund(hospital_ref: str, refund_no: str, refund_ref: str) -> Request:
    """Tell that a refund's money is back with the payer. Repeat-safe."""
    return _at(hospital_ref, {"refund_no": refund_no}, json={"refund_ref": refund_ref})


def _at(hospital_ref: str, path: Mapping[str, str] | None = None, **sent: Any) -> Request:
    """A request to one hospital's billing."""
    return Request(path={"hospital": hospital_ref, **(path or {})}, server=hospital_ref, **sent)
