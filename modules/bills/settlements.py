"""The billers' settlement files: what each has written off on a day.

A JSON announcement with count, sums and SHA-256, and a file of JSON lines; see
docs/upstreams/bills.md.
"""

from collections.abc import Iterator
from datetime import date, datetime
from functools import partial
from typing import Any, BinaryIO, Protocol

import orjson

from core.clock import SHANGHAI
from core.context.app import App
from core.deadline import Deadline
from core.upstream.client import ANY, Timeouts, UpstreamFailed, UpstreamRejected
from modules.bills.domain import UtilityKind
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

_DOWNLOAD_S = 300.0
_FILE_BYTES_MAX = 2_000_000_000


class BillerSettlements(Protocol):
    """The billers' settlement files."""

    async def fetch(
        self, kind: UtilityKind, on: date, into: BinaryIO, deadline: Deadline
    ) -> Announced:
        """Write a day's file. Raises StatementNotReady, UpstreamError."""
        ...


class BillerSettlementsClient:
    """The settlement files over HTTP."""

    def __init__(self, app: App, address: str) -> None:
        self._address = address
        self._http = app.http.upstream(
            "billers",
            address,
            timeouts=Timeouts(total_s=_DOWNLOAD_S),
            body_max_bytes=_FILE_BYTES_MAX,
        )

    async def fetch(
        self, kind: UtilityKind, on: date, into: BinaryIO, deadline: Deadline
    ) -> Announced:
        """See the protocol. A file is taken from this biller's own address alone."""
        try:
            answer = await self._http.request(
                "GET",
                f"/{kind.value}/settlements/{on}",
                operation="announce_settlement",
                deadline=deadline,
            )
        except UpstreamRejected as refusal:
            if refusal.code == "NO_SETTLEMENT":
                raise StatementNotReady(kind.value) from None
            raise
        told = answer.json()
        try:
            announced = Announced(
                algorithm="sha256",
                digest=str(told["sha256"]),
                lines=int(told["lines"]),
                amount_fen=int(told["amount_fen"]),
                fee_fen=int(told["fee_fen"]),
            )
            url = str(told["download_url"])
        except (KeyError, TypeError, ValueError):
            raise UpstreamFailed("billers", answer.operation, "no announcement") from None
        path = url.removeprefix(self._address)
        if not path.startswith(f"/{kind.value}/"):
            raise UpstreamFailed("billers", answer.operation, "a file from elsewhere")
        await self._http.request(
            "GET", path, operation="download_settlement", deadline=deadline, accept=ANY, into=into
        )
        return announced


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


def _line(told: dict[str, Any]) -> Line:
    """One line. Raises KeyError, TypeError, ValueError."""
    kind, ref, amount_fen, fee_fen = (
        told["kind"], ref_of(told["payment_ref"]), told["amount_fen"], told["fee_fen"]
    )  # fmt: skip
    at = datetime.fromisoformat(told["written_off_at"])
    if kind not in ("WRITE_OFF", "REVERSAL") or at.tzinfo is None:
        raise ValueError("neither write-off nor reversal, or a time without zone")
    if type(amount_fen) is not int or type(fee_fen) is not int or amount_fen <= 0:
        raise ValueError("amounts are whole numbers of fen")
    return Line(
        kind == "REVERSAL", ref, ref, ref_of(told["write_off_no"]), amount_fen, fee_fen,
        at.astimezone(SHANGHAI),
    )  # fmt: skip


def _source(kind: UtilityKind) -> Source:
    async def fetch(app: App, on: date, into: BinaryIO, deadline: Deadline) -> Announced | None:
        return await app.upstream(BillerSettlements).fetch(kind, on, into, deadline)

    return Source(kind.value, Side.PAYEE, fetch, partial(read, kind.value))


WATER, ELECTRICITY, GAS, HEATING = map(_source, UtilityKind)
