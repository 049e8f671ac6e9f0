"""SMS through the city's gateways; see docs/upstreams/sms.md.

A text is sent in parts; each part costs. They are counted by a library: a part holds 160 septets or
70 UTF-16 units, less where there are several, and neither an emoji nor an escaped character is cut
in two (3GPP TS 23.038, TS 23.040).
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence

import orjson
import smsutil

from core.context.app import App
from core.deadline import Deadline
from core.texts import shortened
from core.upstream.operation import Operation
from notifications.channels.credentials import credentials_of
from notifications.channels.gateways import BACKUP, send, send_backup
from notifications.channels.port import Outbound, Outcome, Provider, each
from notifications.messages.receipts import Receipt
from notifications.templates.domain import Channel

PARTS_MAX, TEXT_MAX = 8, 500
"""What is longer is cut: a warning of which the end is missing is more than none. No gateway takes
a text of more characters, and one of more parts is a letter."""

STATES: Mapping[str, str] = {
    "DELIVRD": "delivered",
    "EXPIRED": "temporary-failure",
    "UNKNOWN": "temporary-failure",
    "UNDELIV": "permanent-failure",
    "REJECTD": "permanent-failure",
    "DELETED": "permanent-failure",
}
"""What `stat` of a receipt means (SMPP 3.4, appendix B; the Chinese carriers' CMPP has the same).
Other words, such as ACCEPTD, say nothing yet."""

Send = Callable[[App, Deadline, Sequence[Outbound]], Awaitable[Sequence[Outcome]]]


def count_parts(text: str) -> int:
    """How many parts a text is sent in."""
    return len(smsutil.split(text).parts)


def fitted(text: str) -> str:
    """A text as it is sent: whole, or as much as may be sent and three dots, which every alphabet
    of texts has."""
    most = TEXT_MAX
    while count_parts(short := shortened(text, most, "...")) > PARTS_MAX:
        most = most * 9 // 10
    return short


def _through(operation: Operation[[str, str, str], str]) -> Send:
    async def hand_over(
        app: App, deadline: Deadline, outbounds: Sequence[Outbound]
    ) -> Sequence[Outcome]:
        async def one(outbound: Outbound) -> str:
            text = fitted(outbound.body)
            return await operation(app, deadline, outbound.ref, outbound.address, text)

        return await each(outbounds, one)

    return hand_over


GATEWAY_PROVIDER = Provider("sms", Channel.SMS, _through(send), confirms=True)
BACKUP_PROVIDER = Provider(
    "sms_backup",
    Channel.SMS,
    _through(send_backup),
    is_set_up=lambda app: app.upstreams.find_address(BACKUP.name) is not None,
    is_standby=True,
    confirms=True,
)


def read_receipts(
    app: App, provider: str, body: bytes, signature: str | None
) -> Sequence[Receipt] | None:
    """The receipts that a gateway posts; None where it was not the gateway.

    Raises ValueError for an unknown form.
    """
    credentials = credentials_of(app, provider)
    if credentials is None or signature is None or not signature.isascii():
        return None
    expected = hmac.new(credentials["receipt_secret"].encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, signature):
        return None
    try:
        rows = orjson.loads(body)["receipts"]
        pairs = [(str(row["receipt_no"]), STATES.get(row["stat"])) for row in rows]
    except (KeyError, TypeError, orjson.JSONDecodeError) as error:
        raise ValueError("unknown form") from error
    return [Receipt(provider, ref, state) for ref, state in pairs if state is not None]
