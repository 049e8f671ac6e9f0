"""The SMS gateway; see docs/upstreams/sms.md."""

from core.upstream.operation import Request, System, json_of

GATEWAY = System("sms")


@GATEWAY.operation("POST", "/messages", answers=json_of(str, "receipt_no"), safe=True)
def send(message_ref: str, phone: str, text: str) -> Request:
    """Hand a text over; answers the gateway's receipt. The same `message_ref` sends once."""
    return Request(json={"message_ref": message_ref, "phone": phone, "text": text})
