"""The switchboard of statements: close a day early, fill it, falsify it."""

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.system import City, Operation
from sandbox.server.wire import Body, Refusal, query_int, read_body, reply
from sandbox.statements.days import Day, parse_day
from sandbox.statements.lines import BreakKind

SYNTHETIC_MAX = 5_000_000


class NewBreak(Body):
    """What to falsify, and at which order; without one, at the next sound payment."""

    kind: BreakKind
    order_no: str | None = Field(None, min_length=1, max_length=64)


def controls(system: str) -> tuple[Operation, ...]:
    """The control routes of one system's statements."""

    def day_of(request: Request, city: City) -> Day:
        on = parse_day(request.path_params["day"])
        if on is None:
            raise Refusal(400, "INVALID_REQUEST", "the day must be yyyy-mm-dd")
        return Day(city, system, on)

    async def show(request: Request, city: City) -> Response:
        return reply(_describe(day_of(request, city)))

    async def close_day(request: Request, city: City) -> Response:
        day = day_of(request, city)
        day.open(query_int(request, "synthetic", 0, least=0, most=SYNTHETIC_MAX))
        return reply(_describe(day))

    async def plant(request: Request, city: City) -> Response:
        body = await read_body(request, NewBreak)
        day = day_of(request, city)
        day.plant(body.kind, body.order_no)
        return reply(_describe(day), 201)

    async def repair(request: Request, city: City) -> Response:
        day_of(request, city).repair()
        return Response(status_code=204)

    path = f"/_control/statements/{system}/{{day}}"
    return (
        Operation("statement", "GET", path, show),
        Operation("close_day", "PUT", path, close_day),
        Operation("plant_break", "POST", f"{path}/breaks", plant),
        Operation("repair_statement", "DELETE", f"{path}/breaks", repair),
    )


def _describe(day: Day) -> dict[str, object]:
    return {
        "system": day.system,
        "day": day.on.isoformat(),
        "ready": day.is_ready(),
        "synthetic": day.synthetic_lines(),
        "breaks": [dict(row) for row in day.breaks()],
    }
