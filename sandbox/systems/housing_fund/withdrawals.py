"""Withdrawals from the housing fund: what may be looked at first, and the payment of an order.

Cards that begin with 622202999 have no account at any bank: their payments come back.
"""

from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.population import months
from sandbox.population.people import DemoPerson, Person
from sandbox.server.state import Row
from sandbox.server.system import City
from sandbox.server.wire import Refusal, read_body, reply
from sandbox.shared.documents import HOUSING_FUND, Whom, find_whom
from sandbox.shared.registry import Record, draw_for
from sandbox.systems.housing_fund.accounts import account

SCHEMA = """
CREATE TABLE housing_fund_withdrawal (
    case_no TEXT PRIMARY KEY, receipt_no TEXT NOT NULL UNIQUE, resident_id TEXT NOT NULL,
    purpose TEXT NOT NULL, amount_fen INTEGER NOT NULL CHECK (amount_fen > 0),
    paid_on TEXT NOT NULL, reason TEXT, closes INTEGER NOT NULL
);
CREATE INDEX housing_fund_withdrawal_person ON housing_fund_withdrawal (resident_id, paid_on);
"""
CLOSING = ("RETIREMENT", "LEAVING")
NO_BANK_ACCOUNT = "622202999"
RULES: list[Record] = [
    {"purpose": "RENT", "year_most_fen": 1_800_000, "months_between": 3},
    {"purpose": "PURCHASE", "year_most_fen": None, "months_between": 12},
    {"purpose": "LOAN", "year_most_fen": None, "months_between": 12},
    {"purpose": "RETIREMENT", "year_most_fen": None, "months_between": 0},
    {"purpose": "LEAVING", "year_most_fen": None, "months_between": 0},
    {"purpose": "ILLNESS", "year_most_fen": 5_000_000, "months_between": 0},
]
"""The decisions of this made-up centre."""


class Order(Whom):
    """What is to be paid of whose account; without an amount all of the balance."""

    case_no: str = Field(min_length=1, max_length=64)
    purpose: str = Field(pattern="^(RENT|PURCHASE|LOAN|RETIREMENT|LEAVING|ILLNESS)$")
    amount_fen: int | None = Field(None, gt=0)
    card_no: str = Field(pattern="^[0-9]{16,19}$")


def record(city: City, person: Person) -> Record | None:
    """The account as a withdrawal is decided on, with the centre's rules."""
    found = account(city, person)
    if found is None:
        return None
    draw = draw_for(city, "housing-fund-home", person)
    story = person.key if isinstance(person, DemoPerson) else None
    sealed = story is None and draw.random() < 0.1
    loan: Any = found["loan"]
    return {
        "account_no": found["account_no"],
        "balance_fen": _balance(city, person, found),
        "months_in_a_row": 0 if sealed or not found["deposits"] else draw.randint(1, 60),
        "sealed_on": months.months_later(city.today(), -draw.randint(1, 12)).isoformat()
        if sealed
        else None,
        "owns_home_here": loan is not None or (story is None and draw.random() < 0.4),
        "loan_outstanding_fen": 0 if loan is None else loan["outstanding_fen"],
        "withdrawals": [_describe(row) for row in _paid(city, person.resident_id)],
        "rules": RULES,
        "is_closed": found["status"] == "CLOSED" or _is_ended(city, person.resident_id),
        "as_of": city.timestamp(),
    }


async def pay(request: Request, city: City) -> Response:
    """Pay an order once: the same number again answers how its payment stands.

    404 NO_ACCOUNT, 422 AMOUNT_ABOVE_BALANCE, 409 CASE_NO_REUSED for another order of one number.
    """
    order = await read_body(request, Order)
    person = find_whom(city, order, HOUSING_FUND)
    found = None if person is None else account(city, person)
    if person is None or found is None:
        raise Refusal(404, "NO_ACCOUNT", "no housing fund account")
    with city.state.transaction():
        row = city.state.one(
            "SELECT * FROM housing_fund_withdrawal WHERE case_no = ?", (order.case_no,)
        )
        if row is None:
            row = _settle(city, order, _balance(city, person, found))
        elif (row["resident_id"], row["purpose"]) != (order.number, order.purpose):
            raise Refusal(409, "CASE_NO_REUSED", "another order has this number")
    status = "PAID" if row["reason"] is None else "RETURNED"
    return reply({
        "status": status, "amount_fen": row["amount_fen"], "reason": row["reason"],
        "receipt_no": row["receipt_no"] if status == "PAID" else None,
    })  # fmt: skip


def _settle(city: City, order: Order, balance_fen: int) -> Row:
    amount_fen = balance_fen if order.amount_fen is None else order.amount_fen
    if not 0 < amount_fen <= balance_fen:
        raise Refusal(422, "AMOUNT_ABOVE_BALANCE", f"the balance is {balance_fen} fen")
    returned = order.card_no.startswith(NO_BANK_ACCOUNT)
    city.state.run(
        "INSERT INTO housing_fund_withdrawal VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (order.case_no, f"HFW{city.serial('housing_fund_withdrawal')}", order.number,
         order.purpose, amount_fen, city.today().isoformat(),
         "收款账户不存在 / no such account" if returned else None, order.purpose in CLOSING),
    )  # fmt: skip
    row = city.state.one(
        "SELECT * FROM housing_fund_withdrawal WHERE case_no = ?", (order.case_no,)
    )
    assert row is not None
    return row


def _balance(city: City, person: Person, found: Record) -> int:
    drawn_fen: int = sum(row["amount_fen"] for row in _paid(city, person.resident_id))
    return max(0, int(str(found["balance_fen"])) - drawn_fen)


def _paid(city: City, resident_id: str) -> list[Row]:
    return city.state.all(
        "SELECT * FROM housing_fund_withdrawal WHERE resident_id = ? AND reason IS NULL "
        "ORDER BY paid_on DESC, receipt_no DESC",
        (resident_id,),
    )


def _is_ended(city: City, resident_id: str) -> bool:
    return any(row["closes"] for row in _paid(city, resident_id))


def _describe(row: Row) -> Record:
    return {
        "withdrawal_no": row["receipt_no"],
        "purpose": row["purpose"],
        "amount_fen": row["amount_fen"],
        "paid_on": row["paid_on"],
    }
