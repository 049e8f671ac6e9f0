"""The city's e-health card platform: one card for each person, its number and its state."""

import hashlib

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.state import Row
from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Body, Refusal, read_body, reply
from sandbox.shared.documents import HEALTH, file_of, find_whom
from sandbox.shared.registry import PersonQuery

SCHEMA = """
CREATE TABLE ehealth_card (
    resident_id TEXT PRIMARY KEY, card_no TEXT NOT NULL UNIQUE, issued_on TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('ACTIVE', 'SUSPENDED', 'CANCELLED'))
);
"""


class Registration(PersonQuery):
    """Who gets a card."""

    name: str = Field(min_length=1, max_length=50)


class Change(Body):
    """The platform's counter changes a card."""

    resident_id: str = Field(min_length=8, max_length=18)
    state: str = Field(pattern="ACTIVE|SUSPENDED|CANCELLED")


async def _register(request: Request, city: City) -> Response:
    body = await read_body(request, Registration)
    if find_whom(city, body, HEALTH) is None:
        raise Refusal(404, "NO_SUCH_PERSON", "nobody has this number")
    file = file_of(city, body.number)
    name = f"{city.settings.seed}:ehealth:{file}"
    card_no = hashlib.sha256(name.encode()).hexdigest()[:24].upper()
    city.state.run(
        "INSERT INTO ehealth_card VALUES (?, ?, ?, 'ACTIVE') ON CONFLICT DO NOTHING",
        (file, card_no, city.today().isoformat()),
    )
    return reply(_describe(_card(city, file)))


async def _query(request: Request, city: City) -> Response:
    query = await read_body(request, PersonQuery)
    find_whom(city, query, HEALTH)
    return reply(_describe(_card(city, file_of(city, query.number))))


async def _change(request: Request, city: City) -> Response:
    change = await read_body(request, Change)
    city.state.run(
        "UPDATE ehealth_card SET state = ? WHERE resident_id = ?",
        (change.state, change.resident_id),
    )
    return reply(_describe(_card(city, change.resident_id)))


def _card(city: City, resident_id: str) -> Row:
    row = city.state.one("SELECT * FROM ehealth_card WHERE resident_id = ?", (resident_id,))
    if row is None:
        raise Refusal(404, "NO_CARD", "no card for this person")
    return row


def _describe(row: Row) -> dict[str, object]:
    return {"card_no": row["card_no"], "state": row["state"], "issued_on": row["issued_on"]}


SYSTEMS = (
    System(
        name="ehealth_card",
        title_zh="电子健康卡平台",
        title_en="E-health card platform",
        schema=SCHEMA,
        operations=(
            Operation("register_card", "POST", "/ehealth-card/cards", _register),
            Operation("find_card", "POST", "/ehealth-card/cards/query", _query),
        ),
        controls=(Operation("change_card", "POST", "/_control/ehealth-card/state", _change),),
    ),
)
