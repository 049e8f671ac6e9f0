"""The billers: bills and write-offs of the four utilities under one contract.

See docs/upstreams/billers.md.
"""

from collections.abc import Sequence

from core.upstream.operation import Request, json_of, whole_list_of
from kinds.payment import NO_PAYMENT, payment_body
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.accounts.upstream import BILLERS
from modules.utilities.bills.domain import BillerBill
from payments.api import Paid


def _sound(bill: BillerBill) -> BillerBill:
    if not bill.is_sound:
        raise ValueError("a bill whose amounts make no sense")
    return bill


def _all_sound(bills: Sequence[BillerBill]) -> Sequence[BillerBill]:
    return [_sound(bill) for bill in bills]


@BILLERS.operation(
    "GET",
    "/{kind}/accounts/{account_no}/bills",
    answers=whole_list_of(BillerBill, "bills", "bill_no").then(_all_sound),
    hedged=True,
)
def list_bills(kind: UtilityKind, account_no: str, *, only_open: bool) -> Request:
    """An account's bills, newest first."""
    params = {"status": "open" if only_open else "all"}
    return Request(path={"kind": kind, "account_no": account_no}, params=params)


@BILLERS.operation("GET", "/{kind}/bills/{bill_no}", answers=json_of(BillerBill).then(_sound))
def get_bill(kind: UtilityKind, bill_no: str) -> Request:
    """A bill as of now; refused where there is none."""
    return Request(path={"kind": kind, "bill_no": bill_no})


@BILLERS.operation(
    "POST", "/{kind}/bills/{bill_no}/write-off", answers=json_of(str, "write_off_no")
)
def write_off(kind: UtilityKind, bill_no: str, paid: Paid) -> Request:
    """Settle a bill, or a part of it, by a payment; answers the biller's write-off number.

    Repeat-safe by the payment's reference, but not repeated by the client: an error must tell of
    one attempt. Refused with the biller's codes.
    """
    return Request(path={"kind": kind, "bill_no": bill_no}, json=payment_body(paid))


# any other 404 is a wrong address, which says nothing of the payment
@BILLERS.operation(
    "GET",
    "/{kind}/write-offs/{payment_ref}",
    answers=json_of(str, "write_off_no").or_none("NO_SUCH_WRITE_OFF"),
    probe=lambda _, example: (UtilityKind[example.get("kind", "WATER")], NO_PAYMENT),
)
def find_write_off(kind: UtilityKind, payment_ref: str) -> Request:
    """The write-off number of a payment, or None where it wrote nothing off."""
    return Request(path={"kind": kind, "payment_ref": payment_ref})
