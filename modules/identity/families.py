"""Acting for others: guardians of children, proxies of elders; made, confirmed, ended.

A guardian (`children`) stays one until the child's 18th birthday. A proxy
proposes itself to a phone, and whoever owns that phone confirms it, for the services and until
the day that the proposal names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from tortoise.expressions import Q

from core.bus import bus
from core.clock import civil_date, start_of_day
from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key, recall_key
from core.database import (
    IntegrityError,
    Transaction,
    lock_name,
    rate_limit,
    transaction,
    violated,
)
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from core.people import acts, mandates
from core.people.consents import end_consents
from core.people.directory import ADULT_AGE, Person, age_on, get_person
from core.refusal_texts import NOT_ALLOWED, NOT_FOUND
from core.security.authorization import Scope
from core.security.mandate import Mandate as ActiveMandate
from core.security.mandate import MandateKind
from core.security.vault import mask_name
from modules.identity import domain, store, texts
from modules.identity.messages import PROXY_PROPOSED
from modules.identity.models import NAME, PHONE, Mandate
from modules.identity.service import checked_phone
from notifications import api as notifications

_DAY = timedelta(days=1)
_REPEATED = {"identity_mandate_live", "identity_mandate_proposed"}


@dataclass(frozen=True, slots=True)
class Party:
    """A mandate and who stands on its other side, seen by one of the two."""

    mandate: Mandate
    is_actor: bool
    other_name: str | None = None
    """Unmasked."""


async def find_mandate(app: App, actor_id: UUID, subject_id: UUID) -> ActiveMandate | None:
    """The extension "people.mandates": what lets one person act for another now."""
    row = await store.find_active_mandate(actor_id, subject_id, app.clock.now())
    return None if row is None else _active(row)


def _active(row: Mandate) -> ActiveMandate:
    assert row.subject_id is not None
    services = None if row.services is None else frozenset(row.services)
    return ActiveMandate(row.id, MandateKind(row.kind), row.actor_id, row.subject_id, services)


async def propose_proxy(
    call: Call, phone: str, services: Sequence[str], until_on: date, key: str
) -> Mandate:
    """Ask the owner of a phone to let the viewer act for them; whether it has an account is not
    told. The owner gets a text and confirms in the app, within a week.

    The same key proposes once. Raises InvalidInput, RateLimited after five proposals a day,
    Conflict while a proposal to this phone is open.
    """
    viewer, app = call.require_viewer(2), call.app
    person = await get_person(app, viewer.user_id)
    phone = checked_phone(phone)
    refuse_minor(call, person)
    chosen = _checked_proposal(call, person.phone, phone, services, until_on)
    index = app.vault.blind_index(phone, PHONE)
    command = {"phone": index.hex(), "services": chosen, "until": until_on.isoformat()}
    if await recall_key(call, "proposeProxy", key, command) is None:
        await _count(call, f"proposal:{viewer.user_id}", domain.PROPOSALS_PER_DAY)
    now = app.clock.now()
    try:
        async with transaction() as tx:
            claim = await claim_key(call, tx, "proposeProxy", key, command)
            if claim.replayed:
                return await Mandate.get(id=claim.effect_id, using_db=tx)
            await end_over(tx, store.party(viewer.user_id), now)
            await _refuse_many(tx, viewer.user_id, now)
            mandate = await Mandate.create(
                using_db=tx,
                id=claim.effect_id,
                kind=MandateKind.PROXY,
                actor_id=viewer.user_id,
                phone_index=index,
                services=chosen,
                state="proposed",
                proposed_at=now,
                ends_at=start_of_day(until_on + _DAY),
            )
            await _tell_phone(call, tx, person, phone, mandate)
            return mandate
    except IntegrityError as error:
        if violated(error) not in _REPEATED:
            raise
        raise Conflict(texts.ALREADY_PROPOSED) from None


async def _refuse_many(tx: Transaction, actor_id: UUID, now: datetime) -> None:
    """Raise Conflict for who acts, or asks to act, for as many people as one may."""
    await lock_name(tx, f"proxies:{actor_id}")
    if await store.count_proxies(tx, actor_id, now) >= domain.PROXIES_MAX:
        raise Conflict(texts.TOO_MANY_PROXIES, limit=domain.PROXIES_MAX)


async def _tell_phone(
    call: Call, tx: Transaction, proposer: Person, phone: str, mandate: Mandate
) -> None:
    """Say who asks, so that the owner of the phone can tell an acquaintance from a stranger."""
    params = {
        "app": call.app.city.app_name,
        "name": mask_name(proposer.name or ""),
        "phone_end": proposer.phone[-4:],
        "count": len(mandate.services or ()),
        "days": domain.PROPOSAL_LIFE.days,
    }
    to = notifications.Phone(phone, call.locale)
    await notifications.send(call.app, tx, PROXY_PROPOSED, to, params, f"proxy:{mandate.id}")


def _checked_proposal(
    call: Call, own_phone: str, phone: str, services: Sequence[str], until_on: date
) -> list[str]:
    if phone == own_phone:
        raise InvalidInput(texts.PHONE_INVALID, "phone")
    offered = {service.id for service in call.app.services.values() if service.for_others}
    chosen = sorted(set(services))
    if not chosen or not offered.issuperset(chosen):
        raise InvalidInput(texts.SERVICES_INVALID, "services")
    today = civil_date(call.app.clock.now())
    if not today <= until_on <= today + domain.PROXY_DAYS_MAX * _DAY:
        raise InvalidInput(texts.UNTIL_INVALID, "until")
    return chosen


async def confirm_mandate(call: Call, mandate_id: UUID) -> Mandate:
    """Let the proposer act for the viewer, in what was proposed. Repeat-safe.

    Raises NotFound for a proposal that was not made to the viewer's phone or is over, Conflict
    where this proxy acts for the viewer already.
    """
    viewer, app = call.require_viewer(2), call.app
    person = await get_person(app, viewer.user_id)
    refuse_minor(call, person)
    index, now = app.vault.blind_index(person.phone, PHONE), app.clock.now()
    try:
        async with transaction() as tx:
            await end_over(tx, store.party(viewer.user_id), now)  # makes room for its successor
            mandate = await store.lock_mandate(tx, mandate_id)
            if mandate is None or not _is_for(mandate, viewer.user_id, index):
                raise NotFound(NOT_FOUND)
            if mandate.state == "active":
                return mandate
            over = now >= min(mandate.ends_at, mandate.proposed_at + domain.PROPOSAL_LIFE)
            if over or not domain.MANDATE.allows(mandate.state, "confirm"):
                raise NotFound(NOT_FOUND)
            mandate.state = domain.MANDATE.next_state(mandate.state, "confirm")
            mandate.subject_id, mandate.phone_index = viewer.user_id, None
            mandate.confirmed_at = now
            await mandate.save(using_db=tx)
            return mandate
    except IntegrityError as error:
        if violated(error) not in _REPEATED:
            raise
        raise Conflict(texts.ALREADY_PROXY) from None


def _is_for(mandate: Mandate, viewer_id: UUID, phone_index: bytes) -> bool:
    proposed = mandate.phone_index == phone_index and mandate.subject_id is None
    return mandate.actor_id != viewer_id and (proposed or mandate.subject_id == viewer_id)


def refuse_minor(call: Call, person: Person) -> None:
    """Raise Forbidden for what a minor does through a guardian alone."""
    born_on = person.born_on
    if born_on and age_on(born_on, civil_date(call.app.clock.now())) < ADULT_AGE:
        raise Forbidden(texts.MINORS_MAY_NOT)


async def end_mandate(call: Call, mandate_id: UUID) -> Mandate:
    """End a mandate, or decline or take back a proposal; at once, in every process. Repeat-safe.

    The actor may, the subject may, a guardian of the subject may, and so may staff with the scope.
    Only the guardian and staff end a guardianship: neither the child nor the other guardian. What a
    guardian consented to ends with it; other parties are told. Raises NotFound for any other
    mandate.
    """
    viewer, app = call.require_viewer(), call.app
    person = await get_person(app, viewer.user_id)
    index = app.vault.blind_index(person.phone, PHONE)
    async with transaction() as tx:
        mandate = await store.lock_mandate(tx, mandate_id)
        is_party = mandate is not None and (
            mandate.actor_id == viewer.user_id
            or _is_for(mandate, viewer.user_id, index)
            or mandate.subject_id in await _children(app, viewer.user_id)
        )
        if mandate is None or not (is_party or Scope.MANDATES_END in viewer.scopes):
            raise NotFound(NOT_FOUND)
        is_own = mandate.actor_id == viewer.user_id or Scope.MANDATES_END in viewer.scopes
        if mandate.kind == MandateKind.GUARDIAN and not is_own:
            raise Forbidden(NOT_ALLOWED)
        if mandate.state == "active":
            await _tell_ended(app, tx, mandate, by=viewer.user_id)
        await end(tx, mandate, app.clock.now(), by=viewer.user_id)
    return mandate


async def _tell_ended(app: App, tx: Transaction, mandate: Mandate, *, by: UUID) -> None:
    """Tell the others who are party to what concerns a person that somebody acts for them no more.
    What the person ended themselves is nobody else's affair, but a child's."""
    if mandate.subject_id is not None:
        key = f"mandate-ended:{mandate.id}"
        act = acts.Act(by, mandate.subject_id, "", texts.ENDED_MANDATE, key)
        await acts.tell(app, tx, act)


async def end_over(tx: Transaction, which: Q, now: datetime) -> None:
    """End those of some mandates whose time is over. Repeat-safe."""
    for mandate in await store.lock_over(tx, which, now):
        await end(tx, mandate, now, by=None)


async def end(tx: Transaction, mandate: Mandate, now: datetime, *, by: UUID | None) -> None:
    """End a locked mandate, with what hangs on it, when `tx` commits; `by` None where nobody wished
    it: its time is over, or the account of a party is. Repeat-safe."""
    if mandate.state == "ended":
        return
    event = "decline" if mandate.state == "proposed" else "end"
    mandate.state = domain.MANDATE.next_state(mandate.state, event)
    mandate.ended_at, mandate.ended_by, mandate.phone_index = now, by, None
    await mandate.save(using_db=tx)
    if mandate.kind == MandateKind.GUARDIAN and mandate.subject_id is not None:
        await end_consents(tx, now, mandate.subject_id, granted_by=mandate.actor_id)
    await bus.publish(tx, mandates.ENDED, str(mandate.id))


async def _children(app: App, guardian_id: UUID) -> set[UUID]:
    mandates_of = await list_active_mandates(app, guardian_id)
    return {one.subject_id for one in mandates_of if one.kind is MandateKind.GUARDIAN}


async def list_mandates(call: Call) -> list[Party]:
    """The viewer's mandates on either side and those over their children, open proposals to their
    phone included, newest first; ended ones for a month."""
    viewer, app = call.require_viewer(), call.app
    person = await get_person(app, viewer.user_id)
    rows = await store.list_mandates(
        viewer.user_id,
        app.vault.blind_index(person.phone, PHONE),
        await _children(app, viewer.user_id),
        since=app.clock.now() - 30 * _DAY,
    )
    return await parties_of(call, rows)


async def parties_of(call: Call, rows: Sequence[Mandate]) -> list[Party]:
    """Mandates as the viewer sees them; staff who stand on neither side see no name."""
    viewer_id, vault = call.require_viewer().user_id, call.app.vault
    others = {m.subject_id if m.actor_id == viewer_id else m.actor_id for m in rows}
    names = await store.list_sealed_names(other for other in others if other is not None)
    parties = []
    for mandate in rows:
        is_actor = mandate.actor_id == viewer_id
        other = mandate.subject_id if is_actor else mandate.actor_id
        is_party = mandate.subject_id is None or viewer_id in (mandate.actor_id, mandate.subject_id)
        sealed = names.get(other) if other and is_party else None
        parties.append(Party(mandate, is_actor, vault.decrypt(sealed, NAME) if sealed else None))
    return parties


async def _count(call: Call, what: str, limit: int) -> None:
    refusal = texts.TOO_MANY_FAMILY_LOOKUPS
    await rate_limit.require(call.app.clock, what, limit=limit, window=_DAY, refusal=refusal)


async def list_active_mandates(app: App, actor_id: UUID) -> list[ActiveMandate]:
    """The extension "people.mandates": everything under which somebody acts for others now."""
    rows = await store.list_active_mandates(actor_id, app.clock.now())
    return [_active(row) for row in rows]


async def list_guardians(app: App, subject_id: UUID) -> list[UUID]:
    """The extension "people.mandates": the present guardians of a minor."""
    return await store.list_guardians(subject_id, app.clock.now())


MANDATES = mandates.Mandates(find_mandate, list_active_mandates, list_guardians)
