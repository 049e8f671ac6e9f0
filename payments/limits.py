"""Limits and reportable totals: dated rules in limits.toml, exact counters per payer and day.

A payment counts against its limits from the moment it begins and is given back when it ends
without the payee having it. What is captured counts towards reports, and a report is written once
a person and day, when the total first reaches the threshold.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from uuid import UUID

from core.clock import civil_date
from core.database import Transaction, fetch_all, fetch_one
from core.errors import Conflict
from core.ids import new_id
from core.money import format_yuan
from payments import texts
from payments.models import Intent
from payments.payable import Quote

_FILE = Path(__file__).with_name("limits.toml")


class PayerKind(StrEnum):
    """Who pays: a natural person, or a company through somebody who acts for it."""

    PERSON = "person"
    COMPANY = "company"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so much of some kinds of payment, in one payment or in one Shanghai day."""

    name: str
    since: date
    per: str
    kinds: str
    amount_fen: int
    payers: PayerKind = PayerKind.PERSON


@dataclass(frozen=True, slots=True)
class Threshold:
    """The daily total of a payer from which it is reported."""

    name: str
    since: date
    amount_fen: int
    payers: PayerKind = PayerKind.PERSON


@dataclass(frozen=True, slots=True)
class Payer:
    """Whose payments are counted together: a person's, or a company's, whoever pays for it."""

    id: UUID
    kind: PayerKind

    @classmethod
    def of(cls, person_id: UUID, company_id: UUID | None) -> "Payer":
        """The company where one pays, else the person."""
        if company_id is None:
            return cls(person_id, PayerKind.PERSON)
        return cls(company_id, PayerKind.COMPANY)


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules of a file, of all dates."""

    limits: Sequence[Limit]
    thresholds: Sequence[Threshold]

    def limits_on(self, day: date, kind: str, payers: PayerKind = PayerKind.PERSON) -> list[Limit]:
        """The limits of a kind of payment on a day: of each name the newest by then."""
        newest: dict[str, Limit] = {}
        for limit in sorted(self.limits, key=lambda limit: limit.since):
            if limit.since <= day:
                newest[limit.name] = limit
        own = [limit for limit in newest.values() if limit.payers is payers]
        return [limit for limit in own if fnmatchcase(kind, limit.kinds)]

    def thresholds_on(self, day: date, payers: PayerKind = PayerKind.PERSON) -> list[Threshold]:
        """The thresholds of a day: of each name the newest by then."""
        newest: dict[str, Threshold] = {}
        for threshold in sorted(self.thresholds, key=lambda threshold: threshold.since):
            if threshold.since <= day:
                newest[threshold.name] = threshold
        return [threshold for threshold in newest.values() if threshold.payers is payers]


def read_rules(text: str) -> Rules:
    """The rules of a file. Raises ValueError for one that makes no sense."""
    data = tomllib.loads(text)
    try:
        limits = [
            Limit(r["name"], r["from"], r["per"], r["kinds"], r["amount_fen"], _payers(r))
            for r in data.get("limit", [])
        ]
        thresholds = [
            Threshold(r["name"], r["from"], r["amount_fen"], _payers(r))
            for r in data.get("report", [])
        ]
    except KeyError as error:
        raise ValueError(f"a rule lacks {error}") from None
    amounts = [limit.amount_fen for limit in limits] + [t.amount_fen for t in thresholds]
    if any(type(amount) is not int or amount <= 0 for amount in amounts):
        raise ValueError("an amount is a whole number of fen above zero")
    if any(limit.per not in ("payment", "day") for limit in limits):
        raise ValueError("a limit is per payment or per day")
    return Rules(limits, thresholds)


@cache
def rules() -> Rules:
    """This installation's rules."""
    return read_rules(_FILE.read_text(encoding="utf-8"))


def _payers(row: Mapping[str, str]) -> PayerKind:
    return PayerKind(row.get("payers", PayerKind.PERSON))


async def take(tx: Transaction, person_id: UUID, kind: str, due: Quote, now: datetime) -> None:
    """Count a payment that begins. Raises Conflict LIMIT_REACHED, and then `tx` must roll back."""
    day, amount_fen, payer = civil_date(now), due.amount_fen, Payer.of(person_id, due.company_id)
    limits = sorted(rules().limits_on(day, kind, payer.kind), key=lambda limit: limit.name)
    full = next((limit for limit in limits if amount_fen > limit.amount_fen), None)
    if full is None:
        daily = {_key(r.name, payer.id, day): r for r in limits if r.per == "day"}
        added = await _add(tx, {key: r.amount_fen for key, r in daily.items()}, day, amount_fen)
        full = next((limit for key, limit in daily.items() if key not in added), None)
    if full is not None:
        raise Conflict(texts.LIMIT_REACHED, limit=format_yuan(full.amount_fen))


async def give_back(tx: Transaction, intent: Intent) -> None:
    """Uncount a payment that ended without its payee having it; once per intent."""
    day, payer = civil_date(intent.created_at), Payer.of(intent.payer_id, intent.company_id)
    limits = rules().limits_on(day, intent.kind, payer.kind)
    names = sorted(limit.name for limit in limits if limit.per == "day")
    for name in names:
        await tx.execute_query(
            "UPDATE payments_usage SET used_fen = greatest(0, used_fen - $2) WHERE key = $1",
            [_key(name, payer.id, day), intent.amount_fen],
        )


async def note_captured(tx: Transaction, intent: Intent, now: datetime) -> None:
    """Add a captured payment to the payer's day, and write the reports that it brings about."""
    day, payer = civil_date(now), Payer.of(intent.payer_id, intent.company_id)
    row = await fetch_one(
        tx,
        """INSERT INTO payments_usage AS u (key, used_fen, used_on) VALUES ($1, $2, $3)
           ON CONFLICT (key) DO UPDATE SET used_fen = u.used_fen + $2 RETURNING used_fen""",
        _key("captured", payer.id, day),
        intent.amount_fen,
        day,
    )
    assert row is not None
    for threshold in rules().thresholds_on(day, payer.kind):
        if row["used_fen"] - intent.amount_fen < threshold.amount_fen <= row["used_fen"]:
            await tx.execute_query(
                """INSERT INTO payments_report
                     (id, name, payer_id, reported_on, amount_fen, created_at)
                   VALUES ($1, $2, $3, $4, $5, $6)
                   ON CONFLICT (name, payer_id, reported_on) DO NOTHING""",
                [new_id(), threshold.name, payer.id, day, row["used_fen"], now],
            )


async def _add(
    tx: Transaction, limits_fen: Mapping[str, int], day: date, amount_fen: int
) -> set[str]:
    """Add to counters, each unless it would pass its limit; returns those that were added to.

    Concurrent payments wait for the rows, which are taken in order.
    """
    if not limits_fen:
        return set()
    rows = await fetch_all(
        tx,
        """INSERT INTO payments_usage AS u (key, used_fen, used_on)
           SELECT key, $3, $4 FROM unnest($1::text[]) AS key ORDER BY key
           ON CONFLICT (key) DO UPDATE SET used_fen = u.used_fen + $3
            WHERE u.used_fen + $3 <= (SELECT l.limit_fen
                    FROM unnest($1::text[], $2::bigint[]) AS l (key, limit_fen) WHERE l.key = u.key)
           RETURNING u.key""",
        list(limits_fen),
        list(limits_fen.values()),
        amount_fen,
        day,
    )
    return {row["key"] for row in rows}


def _key(name: str, payer_id: UUID, day: date) -> str:
    return f"{name}:{payer_id}:{day}"
