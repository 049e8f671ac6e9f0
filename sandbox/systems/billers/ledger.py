"""The billers' books: monthly bills come into being when looked at, write-offs happen once.

A part pays the bill's amount first and its late fee last; the fee grows on what is unpaid of the
amount.
"""

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import orjson

from sandbox.population.households import household_of
from sandbox.population.people import DemoPerson, Person
from sandbox.server.state import Row
from sandbox.server.system import SHANGHAI, City
from sandbox.server.wire import Refusal
from sandbox.systems.billers.tariff import Utility, charge, late_fee_fen

SCHEMA = """
CREATE TABLE biller_bill (
    bill_no TEXT PRIMARY KEY, kind TEXT NOT NULL, account_no TEXT NOT NULL, period TEXT NOT NULL,
    usage INTEGER NOT NULL, previous_reading INTEGER NOT NULL, reading INTEGER NOT NULL,
    tiers BLOB NOT NULL, amount_fen INTEGER NOT NULL, due_on TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('open', 'paid', 'withdrawn')),
    refuses_write_off INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX biller_bill_account ON biller_bill (kind, account_no, period);
CREATE TABLE biller_write_off (
    kind TEXT NOT NULL, payment_ref TEXT NOT NULL, write_off_no TEXT NOT NULL UNIQUE,
    bill_no TEXT NOT NULL REFERENCES biller_bill, amount_fen INTEGER NOT NULL,
    written_off_at TEXT NOT NULL, PRIMARY KEY (kind, payment_ref)
);
CREATE INDEX biller_write_off_bill ON biller_write_off (bill_no);
"""
MONTHS_KEPT = 6
DAYS_TO_PAY = 25


@dataclass(frozen=True)
class Account:
    """A household's account at a utility."""

    account_no: str
    household_no: int
    holder: Person


def find_account(city: City, utility: Utility, account_no: str) -> Account:
    """The account of this number. Raises Refusal 404 NO_SUCH_ACCOUNT."""
    household_no = household_of(utility.kind, account_no)
    holder = None if household_no is None else city.population.holder(household_no)
    if household_no is None or holder is None:
        raise Refusal(404, "NO_SUCH_ACCOUNT", "no such account at this biller")
    return Account(account_no, household_no, holder)


def list_bills(city: City, utility: Utility, account: Account) -> list[Row]:
    """All bills of an account, newest first, the closed months' bills made where missing."""
    with city.state.transaction():
        _make_monthly_bills(city, utility, account)
        return city.state.all(
            "SELECT * FROM biller_bill WHERE kind = ? AND account_no = ? "
            "ORDER BY period DESC, bill_no DESC",
            (utility.kind, account.account_no),
        )


def get_bill(city: City, utility: Utility, bill_no: str) -> Row:
    """The bill of this number. Raises Refusal 404 NO_SUCH_BILL."""
    query = "SELECT * FROM biller_bill WHERE bill_no = ? AND kind = ?"
    bill = city.state.one(query, (bill_no, utility.kind))
    if bill is None and household_of(utility.kind, bill_no[1:11]) is not None:
        list_bills(city, utility, find_account(city, utility, bill_no[1:11]))
        bill = city.state.one(query, (bill_no, utility.kind))
    if bill is None:
        raise Refusal(404, "NO_SUCH_BILL", "no such bill at this biller")
    return bill


def describe_bill(city: City, utility: Utility, bill: Row, day: date) -> dict[str, object]:
    """A bill as the interface shows it, its late fee as of a day.

    What it costs is what is paid and what is open: usage and late fee together.
    """
    paid_fen = sum(part["amount_fen"] for part in _parts(city, bill))
    if bill["status"] == "paid":
        paid_fen = paid_fen or bill["amount_fen"]  # before anybody looked
    if bill["status"] == "open":
        open_fen = _open_fen(city, bill, day)
    else:
        open_fen = max(0, bill["amount_fen"] - paid_fen)  # of one that is withdrawn
    return {
        "bill_no": bill["bill_no"],
        "account_no": bill["account_no"],
        "period": bill["period"],
        "usage": bill["usage"],
        "usage_unit": utility.usage_unit,
        "previous_reading": bill["previous_reading"],
        "reading": bill["reading"],
        "tiers": orjson.loads(bill["tiers"]),
        "amount_fen": bill["amount_fen"],
        "late_fee_fen": paid_fen + open_fen - bill["amount_fen"],
        "total_fen": open_fen,
        "paid_fen": paid_fen,
        "least_part_fen": utility.least_part_fen,
        "due_on": bill["due_on"],
        "status": bill["status"],
    }


