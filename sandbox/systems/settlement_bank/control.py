"""The bank's switchboard: end a day early, book something, refuse payments or let them return."""

from typing import Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.system import City
from sandbox.server.wire import Body, Refusal, read_body, reply
from sandbox.statements.days import parse_day


class NewBooking(Body):
    """A booking out of the blue; above zero a credit."""

    booked_on: str
    amount_fen: int = Field(ge=-(10**12), le=10**12)
    text: str = Field("", max_length=100)
    is_charge: bool = False


class HowRefused(Body):
    """`refused` at once, or `returned` the day after."""

    how: Literal["refused", "returned"]


async def open_day(request: Request, city: City) -> Response:
    """End a day now: its statement is made, whatever the time."""
    day = _day(request.path_params["day"])
    city.state.run("INSERT OR IGNORE INTO bank_day VALUES (?)", (day,))
    return reply({"day": day})


async def book(request: Request, city: City) -> Response:
    """Book an amount that nobody asked for."""
    new = await read_body(request, NewBooking)
    city.state.run(
        "INSERT INTO bank_booking (booked_on, amount_fen, text, is_charge) VALUES (?, ?, ?, ?)",
        (_day(new.booked_on), new.amount_fen, new.text, int(new.is_charge)),
    )
    return reply({"booked_on": new.booked_on}, 201)


async def refuse(request: Request, city: City) -> Response:
    """Refuse payments to an account from now on, or let them come back."""
    how = (await read_body(request, HowRefused)).how
    number = str(request.path_params["number"])
    city.state.run("INSERT OR REPLACE INTO bank_refused VALUES (?, ?)", (number, how))
    return reply({"number": number, "how": how})


async def accept(request: Request, city: City) -> Response:
    """Carry out payments to an account again."""
    city.state.run("DELETE FROM bank_refused WHERE number = ?", (request.path_params["number"],))
    return Response(status_code=204)


async def transfers(request: Request, city: City) -> Response:
    """What was ordered, oldest first."""
    rows = city.state.all("SELECT * FROM bank_transfer ORDER BY rowid")
    return reply([dict(row) for row in rows])


def _day(text: str) -> str:
    day = parse_day(text)
    if day is None:
        raise Refusal(400, "INVALID_REQUEST", "the day must be yyyy-mm-dd")
    return day.isoformat()
