"""A captcha service: a challenge is a page, whoever solves it gets a ticket, good once and for five
minutes, at the address where it was solved."""

import secrets
from datetime import datetime, timedelta

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Body, Refusal, read_body, reply

LIFE = timedelta(minutes=5)
SCHEMA = """
CREATE TABLE captcha_challenge (
    request_ref TEXT PRIMARY KEY, challenge TEXT NOT NULL UNIQUE, address TEXT NOT NULL,
    ticket TEXT UNIQUE, solved_at TEXT, used INTEGER NOT NULL DEFAULT 0
);
"""


class Challenge(Body):
    """Who is to be asked: the asker's own reference, and the address that they come from."""

    request_ref: str = Field(min_length=8, max_length=64)
    address: str = Field(max_length=64)


class Ticket(Body):
    """A ticket, and where it came from."""

    ticket: str = Field(min_length=1, max_length=512)
    address: str = Field(max_length=64)


class Solved(Body):
    """A page whose challenge somebody has solved."""

    url: str


async def open_challenge(request: Request, city: City) -> Response:
    """The page of a challenge; one for each reference."""
    body = await read_body(request, Challenge)
    city.state.run(
        "INSERT OR IGNORE INTO captcha_challenge (request_ref, challenge, address) "
        "VALUES (?, ?, ?)",
        (body.request_ref, secrets.token_hex(16), body.address),
    )
    row = city.state.one(
        "SELECT challenge FROM captcha_challenge WHERE request_ref = ?", (body.request_ref,)
    )
    assert row is not None
    return reply({"url": f"https://captcha.sandbox.example/{row['challenge']}"}, 201)


async def verify(request: Request, city: City) -> Response:
    """PASSED where the ticket is of a solved challenge of this address, the first time it comes."""
    body = await read_body(request, Ticket)
    with city.state.transaction():
        row = city.state.one("SELECT * FROM captcha_challenge WHERE ticket = ?", (body.ticket,))
        is_good = (
            row is not None
            and not row["used"]
            and row["address"] == body.address
            and city.now() < datetime.fromisoformat(row["solved_at"]) + LIFE
        )
        city.state.run("UPDATE captcha_challenge SET used = 1 WHERE ticket = ?", (body.ticket,))
    return reply({"result": "PASSED" if is_good else "FAILED"})


async def solve(request: Request, city: City) -> Response:
    """Somebody solves the challenge of a page; the ticket that the page hands to the app."""
    solved, ticket = await read_body(request, Solved), secrets.token_urlsafe(32)
    challenge = solved.url.rpartition("/")[2]
    row = city.state.one("SELECT 1 FROM captcha_challenge WHERE challenge = ?", (challenge,))
    if row is None:
        raise Refusal(404, "NOT_FOUND", "no such challenge")
    city.state.run(
        "UPDATE captcha_challenge SET ticket = ?, solved_at = ? WHERE challenge = ?",
        (ticket, city.now().isoformat(), challenge),
    )
    return reply({"ticket": ticket})


SYSTEMS = (
    System(
        name="captcha",
        title_zh="人机验证",
        title_en="Captcha service",
        schema=SCHEMA,
        operations=(
            Operation("open_challenge", "POST", "/captcha/challenges", open_challenge),
            Operation("verify", "POST", "/captcha/verifications", verify),
        ),
        controls=(Operation("solve", "POST", "/_control/captcha/solutions", solve),),
    ),
)