def issue_bill(city: City, utility: Utility, account: Account, usage: int) -> Row:
    """A fresh open bill for the running month, beside the regular ones."""
    state = city.state
    with state.transaction():
        today = city.today()
        bill_no = _bill_no(utility, account, city.serial("biller_bill"))
        newest = list_bills(city, utility, account)[0]
        _insert_bill(
            city, utility, account, bill_no=bill_no, period=f"{today:%Y-%m}",
            usage=usage, previous=newest["reading"], closed_on=today, status="open",
        )  # fmt: skip
        return get_bill(city, utility, bill_no)


def withdraw_bill(city: City, utility: Utility, bill_no: str, *, silently: bool) -> Row:
    """Refuse this bill's write-off for good; silently: it still looks open until then."""
    with city.state.transaction():
        bill = get_bill(city, utility, bill_no)
        if bill["status"] == "paid":
            raise Refusal(409, "ALREADY_PAID", "the bill is written off already")
        city.state.run(
            "UPDATE biller_bill SET refuses_write_off = 1, status = ? WHERE bill_no = ?",
            ("open" if silently else "withdrawn", bill_no),
        )
        return get_bill(city, utility, bill_no)


def write_off(
    city: City, utility: Utility, bill_no: str, payment_ref: str, amount_fen: int, paid_at: datetime
) -> Row:
    """Settle a bill or a part of it by a payment, once. The same payment again gets the same
    write-off.

    Raises Refusal: 409 PAYMENT_REF_REUSED or ALREADY_PAID, 410 BILL_WITHDRAWN,
    422 AMOUNT_MISMATCH, 404 NO_SUCH_BILL.
    """
    state = city.state
    with state.transaction():
        known = find_write_off(city, utility, payment_ref)
        if known is not None:
            if (known["bill_no"], known["amount_fen"]) != (bill_no, amount_fen):
                raise Refusal(409, "PAYMENT_REF_REUSED", "this payment settled something else")
            return known
        bill = get_bill(city, utility, bill_no)
        is_settled = _settles(city, utility, bill, amount_fen, paid_at)
        now = city.now().astimezone(UTC)
        write_off_no = f"WO{city.serial('write_off')}"
        if is_settled:
            state.run("UPDATE biller_bill SET status = 'paid' WHERE bill_no = ?", (bill_no,))
        state.run(
            "INSERT INTO biller_write_off VALUES (?, ?, ?, ?, ?, ?)",
            (utility.kind, payment_ref, write_off_no, bill_no, amount_fen,
             now.isoformat(timespec="milliseconds")),
        )  # fmt: skip
        written = find_write_off(city, utility, payment_ref)
        assert written is not None
        return written


def find_write_off(city: City, utility: Utility, payment_ref: str) -> Row | None:
    """The write-off made by a payment, or None."""
    return city.state.one(
        "SELECT * FROM biller_write_off WHERE kind = ? AND payment_ref = ?",
        (utility.kind, payment_ref),
    )


def _settles(city: City, utility: Utility, bill: Row, amount_fen: int, paid_at: datetime) -> bool:
    """Whether an amount that may be paid leaves nothing open."""
    if bill["status"] == "paid":
        raise Refusal(409, "ALREADY_PAID", "the bill is paid by another payment")
    if bill["refuses_write_off"] or bill["status"] == "withdrawn":
        raise Refusal(410, "BILL_WITHDRAWN", "the bill is withdrawn and takes no payment")
    paid_on = paid_at.astimezone(SHANGHAI).date()
    # The amount may have been quoted just before midnight and paid just after it.
    due = {_open_fen(city, bill, paid_on - timedelta(days=back)) for back in (0, 1)}
    if amount_fen in due:
        return True
    least_fen = utility.least_part_fen
    if least_fen is None or not least_fen <= amount_fen < max(due):
        raise Refusal(422, "AMOUNT_MISMATCH", f"due: {max(due)} fen")
    return False


