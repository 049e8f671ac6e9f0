"""The SMS gateway: takes a message for a phone, once per reference."""

from datetime import UTC

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Body, Refusal, query_int, read_body, reply

SCHEMA = """
CREATE TABLE sms_message (
    id INTEGER PRIMARY KEY, message_ref TEXT NOT NULL UNIQUE, phone TEXT NOT NULL,
    text TEXT NOT NULL, receipt_no TEXT NOT NULL, accepted_at TEXT NOT NULL
);
CREATE INDEX sms_message_phone ON sms_message (phone, id);
"""


class Message(Body):
    """What the gateway takes. The reference is the sender's own."""

    message_ref: str = Field(min_length=1, max_length=64)
    phone: str = Field(pattern=r"^1[3-9][0-9]{9}$")
    text: str = Field(min_length=1, max_length=500)


async def send(request: Request, city: City) -> Response:
    """202 with the receipt; the same reference gets the same receipt and is stored once."""
    message = await read_body(request, Message)
    state = city.state
    with state.transaction():
        known = state.one("SELECT * FROM sms_message WHERE message_ref = ?", (message.message_ref,))
        if known is not None:
            if (known["phone"], known["text"]) != (message.phone, message.text):
                raise Refusal(409, "REF_REUSED", "this message_ref belongs to another message")
            return reply({"receipt_no": known["receipt_no"]}, 202)
        receipt_no = f"SMS{city.serial('sms_receipt')}"
        state.run(
            "INSERT INTO sms_message (message_ref, phone, text, receipt_no, accepted_at) "
            "VALUES (?, ?, ?, ?, ?)",
            (message.message_ref, message.phone, message.text, receipt_no, _now(city)),
        )
    return reply({"receipt_no": receipt_no}, 202)


async def inbox(request: Request, city: City) -> Response:
    """What a phone (or every phone) has received, newest first."""
    limit = query_int(request, "limit", 50, least=1, most=1000)
    rows = city.state.all(
        "SELECT message_ref, phone, text, receipt_no, accepted_at FROM sms_message "
        "WHERE ?1 IS NULL OR phone = ?1 ORDER BY id DESC LIMIT ?2",
        (request.query_params.get("phone"), limit),
    )
    return reply([dict(row) for row in rows])


def _now(city: City) -> str:
    return city.now().astimezone(UTC).isoformat(timespec="milliseconds")


SYSTEMS = (
    System(
        name="sms",
        title_zh="短信网关",
        title_en="SMS gateway",
        schema=SCHEMA,
        operations=(Operation("send", "POST", "/sms/messages", send),),
        controls=(Operation("inbox", "GET", "/_control/sms", inbox),),
    ),
)
