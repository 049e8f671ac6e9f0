"""A biller's settlement file of a day: JSON lines, announced with count, sum and SHA-256."""

from collections.abc import Iterator
from datetime import date

import orjson
from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.system import City
from sandbox.server.wire import Refusal, reply
from sandbox.statements import files
from sandbox.statements.days import Day, parse_day
from sandbox.statements.lines import Line
from sandbox.systems.billers.tariff import Utility

LINK_LIFETIME_S = 300


async def announce(request: Request, city: City, utility: Utility) -> Response:
    """What the file holds and where it is. Raises Refusal 404 NO_SETTLEMENT before it is made."""
    on = parse_day(request.path_params["day"])
    if on is None:
        raise Refusal(400, "INVALID_REQUEST", "the day must be yyyy-mm-dd")
    day = Day(city, f"biller_{utility.kind}", on)
    if not day.is_ready() or not day.is_kept():
        raise Refusal(404, "NO_SETTLEMENT", "made at 10:00 the next day, kept three months")
    totals = {"lines": 0, "amount_fen": 0, "fee_fen": 0}
    text = _jsonl(day.lines(real_lines(city, utility, on)), totals)
    made = await files.make(city, files.plain_writer(text, "sha256"), lifetime_s=LINK_LIFETIME_S)
    url = f"{request.base_url}billers/{utility.kind}/settlement-files/{made.token}"
    return reply(
        {"settled_on": on.isoformat()} | totals | {"sha256": made.digest, "download_url": url}
    )


async def download(request: Request, city: City, utility: Utility) -> Response:
    """The file of a token."""
    token = request.path_params["token"]
    return files.serve(city, token, "application/jsonl", f"{utility.kind}.jsonl")


def real_lines(city: City, utility: Utility, day: date) -> list[Line]:
    """What was written off on a day, by time. A biller keeps no fee."""
    midnight = f"{day}T00:00:00+08:00"
    rows = city.state.all(
        "SELECT *, datetime(written_off_at, '+8 hours') AS at FROM biller_write_off "
        "WHERE kind = ?1 AND julianday(written_off_at) >= julianday(?2) "
        "AND julianday(written_off_at) < julianday(?2) + 1 ORDER BY written_off_at, write_off_no",
        (utility.kind, midnight),
    )
    return [
        Line(
            at=row["at"],
            order_no=row["payment_ref"],
            trade_ref=row["write_off_no"],
            amount_fen=row["amount_fen"],
            fee_fen=0,
            title=row["bill_no"],
        )
        for row in rows
    ]


def _jsonl(lines: Iterator[Line], totals: dict[str, int]) -> Iterator[str]:
    """A reversal takes back what a write-off gave; sums are net."""
    for line in lines:
        sign = -1 if line.is_refund else 1
        totals["lines"] += 1
        totals["amount_fen"] += sign * line.amount_fen
        totals["fee_fen"] += sign * line.fee_fen
        members = {
            "kind": "REVERSAL" if line.is_refund else "WRITE_OFF",
            "write_off_no": line.trade_ref,
            "bill_no": line.title,
            "payment_ref": line.order_no,
            "amount_fen": line.amount_fen,
            "fee_fen": line.fee_fen,
            "written_off_at": f"{line.at.replace(' ', 'T')}+08:00",
        }
        yield orjson.dumps(members, option=orjson.OPT_APPEND_NEWLINE).decode()
