"""Three systems that say whether somebody is who they say: the mobile carriers, the banks' card
network, and the network identity platform, to which people are handed off."""

import dataclasses
import hashlib

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Body, Refusal, read_body, reply
from sandbox.systems.police_names import find_holder

CARRIERS_SCHEMA = """
CREATE TABLE carriers_number (phone TEXT PRIMARY KEY, number TEXT NOT NULL);
"""
NETWORK_SCHEMA = """
CREATE TABLE network_ticket (
    request_ref TEXT PRIMARY KEY, ticket TEXT NOT NULL UNIQUE, session_ref TEXT NOT NULL,
    state TEXT NOT NULL, method TEXT NOT NULL, number TEXT NOT NULL
);
"""


class Elements(Body):
    """Three elements that must belong together: a name, a document and a phone."""

    name: str = Field(min_length=1, max_length=100)
    kind: str = Field(pattern="^(RESIDENT_ID|FOREIGN_RESIDENT|HK_MACAO_PERMIT|TAIWAN_PERMIT)$")
    number: str = Field(min_length=8, max_length=18)
    phone: str = Field(pattern=r"^1[3-9][0-9]{9}$")


class CardElements(Elements):
    """Four: with the number of a bank card."""

    card_no: str = Field(pattern=r"^[0-9]{16,19}$")


class Number(Body):
    """Whose a phone is from now on, by the number of their document."""

    phone: str = Field(pattern=r"^1[3-9][0-9]{9}$")
    number: str = Field(min_length=8, max_length=18)


async def three_elements(request: Request, city: City) -> Response:
    """CONSISTENT where the carriers have this phone under this name and document."""
    elements = await read_body(request, Elements)
    return reply({"result": _judge(city, elements), "request_no": _request_no(city)})


async def four_elements(request: Request, city: City) -> Response:
    """CONSISTENT where a bank has this card under this name, document and phone."""
    elements = await read_body(request, CardElements)
    result = _judge(city, elements)
    if result == "CONSISTENT" and elements.card_no != card_no(elements.number):
        result = "INCONSISTENT"
    return reply({"result": result, "request_no": _request_no(city)})


async def give_number(request: Request, city: City) -> Response:
    """The carriers give a phone to somebody else, or to somebody new."""
    number = await read_body(request, Number)
    city.state.run(
        "INSERT OR REPLACE INTO carriers_number VALUES (?, ?)", (number.phone, number.number)
    )
    return Response(status_code=204)


async def show_card(request: Request, city: City) -> Response:
    """The number of somebody's card."""
    return reply({"card_no": card_no(request.path_params["number"])})


def card_no(number: str) -> str:
    """The number of the one card that somebody has, by that of their document."""
    digest = hashlib.sha256(f"card {number}".encode()).digest()
    return f"622200{int.from_bytes(digest[:8], 'big') % 10**13:013d}"


class TicketRequest(Body):
    """A hand-off: the asker's own reference, and the session that it belongs to."""

    request_ref: str = Field(min_length=8, max_length=64)
    session_ref: str = Field(min_length=8, max_length=64)


class Ticket(Body):
    """A hand-off by its ticket."""

    ticket: str = Field(min_length=8, max_length=64)


class Passage(Ticket):
    """Who has shown themselves, by the number of their document, and how."""

    number: str = Field(min_length=8, max_length=18)
    method: str = Field("FACE", pattern="^(FACE|NETWORK_ID)$")


async def open_ticket(request: Request, city: City) -> Response:
    """A ticket and the address to which the person is sent; one for each reference."""
    body = await read_body(request, TicketRequest)
    with city.state.transaction():
        ticket = f"NI{hashlib.sha256(body.request_ref.encode()).hexdigest()[:30]}"
        city.state.run(
            "INSERT OR IGNORE INTO network_ticket VALUES (?, ?, ?, 'PENDING', '', '')",
            (body.request_ref, ticket, body.session_ref),
        )
    return reply({"ticket": ticket, "url": f"ctid://prove?ticket={ticket}"}, 201)


async def read_ticket(request: Request, city: City) -> Response:
    """What became of a hand-off: PENDING, or PASSED with who it was. 404 for no ticket."""
    body = await read_body(request, Ticket)
    row = city.state.one("SELECT * FROM network_ticket WHERE ticket = ?", (body.ticket,))
    if row is None:
        raise Refusal(404, "NOT_FOUND", "no such ticket")
    holder = find_holder(city, row["number"]) if row["number"] else None
    shown: dict[str, object] = dict.fromkeys(("name", "kind", "number", "born_on"))
    if holder is not None:
        shown = dataclasses.asdict(holder)
    return reply({"state": row["state"], "session_ref": row["session_ref"]} | shown)


async def pass_ticket(request: Request, city: City) -> Response:
    """Somebody shows their face, or their network identity."""
    passage = await read_body(request, Passage)
    city.state.run(
        "UPDATE network_ticket SET state = 'PASSED', method = ?, number = ? WHERE ticket = ?",
        (passage.method, passage.number, passage.ticket),
    )
    return Response(status_code=204)


def _judge(city: City, elements: Elements) -> str:
    holder = find_holder(city, elements.number)
    if holder is None or holder.kind != elements.kind:
        return "NOT_FOUND"
    given = city.state.one("SELECT * FROM carriers_number WHERE phone = ?", (elements.phone,))
    if given is None:
        person = city.population.find(elements.number)
        is_theirs = person is not None and person.phone == elements.phone
    else:
        is_theirs = given["number"] == elements.number
    return "CONSISTENT" if is_theirs and holder.name == elements.name else "INCONSISTENT"


def _request_no(city: City) -> str:
    return f"IP{city.serial('identity_proof')}"


SYSTEMS = (
    System(
        name="carriers",
        title_zh="运营商三要素核验",
        title_en="Mobile carriers' three elements",
        schema=CARRIERS_SCHEMA,
        operations=(
            Operation("three_elements", "POST", "/carriers/three-elements", three_elements),
        ),
        controls=(Operation("give_number", "PUT", "/_control/carriers/numbers", give_number),),
    ),
    System(
        name="card_network",
        title_zh="银行卡四要素核验",
        title_en="Card network's four elements",
        operations=(
            Operation("four_elements", "POST", "/card-network/four-elements", four_elements),
        ),
        controls=(Operation("show_card", "GET", "/_control/card-network/{number}", show_card),),
    ),
    System(
        name="network_identity",
        title_zh="国家网络身份认证",
        title_en="Network identity platform",
        schema=NETWORK_SCHEMA,
        operations=(
            Operation("open_ticket", "POST", "/network-identity/tickets", open_ticket),
            Operation("read_ticket", "POST", "/network-identity/tickets/query", read_ticket),
        ),
        controls=(
            Operation("pass_ticket", "POST", "/_control/network-identity/passages", pass_ticket),
        ),
    ),
)
