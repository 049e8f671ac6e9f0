"""What moves on the account: settlements of PSPs, payments ordered, payments that come back."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sandbox.server.system import SHANGHAI, City
from sandbox.statements.lines import Line
from sandbox.systems.alipay import bills as alipay
from sandbox.systems.wechatpay import bills as wechatpay

NUMBER = "3700100000000000018"
READY_AT = time(9, 0)
"""When a day's statement is ready, the day after, in Beijing."""

SCHEMA = """
CREATE TABLE bank_order (message_id TEXT PRIMARY KEY, answer TEXT NOT NULL);
CREATE TABLE bank_transfer (
    end_to_end TEXT PRIMARY KEY, amount_fen INTEGER NOT NULL, holder TEXT NOT NULL,
    number TEXT NOT NULL, text TEXT NOT NULL, booked_on TEXT NOT NULL, returned_on TEXT
);
CREATE TABLE bank_refused (number TEXT PRIMARY KEY, how TEXT NOT NULL);
CREATE TABLE bank_booking (
    id INTEGER PRIMARY KEY, booked_on TEXT NOT NULL, amount_fen INTEGER NOT NULL,
    text TEXT NOT NULL, is_charge INTEGER NOT NULL
);
CREATE TABLE bank_day (day TEXT PRIMARY KEY);
"""


@dataclass(frozen=True)
class Psp:
    """Who settles: the account it settles from, and its books of a day."""

    name: str
    holder: str
    number: str
    lines: Callable[[City, date], list[Line]]


PSPS = (
    Psp("wechatpay", "财付通支付科技有限公司", "2430000000000000133", wechatpay.real_lines),
    Psp("alipay", "支付宝（中国）网络技术有限公司", "2160000000000000188", alipay.real_lines),
)


@dataclass(frozen=True)
class Movement:
    """One booking; above zero it is a credit to the city."""

    ref: str
    amount_fen: int
    code: tuple[str, str, str]
    """Domain, family and sub-family of the bank transaction code."""
    party: str = ""
    number: str = ""
    text: str = ""
    end_to_end: str = ""
    is_return: bool = False


def is_ready(city: City, day: date) -> bool:
    """Whether a day's statement is made: from nine the next morning, or opened by hand."""
    opened = city.state.one("SELECT 1 FROM bank_day WHERE day = ?", (day.isoformat(),))
    ready_at = datetime.combine(day + timedelta(days=1), READY_AT, SHANGHAI)
    return opened is not None or city.now() >= ready_at


def movements(city: City, day: date) -> list[Movement]:
    """What is booked on a day, in order."""
    return [*_settled(city, day), *_transferred(city, day), *_others(city, day)]


def balance_before(city: City, day: date) -> int:
    """What the account held at a day's beginning."""
    first = _first_day(city)
    held, on = 0, first
    while on is not None and on < day:
        held += sum(movement.amount_fen for movement in movements(city, on))
        on += timedelta(days=1)
    return held


def _first_day(city: City) -> date | None:
    row = city.state.one(
        "SELECT min(day) AS day FROM ("
        "SELECT min(substr(success_time, 1, 10)) AS day FROM wechat_order UNION ALL "
        "SELECT min(substr(paid_at, 1, 10)) FROM alipay_trade UNION ALL "
        "SELECT min(booked_on) FROM bank_transfer UNION ALL "
        "SELECT min(booked_on) FROM bank_booking)"
    )
    return date.fromisoformat(row["day"]) if row is not None and row["day"] else None


def _settled(city: City, day: date) -> list[Movement]:
    """Each PSP pays out the day before, net of refunds and of what it keeps."""
    before, found = day - timedelta(days=1), []
    for psp in PSPS:
        net_fen = sum(
            (line.fee_fen - line.amount_fen) if line.is_refund else (line.amount_fen - line.fee_fen)
            for line in psp.lines(city, before)
        )
        if net_fen:
            ref = f"ST{day:%Y%m%d}{psp.number[:4]}"
            found.append(
                Movement(
                    ref, net_fen, ("PMNT", "RCDT", "DMCT"), psp.holder, psp.number,
                    f"{before:%m%d} 商户结算款",
                )
            )  # fmt: skip
    return found


def _transferred(city: City, day: date) -> list[Movement]:
    rows = city.state.all(
        "SELECT *, rowid FROM bank_transfer WHERE booked_on = ?1 OR returned_on = ?1 "
        "ORDER BY rowid",
        (day.isoformat(),),
    )
    found = []
    for row in rows:
        paid = Movement(
            f"PY{row['rowid']:012d}", -row["amount_fen"], ("PMNT", "ICDT", "DMCT"), row["holder"],
            row["number"], row["text"], row["end_to_end"],
        )  # fmt: skip
        if row["booked_on"] == day.isoformat():
            found.append(paid)
        if row["returned_on"] == day.isoformat():
            found.append(
                Movement(
                    f"RT{row['rowid']:012d}", row["amount_fen"], ("PMNT", "ICDT", "RRTN"),
                    row["holder"], row["number"], "账号户名不符退回", row["end_to_end"], True,
                )
            )  # fmt: skip
    return found


def _others(city: City, day: date) -> list[Movement]:
    rows: Sequence[Mapping[str, int | str] | sqlite3.Row] = city.state.all(
        "SELECT * FROM bank_booking WHERE booked_on = ? ORDER BY id", (day.isoformat(),)
    )
    charge, other = ("ACMT", "MDOP", "CHRG"), ("PMNT", "RCDT", "DMCT")
    return [
        Movement(
            f"OT{row['id']:012d}", int(row["amount_fen"]), charge if row["is_charge"] else other,
            text=str(row["text"]),
        )
        for row in rows
    ]  # fmt: skip
