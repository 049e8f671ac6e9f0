"""Showing a licence: the citizen chooses what, a verifier reads it once, as it stands then."""

from collections.abc import Sequence
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.context.commands import CREDENTIAL_REPLAY, claim_key, recall_key
from core.database import transaction
from core.deadline import Deadline
from core.errors import Conflict, InvalidInput, NotFound, Unavailable
from core.people.personal_read import Purpose, Verifier, open_access_shown
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.standards.signed_code import CodeExpired, CodeInvalid, issue_code, read_code
from core.upstream.client import UpstreamError
from kinds.lookup import PersonalLookup
from modules.affairs.licences import store, texts
from modules.affairs.licences.domain import (
    CODE_LIFE,
    SERVICE,
    VERIFIERS,
    Licence,
    LicenceStatus,
    Presentation,
    Shown,
    choose,
)
from modules.affairs.licences.upstream import LICENCES, ask_licences, find_licence
from modules.affairs.models import LicencePresentation

PURPOSE = Purpose(
    id="affairs.e-licences",
    upstream=LICENCES.name,
    fields=("licences",),
    text=texts.CONSENT,
    text_version="2026-12",
)
WALLET = PersonalLookup(SERVICE, PURPOSE, ask_licences)


async def present(call: Call, licence_ref: str, fields: Sequence[str], key: str) -> Presentation:
    """A code that lets one reader see these fields of a licence, for a minute.

    The same key gives the same code. Raises NotFound for a licence that is not the viewer's,
    Conflict LICENCE_NOT_VALID, KEY_REUSED and KEY_EXPIRED, InvalidInput for other fields than
    it has, Unavailable, Forbidden CONSENT_REQUIRED.
    """
    citizen_id, now = call.require_viewer(2).user_id, call.app.clock.now()
    command = {"licence_ref": licence_ref, "fields": list(fields)}
    known = await recall_key(call, "presentLicence", key, command)
    if known is None:
        _require_shown(await _get_licence(call, licence_ref), fields)
    async with transaction() as tx:
        claim = await claim_key(
            call, tx, "presentLicence", key, command, replay_for=CREDENTIAL_REPLAY
        )
        if not claim.replayed:
            row = await store.create(
                tx, claim.effect_id, citizen_id, licence_ref, fields, now, now + CODE_LIFE
            )
            return _presentation(call.app, row)
    kept = await store.find(claim.effect_id)
    if kept is None:
        raise NotFound(NOT_FOUND)
    return _presentation(call.app, kept)


async def cancel(call: Call, presentation_id: UUID, key: str) -> None:
    """Take a code back at once. Repeat-safe. Raises NotFound, Conflict PRESENTATION_USED."""
    citizen_id = call.require_viewer(2).user_id
    row = await store.find(presentation_id)
    if row is None or row.citizen_id != citizen_id:
        raise NotFound(NOT_FOUND)
    operation, command = "cancelLicencePresentation", {"id": presentation_id}
    async with transaction() as tx:
        await claim_key(call, tx, operation, key, command, effect_id=presentation_id)
        if not await store.cancel(tx, presentation_id):
            raise Conflict(texts.PRESENTATION_USED)


async def verify(
    app: App, deadline: Deadline, verifier: Verifier, code: str, request_id: str
) -> Shown:
    """What a code shows its one reader: the licence as its system has it at this moment.

    The citizen finds it in their access log. The code is used up even where that system is silent.
    Raises InvalidInput PRESENTATION_INVALID, Conflict PRESENTATION_EXPIRED, PRESENTATION_USED and
    PRESENTATION_CANCELLED, Unavailable, Forbidden CONSENT_REQUIRED where the citizen's consent has
    ended.
    """
    now = app.clock.now()
    row = await _take(app, code, verifier)
    access = await open_access_shown(
        app,
        row.citizen_id,
        verifier,
        service=SERVICE,
        purpose=PURPOSE,
        fields=row.fields_shown,
        request_id=request_id,
    )
    try:
        licence = await find_licence(app, deadline, access, row.licence_id)
    except UpstreamError:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.SYSTEM) from None
    if licence is None:
        raise Conflict(texts.LICENCE_NOT_VALID)
    return choose(licence.on(civil_date(now)), row.fields_shown, now)


async def _take(app: App, code: str, verifier: Verifier) -> LicencePresentation:
    """The presentation of a code, which is used up by that: by its number, never by its text."""
    try:
        presentation_id = UUID(read_code(app.tokens, code, audience=VERIFIERS))
    except CodeExpired:
        raise Conflict(texts.PRESENTATION_EXPIRED) from None
    except (CodeInvalid, ValueError):
        raise InvalidInput(texts.PRESENTATION_INVALID, "code") from None
    taken = await store.take(presentation_id, verifier.id, app.clock.now())
    row = await store.find(presentation_id)
    if row is None:
        raise InvalidInput(texts.PRESENTATION_INVALID, "code")
    if not taken:
        raise Conflict(
            texts.PRESENTATION_USED if row.state == "shown" else texts.PRESENTATION_CANCELLED
        )
    return row


async def _get_licence(call: Call, licence_ref: str) -> Licence:
    reading = await WALLET.read(call)
    if reading.value is None:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.SYSTEM)
    for licence in reading.records.items:
        if licence.licence_ref == licence_ref:
            return licence
    if reading.unreadable:  # it may be among those
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.SYSTEM)
    raise NotFound(NOT_FOUND)


def _require_shown(licence: Licence, fields: Sequence[str]) -> None:
    if licence.status is not LicenceStatus.VALID:
        raise Conflict(texts.LICENCE_NOT_VALID)
    if not licence.may_show(fields):
        raise InvalidInput(texts.FIELDS_UNKNOWN, "fields")


def _presentation(app: App, row: LicencePresentation) -> Presentation:
    code = issue_code(
        app.tokens,
        subject=str(row.id),
        audience=VERIFIERS,
        life=CODE_LIFE,
        number=str(row.id),
        at=row.issued_at,
    )
    return Presentation(row.id, code.text, code.expires_at, row.fields_shown)
