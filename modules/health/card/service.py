"""Commands and queries of the e-health card."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key
from core.database import fetch_one, transaction
from core.deadline import Deadline
from core.errors import Conflict, InvalidInput, NotFound, Unavailable
from core.people.personal_read import Access, Purpose, open_access
from core.refusal_texts import UPSTREAM_UNAVAILABLE
from core.standards.code_reader import (
    ClockSkew,
    CodeExpired,
    CodeReader,
    CodeRefused,
    ReadCode,
)
from core.standards.signed_code import SignedCode, issue_code
from core.upstream.client import UpstreamError
from kinds.lookup import PersonalLookup
from modules.health.card import texts
from modules.health.card.domain import CODE_LIFE, HOSPITALS, SERVICE, CardState, HealthCard
from modules.health.card.upstream import CARDS, find_card, register_card
from modules.health.hospitals.everywhere import AtHospital, ask_everywhere
from modules.health.hospitals.identifiers import identifier_of
from modules.health.models import HealthCardRow
from modules.health.records import upstream as records
from modules.health.records.lookup import PURPOSE as RECORDS_PURPOSE
from modules.health.records.reading import patient_refs

PURPOSE = Purpose(
    id="health.card",
    upstream=CARDS.name,
    fields=("card",),
    text=texts.CONSENT,
    text_version="2026-12",
)
_APPLY = "applyHealthCard"


async def ask_card(app: App, deadline: Deadline, access: Access) -> HealthCard | None:
    """The card as the platform has it now; what we know of its state follows it."""
    card = await find_card(app, deadline, access)
    if card is not None:
        await HealthCardRow.filter(citizen_id=access.person.id).update(state=card.state.value)
    return card


async def ask_links(
    app: App, deadline: Deadline, access: Access
) -> Sequence[AtHospital[Sequence[str]]]:
    """The person's numbers at every hospital, the one that stands first.

    Raises UpstreamError where none answers.
    """

    async def ask(until: Deadline, ref: str) -> Sequence[str]:
        received = await records.search_patients(app, until, access, ref)
        return patient_refs(identifier_of(access.person), [await records.parse_page(app, received)])

    return await ask_everywhere(app, deadline, access, ask, (SERVICE, "links"))


CARD = PersonalLookup(SERVICE, PURPOSE, ask_card)
LINKS = PersonalLookup(SERVICE, RECORDS_PURPOSE, ask_links, part="links")


async def apply(call: Call, key: str) -> HealthCard:
    """Give the subject a card. Repeat-safe: one person has one card.

    Raises Forbidden without consent, Unavailable while the platform is silent, KEY_REUSED.
    """
    access = await open_access(call, service=SERVICE, purpose=PURPOSE)
    try:
        card = await register_card(call.app, call.deadline, access)
    except UpstreamError:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.PLATFORM) from None
    async with transaction() as tx:
        claim = await claim_key(call, tx, _APPLY, key, {"subject": str(call.subject_id)})
        if not claim.replayed:
            row = HealthCardRow(
                id=claim.effect_id,
                citizen_id=call.subject_id,
                state=card.state.value,
                applied_at=call.app.clock.now(),
            )
            await HealthCardRow.bulk_create([row], ignore_conflicts=True, using_db=tx)
    return card


async def issue(call: Call) -> SignedCode:
    """A code of the subject's card, different at each call, that opens once within CODE_LIFE.

    Raises NotFound without a card, Conflict for one that is suspended or cancelled.
    """
    call.require_viewer(2)
    row = await HealthCardRow.get_or_none(citizen_id=call.subject_id)
    if row is None:
        raise NotFound(texts.NO_CARD)
    if row.state != CardState.ACTIVE:
        raise Conflict(texts.NOT_ACTIVE)
    return issue_code(call.app.tokens, subject=row.id.hex, audience=HOSPITALS, life=CODE_LIFE)


async def take(app: App, code: str, hospital_ref: str) -> HealthCardRow:
    """The card whose code a hospital has read; the code is used up by that, at all hospitals.

    Raises InvalidInput, Conflict HEALTH_CODE_EXPIRED, HEALTH_CODE_USED, HEALTH_CODE_CLOCK_SKEW.
    """
    now = app.clock.now()
    read = check_code(app, code, now)
    row = await HealthCardRow.get_or_none(id=UUID(hex=read.subject))
    if row is None:
        raise InvalidInput(texts.CODE_INVALID, "code")
    async with transaction() as tx:
        used = await fetch_one(
            tx,
            "INSERT INTO health_card_use (number, card_id, hospital_ref, used_at) "
            "VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING number",
            read.number,
            row.id,
            hospital_ref,
            now,
        )
    if used is None:
        raise Conflict(texts.CODE_USED)
    if row.state != CardState.ACTIVE:
        raise Conflict(texts.NOT_ACTIVE)
    return row


def check_code(app: App, code: str, now: datetime) -> ReadCode:
    """A code of ours that is good now, used or not. Raises InvalidInput and Conflict."""
    reader = CodeReader(
        app.tokens.jwks(), issuer=app.tokens.issuer, audience=HOSPITALS, fetched_at=now
    )
    try:
        return reader.check(code, now)
    except CodeExpired:
        raise Conflict(texts.CODE_EXPIRED) from None
    except ClockSkew:
        raise Conflict(texts.CLOCK_SKEW) from None
    except CodeRefused:
        raise InvalidInput(texts.CODE_INVALID, "code") from None
