"""The dated fees of fees.toml: what PSPs keep, and what payees bear."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_name("fees.toml")


@dataclass(frozen=True, slots=True)
class Fee:
    """A rate that holds from its day until a later one of the same name."""

    name: str
    since: date
    rate_bps: int


@dataclass(frozen=True, slots=True)
class Fees:
    """All rates of a file, of all dates."""

    psps: Sequence[Fee]
    payees: Sequence[Fee]

    def psp_bps(self, psp: str, day: date) -> int | None:
        """What a PSP keeps of a payment of this day; None where no contract is known."""
        return _newest(self.psps, psp, day)

    def payee_bps(self, payee: str, day: date) -> int:
        """What a payee bears of its payments of this day."""
        own = _newest(self.payees, payee, day)
        return own if own is not None else _newest(self.payees, "*", day) or 0


def read_fees(text: str) -> Fees:
    """The rates of a file. Raises ValueError for one that makes no sense."""
    data = tomllib.loads(text)
    psps, payees = _rows(data, "psp"), _rows(data, "payee")
    if any(not 0 <= fee.rate_bps < 10_000 for fee in (*psps, *payees)):
        raise ValueError("a rate is in basis points, below 10000")
    return Fees(psps, payees)


@cache
def fees() -> Fees:
    """This installation's fees."""
    return read_fees(_FILE.read_text(encoding="utf-8"))


def _rows(data: Mapping[str, list[dict[str, object]]], table: str) -> list[Fee]:
    rows = []
    for row in data.get(table, []):
        name, since, rate_bps = row.get("name"), row.get("from"), row.get("rate_bps")
        if not isinstance(name, str) or not isinstance(since, date) or type(rate_bps) is not int:
            raise ValueError(f"a row of {table} has name, from and rate_bps")
        rows.append(Fee(name, since, rate_bps))
    return rows


def _newest(fees: Sequence[Fee], name: str, day: date) -> int | None:
    known = [fee for fee in fees if fee.name == name and fee.since <= day]
    return max(known, key=lambda fee: fee.since).rate_bps if known else None
