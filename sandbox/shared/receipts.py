"""Payments that a system is told of: each reference counts once, and is answered alike for ever."""

from collections.abc import Callable
from datetime import UTC

from pydantic import AwareDatetime, Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.state import Row
from sandbox.server.system import City, Handler
from sandbox.server.wire import Body, Refusal, reply

SCHEMA = """
CREATE TABLE sandbox_receipt (
    system TEXT NOT NULL, payment_ref TEXT NOT NULL, receipt_no TEXT NOT NULL UNIQUE,
    payable_no TEXT NOT NULL, amount_fen INTEGER NOT NULL, paid_at TEXT NOT NULL,
    recorded_at TEXT NOT NULL, PRIMARY KEY (system, payment_ref)
);
CREATE INDEX sandbox_receipt_payable ON sandbox_receipt (system, payable_no);
"""


class Payment(Body):
    """A payment made elsewhere."""

    payment_ref: str = Field(min_length=1, max_length=64)
    amount_fen: int = Field(gt=0, le=100_000_000)
    paid_at: AwareDatetime


def record(
    city: City, system: str, payable_no: str, payment: Payment, settle: Callable[[], None]
) -> Row:
    """Write a payment off, once; `settle` checks that it fits and changes what is paid.

    The same reference for the same thing and amount gets the same receipt, without `settle`.
    Raises Refusal 409 PAYMENT_REF_REUSED for another thing or amount, and what `settle` raises.
    """
    with city.state.transaction():
        known = find(city, system, payment.payment_ref)
        if known is not None:
            if (known["payable_no"], known["amount_fen"]) != (payable_no, payment.amount_fen):
                raise Refusal(409, "PAYMENT_REF_REUSED", "this payment settled something else")
            return known
        settle()
        city.state.run(
            "INSERT INTO sandbox_receipt VALUES (?, ?, ?, ?, ?, ?, ?)",
            (system, payment.payment_ref, f"RC{city.serial('receipt')}", payable_no,
             payment.amount_fen, payment.paid_at.astimezone(UTC).isoformat(),
             city.now().astimezone(UTC).isoformat(timespec="milliseconds")),
        )  # fmt: skip
        written = find(city, system, payment.payment_ref)
        assert written is not None
        return written


def find(city: City, system: str, payment_ref: str) -> Row | None:
    """The receipt of a payment, or None."""
    return city.state.one(
        "SELECT * FROM sandbox_receipt WHERE system = ? AND payment_ref = ?", (system, payment_ref)
    )


def paid_fen(city: City, system: str, payable_no: str) -> int:
    """What was paid for a thing so far."""
    row = city.state.one(
        "SELECT coalesce(sum(amount_fen), 0) AS total FROM sandbox_receipt "
        "WHERE system = ? AND payable_no = ?",
        (system, payable_no),
    )
    assert row is not None
    return int(row["total"])


def describe(receipt: Row) -> dict[str, object]:
    """A receipt as every interface tells it."""
    members = ("receipt_no", "payable_no", "payment_ref", "amount_fen", "recorded_at")
    return {member: receipt[member] for member in members}


def finder(system: str) -> Handler:
    """The handler of `GET …/payments/{payment_ref}`: 404 NO_SUCH_PAYMENT."""

    async def handle(request: Request, city: City) -> Response:
        receipt = find(city, system, request.path_params["payment_ref"])
        if receipt is None:
            raise Refusal(404, "NO_SUCH_PAYMENT", "this payment was not recorded")
        return reply(describe(receipt))

    return handle
