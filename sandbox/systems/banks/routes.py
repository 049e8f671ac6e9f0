"""What a bank serves: its key set, the address of its webhook; and a look at what it did."""

import base64
import binascii
import hashlib
import hmac

from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.system import City
from sandbox.server.wire import Refusal, read_bytes, reply
from sandbox.systems.banks.keys import BANKS, key_number, key_set

SCHEMA = """
CREATE TABLE banks_key (bank TEXT PRIMARY KEY, number INTEGER NOT NULL);
CREATE TABLE banks_webhook (bank TEXT PRIMARY KEY, secret TEXT NOT NULL);
CREATE TABLE banks_news (id INTEGER PRIMARY KEY, bank TEXT NOT NULL, webhook_id TEXT UNIQUE);
CREATE TABLE banks_act (
    id INTEGER PRIMARY KEY, bank TEXT NOT NULL, application_no TEXT NOT NULL, act TEXT NOT NULL,
    status INTEGER NOT NULL, done_at TEXT NOT NULL
);
"""
LATE_S = 300


async def read_keys(request: Request, city: City) -> Response:
    """The bank's JSON Web Key Set."""
    return reply(key_set(city, _bank(request)))


async def hear_news(request: Request, city: City) -> Response:
    """Take signed news (Standard Webhooks): the bank looks at its applications soon."""
    bank, body = _bank(request), await read_bytes(request)
    known = city.state.one("SELECT secret FROM banks_webhook WHERE bank = ?", (bank,))
    if known is None or not _is_signed(city, known["secret"], request, body):
        raise Refusal(401, "NOT_SIGNED")
    city.state.run(
        "INSERT OR IGNORE INTO banks_news (bank, webhook_id) VALUES (?, ?)",
        (bank, request.headers["webhook-id"]),
    )
    return Response(status_code=204)


async def list_acts(request: Request, city: City) -> Response:
    """What the bank did, newest first."""
    rows = city.state.all(
        "SELECT application_no, act, status, done_at FROM banks_act WHERE bank = ? "
        "ORDER BY id DESC LIMIT 200",
        (_bank(request),),
    )
    return reply([dict(row) for row in rows])


async def rotate_key(request: Request, city: City) -> Response:
    """Make the bank's next key; the one before it stays in the key set."""
    bank = _bank(request)
    with city.state.transaction():
        number = key_number(city, bank) + 1
        city.state.run("INSERT OR REPLACE INTO banks_key VALUES (?, ?)", (bank, number))
    return reply({"number": number})


def _bank(request: Request) -> str:
    bank = str(request.path_params["bank"])
    if bank not in BANKS:
        raise Refusal(404, "NO_SUCH_BANK")
    return bank


def _is_signed(city: City, secret: str, request: Request, body: bytes) -> bool:
    stamp, given = (request.headers.get(f"webhook-{name}", "") for name in ("timestamp", "id"))
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        is_late = abs(city.now().timestamp() - int(stamp)) > LATE_S
    except (binascii.Error, ValueError):
        return False
    digest = hmac.digest(key, f"{given}.{stamp}.".encode() + body, hashlib.sha256)
    expected = f"v1,{base64.b64encode(digest).decode()}"
    signatures = request.headers.get("webhook-signature", "").split(" ")
    return not is_late and any(hmac.compare_digest(expected, each) for each in signatures)
