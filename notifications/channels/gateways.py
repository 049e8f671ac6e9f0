"""The SMS gateways, of one form; see docs/upstreams/sms.md."""

from core.upstream.breaker import BreakerPolicy
from core.upstream.operation import Operation, Request, System, json_of

BREAKER = BreakerPolicy(open_s=0.5, probes_max=20)
"""Somebody waits for a code: a gateway that is well again is used within a second. A worker's
whole lane may probe at once, or the code that is asked for now would wait behind older ones."""

GATEWAY = System("sms", breaker=BREAKER)
BACKUP = System("sms_backup", breaker=BREAKER, optional=True)


def _request(message_ref: str, phone: str, text: str) -> Request:
    """Hand a text over; answers the gateway's receipt. The same `message_ref` sends once."""
    return Request(json={"message_ref": message_ref, "phone": phone, "text": text})


def _operation(system: System) -> Operation[[str, str, str], str]:
    answer = json_of(str, "receipt_no")
    return system.operation("POST", "/messages", answers=answer, name="send", safe=True)(_request)


send, send_backup = _operation(GATEWAY), _operation(BACKUP)
