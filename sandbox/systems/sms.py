"""Two SMS gateways of one form: each takes a message for a phone, once per reference, and tells
later what became of it."""

import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC

import orjson
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.callbacks import Sender
from sandbox.server.system import City, Handler, Operation, System
from sandbox.server.wire import Body, Refusal, query_int, read_body, reply

SCHEMA = """
CREATE TABLE sms_message (
    id INTEGER PRIMARY KEY, gateway TEXT NOT NULL, message_ref TEXT NOT NULL, phone TEXT NOT NULL,
    text TEXT NOT NULL, receipt_no TEXT NOT NULL, accepted_at TEXT NOT NULL,
    UNIQUE (gateway, message_ref)
);
CREATE INDEX sms_message_phone ON sms_message (phone, id);
CREATE TABLE sms_receipts_url (gateway TEXT PRIMARY KEY, url TEXT NOT NULL);
"""
GATEWAYS = ("sms", "sms_backup")
SECRET = b"sandbox-sms-receipts"
WAITS_S = (1, 5, 30, 300, 3600)
ENDS = {"4040": "UNDELIV", "4080": "EXPIRED"}
"""What becomes of texts to numbers that end so; all others are DELIVRD (SMPP 3.4, appendix B)."""


class Message(Body):
    """What a gateway takes. The reference is the sender's own."""

    message_ref: str = Field(min_length=1, max_length=64)
    phone: str = Field(pattern=r"^1[3-9][0-9]{9}$")
    text: str = Field(min_length=1, max_length=500)


class Receipts(Body):
    """Where a gateway posts what became of messages; empty for nowhere."""

    url: str


def sending_through(gateway: str) -> Handler:
    """The operation by which a gateway takes messages."""

    async def send(request: Request, city: City) -> Response:
        """202 with the receipt; the same reference gets the same receipt and is stored once."""
        message = await read_body(request, Message)
        state = city.state
        with state.transaction():
            known = state.one(
                "SELECT * FROM sms_message WHERE gateway = ? AND message_ref = ?",
                (gateway, message.message_ref),
            )
            if known is not None:
                if (known["phone"], known["text"]) != (message.phone, message.text):
                    raise Refusal(409, "REF_REUSED", "this message_ref belongs to another message")
                return reply({"receipt_no": known["receipt_no"]}, 202)
            receipt_no = f"SMS{city.serial('sms_receipt')}"
            state.run(
                "INSERT INTO sms_message "
                "(gateway, message_ref, phone, text, receipt_no, accepted_at) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (
                    gateway, message.message_ref, message.phone, message.text, receipt_no,
                    _now(city),
                ),
            )  # fmt: skip
            _owe_receipt(city, gateway, message.phone, receipt_no)
        return reply({"receipt_no": receipt_no}, 202)

    return send


def _owe_receipt(city: City, gateway: str, phone: str, receipt_no: str) -> None:
    row = city.state.one("SELECT url FROM sms_receipts_url WHERE gateway = ?", (gateway,))
    api = city.settings.api_url
    default = f"{api}/callbacks/notifications/{gateway}" if api else ""
    url = row["url"] if row is not None else default
    if url:
        stat = ENDS.get(phone[-4:], "DELIVRD")
        receipt = {"receipt_no": receipt_no, "stat": stat, "done_at": _now(city)}
        city.callbacks.enqueue(gateway, url, orjson.dumps({"receipts": [receipt]}))


async def set_receipts(request: Request, city: City) -> Response:
    """Have both gateways post their receipts somewhere: `<url>/<gateway>`."""
    receipts = await read_body(request, Receipts)
    for gateway in GATEWAYS:
        url = f"{receipts.url}/{gateway}" if receipts.url else ""
        city.state.run("INSERT OR REPLACE INTO sms_receipts_url VALUES (?, ?)", (gateway, url))
    return Response(status_code=204)


async def inbox(request: Request, city: City) -> Response:
    """What a phone (or every phone) has received, newest first."""
    limit = query_int(request, "limit", 50, least=1, most=1000)
    rows = city.state.all(
        "SELECT gateway, message_ref, phone, text, receipt_no, accepted_at FROM sms_message "
        "WHERE ?1 IS NULL OR phone = ?1 ORDER BY id DESC LIMIT ?2",
        (request.query_params.get("phone"), limit),
    )
    return reply([dict(row) for row in rows])


@asynccontextmanager
async def running(city: City) -> AsyncIterator[None]:
    """Sign what the gateways post."""

    def headers(body: bytes) -> dict[str, str]:
        signature = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        return {"Content-Type": "application/json", "X-Signature": signature}

    for gateway in GATEWAYS:
        city.callbacks.register(gateway, Sender(headers, WAITS_S))
    yield


def _now(city: City) -> str:
    return city.now().astimezone(UTC).isoformat(timespec="milliseconds")


SYSTEMS = (
    System(
        name="sms",
        title_zh="短信网关",
        title_en="SMS gateway",
        schema=SCHEMA,
        group="sms_gateways",
        operations=(Operation("send", "POST", "/sms/messages", sending_through("sms")),),
        controls=(
            Operation("inbox", "GET", "/_control/sms", inbox),
            Operation("receipts", "PUT", "/_control/sms/receipts", set_receipts),
        ),
        running=running,
    ),
    System(
        name="sms_backup",
        title_zh="备用短信网关",
        title_en="second SMS gateway",
        group="sms_gateways",
        operations=(
            Operation("send", "POST", "/sms-backup/messages", sending_through("sms_backup")),
        ),
    ),
)
