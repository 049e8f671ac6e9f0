"""The billers' red-letter invoices: see docs/upstreams/billers.md."""

from core.upstream.operation import Request, json_of
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.accounts.upstream import BILLERS
from modules.utilities.invoices.upstream import is_web_address
from modules.utilities.reissues.domain import REASON, RedInvoice


def _sound(red: RedInvoice) -> RedInvoice:
    if not red.is_sound:
        raise ValueError("a state of a red-letter form that nobody knows")
    if red.red_invoice_url is not None and not is_web_address(red.red_invoice_url):
        raise ValueError("not a web address")
    return red


@BILLERS.operation(
    "POST", "/{kind}/red-invoices", answers=json_of(RedInvoice).then(_sound), safe=True
)
def apply_red(kind: UtilityKind, red_ref: str, invoice_no: str) -> Request:
    """Ask for the red-letter invoice that cancels an invoice. Refused with the biller's codes.

    Repeat-safe by `red_ref`: asking again is also how one looks at it.
    """
    body = {"red_ref": red_ref, "invoice_no": invoice_no, "reason": REASON}
    return Request(path={"kind": kind}, json=body)
