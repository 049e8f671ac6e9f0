"""Our bank, over its direct connection: orders are sent, statements fetched, both ISO 20022.

The contract stands in docs/upstreams/settlement-bank.md.
"""

from datetime import date

from core.upstream.client import ANY, Timeouts
from core.upstream.operation import Answer, Request, System
from payments.bank import pain

SETTLEMENT_BANK = System("settlement_bank", optional=True)
_XML = {"Content-Type": "application/xml"}
_SLOW = Timeouts(total_s=60.0)


@SETTLEMENT_BANK.operation(
    "POST",
    "/orders",
    answers=Answer(lambda response: pain.read_answer(response.body)),
    safe=True,
    accept=ANY,
    timeouts=_SLOW,
)
def send_orders(message: bytes) -> Request:
    """Order payments; a message of the same number again is answered and not carried out twice."""
    return Request(data=message, headers=_XML)


@SETTLEMENT_BANK.operation(
    "GET",
    "/statements/{day}",
    answers=Answer(lambda response: response.body).or_none("NO_STATEMENT"),
    accept=ANY,
    timeouts=_SLOW,
    body_max_bytes=50_000_000,
)
def fetch_statement(day: date) -> Request:
    """A day's statement of our account; None before it is made."""
    return Request(path={"day": day.isoformat()})
