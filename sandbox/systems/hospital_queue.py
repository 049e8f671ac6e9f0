"""Hospitals' queue systems: rooms that call numbers, and whoever waits before them.

A ticket is made at the desk (a control) or by somebody's card at the terminal; a room goes on to
the next number when it is told to.
"""

import random
from collections.abc import Awaitable, Callable

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.population.institutions import HOSPITALS
from sandbox.server.state import Row
from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Body, Refusal, read_body, reply
from sandbox.shared.documents import HEALTH, file_of, find_anybody, find_whom
from sandbox.shared.registry import PersonQuery

SCHEMA = """
CREATE TABLE queue_ticket (
    ticket_no TEXT PRIMARY KEY, hospital TEXT NOT NULL, resident_id TEXT NOT NULL,
    room INTEGER NOT NULL, number INTEGER NOT NULL, day TEXT NOT NULL,
    checked_in INTEGER NOT NULL, missed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE queue_room (
    hospital TEXT NOT NULL, room INTEGER NOT NULL, day TEXT NOT NULL, serving INTEGER NOT NULL,
    PRIMARY KEY (hospital, room, day)
);
"""
GROUP = "hospital_queue"
ROOMS = (("内科", "Internal medicine"), ("骨科", "Orthopaedics"), ("皮肤科", "Dermatology"))
FIRST_SERVING, PEOPLE_BEFORE, VISITS = 4, 3, 12
QueueHandler = Callable[[Request, City, str], Awaitable[Response]]


class Desk(Body):
    """For whom a number is made."""

    resident_id: str = Field(min_length=8, max_length=18)
    room: int = Field(0, ge=0, lt=len(ROOMS))
    checked_in: bool = True


class Turn(Body):
    """Which room goes on."""

    room: int = Field(0, ge=0, lt=len(ROOMS))


async def _query(request: Request, city: City, hospital: str) -> Response:
    query = await read_body(request, PersonQuery)
    find_whom(city, query, HEALTH)
    rows = city.state.all(
        "SELECT * FROM queue_ticket WHERE hospital = ? AND resident_id = ? AND day = ? "
        "ORDER BY ticket_no",
        (hospital, file_of(city, query.number), city.today().isoformat()),
    )
    return reply({"tickets": [_describe(city, row) for row in rows]})


async def _issue(request: Request, city: City, hospital: str) -> Response:
    desk = await read_body(request, Desk)
    if find_anybody(city, desk.resident_id) is None:
        raise Refusal(404, "NO_SUCH_PERSON", "nobody in this city has this document")
    with city.state.transaction():
        serving = _serving(city, hospital, desk.room)
        number = serving + PEOPLE_BEFORE + 1
        ticket_no = f"HQ{city.serial('queue')}"
        city.state.run(
            "INSERT INTO queue_ticket (ticket_no, hospital, resident_id, room, number, day, "
            "checked_in) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (ticket_no, hospital, file_of(city, desk.resident_id), desk.room, number,
             city.today().isoformat(), int(desk.checked_in)),
        )  # fmt: skip
    return reply(_describe(city, _ticket(city, hospital, ticket_no)), 201)


async def _check_in(request: Request, city: City, hospital: str) -> Response:
    ticket = _ticket(city, hospital, request.path_params["ticket_no"])
    city.state.run(
        "UPDATE queue_ticket SET checked_in = 1 WHERE ticket_no = ?", (ticket["ticket_no"],)
    )
    return reply(_describe(city, _ticket(city, hospital, ticket["ticket_no"])))


async def _next(request: Request, city: City, hospital: str) -> Response:
    """The room calls its next number; who was called and is not there has missed it."""
    turn = await read_body(request, Turn)
    with city.state.transaction():
        serving = _serving(city, hospital, turn.room) + 1
        city.state.run(
            "UPDATE queue_room SET serving = ? WHERE hospital = ? AND room = ? AND day = ?",
            (serving, hospital, turn.room, city.today().isoformat()),
        )
    return reply({"serving": serving})


def _serving(city: City, hospital: str, room: int) -> int:
    key = (hospital, room, city.today().isoformat())
    city.state.run(
        "INSERT INTO queue_room (hospital, room, day, serving) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        (*key, FIRST_SERVING),
    )
    row = city.state.one(
        "SELECT serving FROM queue_room WHERE hospital = ? AND room = ? AND day = ?", key
    )
    assert row is not None
    return int(row["serving"])


def _ticket(city: City, hospital: str, ticket_no: str) -> Row:
    row = city.state.one(
        "SELECT * FROM queue_ticket WHERE ticket_no = ? AND hospital = ?", (ticket_no, hospital)
    )
    if row is None:
        raise Refusal(404, "NO_SUCH_TICKET", "no such ticket at this hospital")
    return row


def _describe(city: City, row: Row) -> dict[str, object]:
    room = int(row["room"])
    serving, number = _serving(city, row["hospital"], room), int(row["number"])
    state = "WAITING" if row["checked_in"] else "BOOKED"
    if number <= serving:
        state = "MISSED" if not row["checked_in"] else "CALLED" if number == serving else "SEEN"
    draw = random.Random(f"{city.settings.seed}:{row['hospital']}:{room}:visits:{row['day']}")
    zh, en = ROOMS[room]
    return {
        "ticket_no": row["ticket_no"],
        "number": number,
        "department_zh": zh,
        "department_en": en,
        "doctor": f"{zh}医生",
        "room": f"{room + 1}03 诊室",
        "state": state,
        "ahead": number - serving - 1 if state == "WAITING" else None,
        "serving": serving,
        "recent_visits_s": [draw.randint(180, 720) for _ in range(VISITS)],
        "as_of": city.timestamp(),
    }


def _queue(number: int, code: str, name_zh: str, name_en: str) -> System:
    root, control = f"/hospital-queue/{code}", f"/_control/hospital-queue/{code}"

    def op(name: str, method: str, path: str, handler: QueueHandler) -> Operation:
        async def handle(request: Request, city: City) -> Response:
            return await handler(request, city, code)

        return Operation(name, method, path, handle)

    return System(
        name=f"{GROUP}_{code}",
        group=GROUP,
        title_zh=f"{name_zh}候诊叫号",
        title_en=f"{name_en}, queues",
        schema=SCHEMA if number == 0 else "",
        operations=(op("list_tickets", "POST", f"{root}/tickets/query", _query),),
        controls=(
            op("issue_ticket", "POST", f"{control}/tickets", _issue),
            op("check_in", "POST", f"{control}/tickets/{{ticket_no}}/check-in", _check_in),
            op("call_next", "POST", f"{control}/next", _next),
        ),
    )


SYSTEMS = tuple(_queue(n, code, zh, en) for n, (code, zh, en, _grade) in enumerate(HOSPITALS))
