"""The billers' settlement files: what each has written off on a day.

A JSON announcement with count, sums and SHA-256, and a file of JSON lines; see
docs/upstreams/bills.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any, BinaryIO

import orjson

from core.clock import SHANGHAI
from core.deadline import Deadline
from core.upstream.client import ANY, Timeouts, UpstreamFailed
from core.upstream.operation import NOTHING, Connected, Request, json_of
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.accounts.upstream import BILLERS
from payments.api import (
    Announced,
    Line,
    Side,
    Source,
    StatementNotReady,
    StatementRefused,
    read_lines,
    ref_of,
)

_SLOW = Timeouts(total_s=300.0)
_FILE_BYTES_MAX = 2_000_000_000


@dataclass(frozen=True, slots=True)
class _Announcement:
    """What a biller says of a day's file."""

    sha256: str
    lines: int
    amount_fen: int
    fee_fen: int
    download_url: str


@BILLERS.operation(
    "GET",
    "/{kind}/settlements/{day}",
    answers=json_of(_Announcement).or_none("NO_SETTLEMENT"),
    timeouts=_SLOW,
)
def announce_settlement(kind: UtilityKind, day: date) -> Request:
    """A day's file; None before it is made."""
    return Request(path={"kind": kind, "day": day.isoformat()})


@BILLERS.operation(
    "GET", "", answers=NOTHING, accept=ANY, timeouts=_SLOW, body_max_bytes=_FILE_BYTES_MAX
)
def download_settlement(link: str, into: BinaryIO) -> Request:
    """Write an announced file."""
    return Request(link=link, into=into)


async def fetch(
    kind: UtilityKind, app: Connected, day: date, into: BinaryIO, deadline: Deadline
) -> Announced:
    """Write a day's file. Raises StatementNotReady, UpstreamError.

    A file is taken from this biller's own address alone.
    """
    announcement = await announce_settlement(app, deadline, kind, day)
    if announcement is None:
        raise StatementNotReady(kind.value)
    address = app.upstreams.find_address(BILLERS.name) or ""
    link = announcement.download_url.removeprefix(address)
    if not link.startswith(f"/{kind.value}/"):
        raise UpstreamFailed(BILLERS.name, announce_settlement.name, "a file from elsewhere")
    await download_settlement(app, deadline, link, into)
    return Announced(
        algorithm="sha256",
        digest=announcement.sha256,
        lines=announcement.lines,
        amount_fen=announcement.amount_fen,
        fee_fen=announcement.fee_fen,
    )


def read(source: str, file: BinaryIO, announced: Announced) -> Iterator[Line]:
    """The lines of a settlement file; see payments.statements.Source."""
    count = amount_fen = fee_fen = 0
    file.seek(0)
    for count, text in enumerate(read_lines(source, file), 1):
        try:
            line = _line(orjson.loads(text))
        except (KeyError, TypeError, ValueError):
            raise StatementRefused(source, "malformed", f"line {count}") from None
        sign = -1 if line.is_refund else 1
        amount_fen += sign * line.amount_fen
        fee_fen += sign * line.fee_fen
        yield line
    if (count, amount_fen, fee_fen) != (announced.lines, announced.amount_fen, announced.fee_fen):
        raise StatementRefused(source, "totals")


def _line(cells: dict[str, Any]) -> Line:
    """One line. Raises KeyError, TypeError, ValueError."""
    kind, ref, amount_fen, fee_fen = (
        cells["kind"], ref_of(cells["payment_ref"]), cells["amount_fen"], cells["fee_fen"]
    )  # fmt: skip
    at = datetime.fromisoformat(cells["written_off_at"])
    if kind not in ("WRITE_OFF", "REVERSAL") or at.tzinfo is None:
        raise ValueError("neither write-off nor reversal, or a time without zone")
    if type(amount_fen) is not int or type(fee_fen) is not int or amount_fen <= 0:
        raise ValueError("amounts are whole numbers of fen")
    return Line(
        kind == "REVERSAL", ref, ref, ref_of(cells["write_off_no"]), amount_fen, fee_fen,
        at.astimezone(SHANGHAI),
    )  # fmt: skip


WATER, ELECTRICITY, GAS, HEATING = (
    Source(kind.value, Side.PAYEE, partial(fetch, kind), partial(read, kind.value))
    for kind in UtilityKind
)
