"""Standard Webhooks (standardwebhooks.com, specification 1.0.0): signing what goes out, checking
what comes in. The signature itself is the library's; its check is not, which splits headers that
callers write without looking.
"""

import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook

TOLERANCE = timedelta(minutes=5)


def sign(secrets: Sequence[str], message_id: str, sent_at: datetime, body: str) -> dict[str, str]:
    """The three headers of a message; one signature for each secret, the newest first.

    Raises ValueError without a secret: nothing goes out unsigned.
    """
    if not secrets:
        raise ValueError("a webhook is never sent unsigned")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": " ".join(_signature(s, message_id, sent_at, body) for s in secrets),
    }


def is_signed(
    secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime
) -> bool:
    """Whether a message is signed with one of the secrets and at most five minutes old, or early.

    Header names are in lower case. False for whatever is malformed.
    """
    message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not (stamp.isascii() and stamp.isdigit()) or len(stamp) > 12:
        return False
    sent_at = datetime.fromtimestamp(int(stamp), UTC)
    if abs(now - sent_at) > TOLERANCE:
        return False
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return False
    given = [part.encode() for part in headers.get("webhook-signature", "").split(" ")]
    known = [_signature(secret, message_id, sent_at, text).encode() for secret in secrets]
    return any(hmac.compare_digest(one, other) for one in given for other in known)


def _signature(secret: str, message_id: str, sent_at: datetime, body: str) -> str:
    return Webhook(secret).sign(message_id, sent_at, body)
