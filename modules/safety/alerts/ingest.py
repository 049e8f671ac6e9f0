"""Taking alerts: signed by a source that is known, once each, whatever order they come in."""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from lxml import etree

from core.context.app import App
from core.context.sweep import WHOLE
from core.database import Transaction, transaction
from core.deadline import Deadline
from core.errors import Conflict, InvalidInput, LoginRequired
from core.standards.cap import CapAlert, CapError, MsgType, parse_xml, read_alert
from core.standards.xml_signatures import SignatureInvalid, signed_element
from modules.safety.alerts import domain, store, texts
from modules.safety.alerts.domain import AlertState, NoticeKind
from modules.safety.alerts.notices import tell_alert, tell_places
from modules.safety.alerts.upstream import find_source

_AGAIN = timedelta(minutes=2)
"""After this those are told of an end who were still being told of its beginning."""


@dataclass(frozen=True, slots=True)
class Taken:
    """An alert that is stored, now or before."""

    alert_id: UUID
    is_new: bool
    state: str
    of_unknown: bool


async def receive(app: App, body: bytes) -> Taken:
    """Store an alert and have people told, when it commits. Repeat-safe.

    Only what the signature covers is read, and it must be that of the alert's own sender. Raises
    InvalidInput ALERT_INVALID, LoginRequired ALERT_UNSIGNED, Conflict ALERT_REUSED for another
    alert under the same identifier, Unavailable; nothing is stored then.
    """
    deadline = Deadline.after(app.settings.request_deadline_s)
    try:
        root = parse_xml(body)
        source = await find_source(app, deadline, read_alert(root).sender)
        if source is None:
            raise LoginRequired(texts.ALERT_UNSIGNED)
        signed = signed_element(root, source.certificate_pem)
        alert = read_alert(signed)
    except CapError as error:
        raise InvalidInput(texts.ALERT_INVALID, detail=str(error)) from None
    except SignatureInvalid:
        raise LoginRequired(texts.ALERT_UNSIGNED) from None
    if alert.sender != source.sender:
        raise LoginRequired(texts.ALERT_UNSIGNED)
    content = etree.tostring(signed, method="c14n")
    async with transaction() as tx:
        await store.lock_sender(tx, alert.sender)
        return await _store(app, tx, alert, content)


async def _store(app: App, tx: Transaction, alert: CapAlert, content: bytes) -> Taken:
    digest = hashlib.sha256(content).digest()
    known = await store.find_alert(tx, alert.sender, alert.identifier)
    if known is not None:
        if bytes(known.digest) != digest:
            raise Conflict(texts.ALERT_REUSED)
        return Taken(known.id, False, known.state, known.of_unknown)
    state, of_unknown = domain.state_of(alert), False
    ends_as = domain.ended_as(alert.msg_type)
    if ends_as is not None:
        referenced = [r.identifier for r in alert.references if r.sender == alert.sender]
        ended = await store.end_alerts(tx, alert, referenced, ends_as)
        of_unknown = ended == 0
    later = await store.find_later(tx, alert) if state is AlertState.ACTIVE else None
    if later is not None:
        state = domain.ended_as(MsgType(later.msg_type)) or state
    row = await store.insert_alert(
        tx, alert, content, digest, state=state, of_unknown=of_unknown, now=app.clock.now()
    )
    is_over = row.expires_at is not None and row.expires_at <= app.clock.now()
    kind = domain.notice_kind_of(alert)
    if kind is not None and later is None and not is_over:
        await tell_alert.enqueue(app, tx, row.id, WHOLE)
        if kind is not NoticeKind.CANCELLED:
            await tell_places.enqueue(app, tx, row.id, WHOLE)
        if ends_as is not None:
            await tell_alert.enqueue(app, tx, row.id, WHOLE, after=_AGAIN)
    return Taken(row.id, True, state, of_unknown)