def _parts(city: City, bill: Row) -> list[Row]:
    """What a bill was paid with, in turn."""
    query = "SELECT * FROM biller_write_off WHERE bill_no = ? ORDER BY written_off_at, write_off_no"
    return city.state.all(query, (bill["bill_no"],))


def _open_fen(city: City, bill: Row, day: date) -> int:
    """What is open of a bill that is not settled, its late fee as of a day."""
    unpaid_fen, fee_fen = int(bill["amount_fen"]), 0
    since = date.fromisoformat(bill["due_on"])
    for part in _parts(city, bill):
        on = datetime.fromisoformat(part["written_off_at"]).astimezone(SHANGHAI).date()
        fee_fen += late_fee_fen(unpaid_fen, since, on)
        since = max(since, on)
        unpaid_fen -= part["amount_fen"]
        if unpaid_fen < 0:  # the rest of it pays of the late fee
            unpaid_fen, fee_fen = 0, fee_fen + unpaid_fen
    return unpaid_fen + fee_fen + late_fee_fen(unpaid_fen, since, day)


def _make_monthly_bills(city: City, utility: Utility, account: Account) -> None:
    """Bills of the last closed months; demo households owe the newest, others sometimes two."""
    today = city.today()
    this_month = today.year * 12 + today.month - 1
    draw = random.Random(f"{city.settings.seed}:{utility.kind}:{account.account_no}")
    owed = 1 if isinstance(account.holder, DemoPerson) else draw.choice((0, 1, 1, 1, 2))
    first_reading = draw.randint(100, 2000)
    for back in range(MONTHS_KEPT, 0, -1):
        year, month = divmod(this_month - back, 12)
        bill_no = _bill_no(utility, account, f"{year}{month + 1:02d}01")
        if city.state.one("SELECT 1 FROM biller_bill WHERE bill_no = ?", (bill_no,)) is not None:
            continue
        _insert_bill(
            city, utility, account, bill_no=bill_no, period=f"{year}-{month + 1:02d}",
            usage=_usage(city, utility, account, year * 12 + month),
            previous=first_reading + _usage_since_start(city, utility, account, year * 12 + month),
            closed_on=date((this_month - back + 1) // 12, (this_month - back + 1) % 12 + 1, 1),
            status="open" if back <= owed else "paid",
        )  # fmt: skip


def _usage(city: City, utility: Utility, account: Account, month: int) -> int:
    draw = random.Random(f"{city.settings.seed}:{utility.kind}:{account.account_no}:{month}")
    return draw.randint(utility.usage_min, utility.usage_max)


def _usage_since_start(city: City, utility: Utility, account: Account, month: int) -> int:
    """What the meter has run since the sandbox's first month, so that readings join up."""
    return sum(_usage(city, utility, account, m) for m in range(2025 * 12, month))


def _bill_no(utility: Utility, account: Account, serial: str) -> str:
    return f"{utility.kind[0].upper()}{account.account_no}{serial}"


def _insert_bill(
    city: City, utility: Utility, account: Account, *,
    bill_no: str, period: str, usage: int, previous: int, closed_on: date, status: str,
) -> None:  # fmt: skip
    tiers = charge(utility, usage)
    city.state.run(
        "INSERT INTO biller_bill (bill_no, kind, account_no, period, usage, previous_reading, "
        "reading, tiers, amount_fen, due_on, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (bill_no, utility.kind, account.account_no, period, usage, previous, previous + usage,
         orjson.dumps(tiers), sum(tier["amount_fen"] for tier in tiers),
         (closed_on + timedelta(days=DAYS_TO_PAY)).isoformat(), status),
    )  # fmt: skip
