"""Who comes: the person behind a limit, and the companions who are named in a booking."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.database.coalescing import Turn
from core.errors import Forbidden, InvalidInput, NotFound
from core.id_documents import kind_of, read_document_no
from core.people.data_rights import NAMED
from core.people.directory import Person, find_people, find_person
from core.people.mandates import act_for
from core.refusal_texts import LEVEL_REQUIRED, NOT_FOUND
from core.typed_text import read_name, read_plate
from kinds.booking import domain, texts
from kinds.booking.policy import Policy, policy_of
from kinds.booking.slot_store import SlotFacts

PERSON = "appointments.person"
SUBJECT = "appointments.subject"
NAME = "appointments.companion_name"
RESIDENT_ID = "appointments.companion_resident_id"
_KEYS_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Companion:
    """Somebody who comes along."""

    name: str
    resident_id: str


async def key_of(call: Call, level: int) -> bytes:
    """Whom the call is about as limits and bans count them: the person, not the account.

    The document's number where it is known, else the phone: whoever closes an account and opens
    another is the same person. Raises Forbidden for somebody whose real name is not known yet.
    """
    viewer, subject_id = call.require_viewer(level), call.subject_id
    keys = call.app.once("appointments.person_keys", lambda: _keys(call.app))
    known = (subject_id, viewer.level)
    key = keys.get(known)
    if key is None:
        if len(keys) >= _KEYS_MAX:
            keys.clear()
        key = keys[known] = await _find_key(call.app, subject_id, level)
    return key


def _keys(app: App) -> dict[tuple[UUID, int], bytes]:
    """What this process knows of people, by account and level, until it hears that they count by
    another number."""
    keys: dict[tuple[UUID, int], bytes] = {}

    def forget(person_id: str) -> None:
        for level in range(3):
            keys.pop((UUID(person_id), level), None)

    app.bus.listen(NAMED, forget)
    app.bus.on_gap(keys.clear)
    return keys


def lookups(app: App) -> Turn[UUID, Person | None]:
    """Where people are looked up, those of one turn of the event loop together."""
    return app.once(find_people, lambda: Turn(partial(find_people, app)))


async def _find_key(app: App, subject_id: UUID, level: int) -> bytes:
    person = await lookups(app).ask(subject_id) or await find_person(app, subject_id)
    if person is not None and person.lasting_no is not None:
        return resident_key(app, person.lasting_no)
    if level >= 2:
        raise Forbidden(LEVEL_REQUIRED)
    has_phone = person is not None and person.has_phone
    return app.vault.blind_index(person.phone if person and has_phone else str(subject_id), PERSON)


async def acting(call: Call, service_id: str, on_behalf_of: UUID | None) -> Call:
    """The call for whom it is meant.

    Raises NotFound where the viewer has no mandate for this, and where a service is for oneself.
    """
    if on_behalf_of is None or on_behalf_of == call.require_viewer().user_id:
        return call
    if not call.app.services[service_id].for_others:
        raise NotFound(NOT_FOUND)
    return await act_for(call, on_behalf_of, service=service_id)


def booked_for(call: Call) -> UUID | None:
    """Whom the viewer books for; None for themselves."""
    return call.subject_id if call.mandate else None


def resident_key(app: App, resident_id: str) -> bytes:
    """A person by the number of their document."""
    return app.vault.blind_index(resident_id, PERSON)


def seal_companions(
    call: Call, policy: Policy, own_key: bytes, companions: Sequence[Companion]
) -> list[tuple[bytes, bytes]]:
    """Who comes along, as it is stored: names and numbers, sealed.

    Raises InvalidInput for a wrong number, name or ID.
    """
    if len(companions) != policy.companions:
        raise InvalidInput(texts.COMPANIONS, "companions", count=policy.companions)
    today, vault = civil_date(call.app.clock.now()), call.app.vault
    keys, sealed = {own_key}, []
    for companion in companions:
        name, number = read_name(companion.name), read_document_no(companion.resident_id)
        if name is None or kind_of(number, today=today) is None:
            raise InvalidInput(texts.COMPANION_INVALID, "companions")
        keys.add(resident_key(call.app, number))
        sealed.append((vault.encrypt(name, NAME), vault.encrypt(number, RESIDENT_ID)))
    if len(keys) <= len(companions):
        raise InvalidInput(texts.COMPANION_TWICE, "companions")
    return sealed


def check_subject(policy: Policy, subject: str | None) -> str | None:
    """What the booking is about, in one spelling. Raises InvalidInput."""
    if policy.subject is None:
        if subject is not None:
            raise InvalidInput(texts.SUBJECT_INVALID, "subject")
        return None
    plate = read_plate(subject or "")
    if plate is None:
        raise InvalidInput(texts.SUBJECT_INVALID, "subject")
    return plate


def limits_of(
    app: App, facts: SlotFacts, person: bytes, about: str | None, *, prepaid: bool = False
) -> list[tuple[bytes, str, int]]:
    """What a booking counts against for whom it is about.

    Whoever and whatever is only named in it, a companion or a number plate, counts for the namer
    alone: naming takes nobody's place.
    """
    policy = policy_of(app, facts.service_id)
    limits = domain.limits_of(
        service_id=facts.service_id,
        slot_id=facts.slot_id,
        group=facts.limit_group,
        starts_at=facts.starts_at,
        ends_at=facts.ends_at,
        per_day=policy.per_day,
        open_max=policy.open_max,
    )
    uses = [(person, limit, allowed) for limit, allowed in limits.items()]
    if prepaid:
        uses.append((person, domain.UNPAID, domain.UNPAID_MAX))
    if about is not None:
        thing = app.vault.blind_index(f"{person.hex()}:{about}", SUBJECT)
        uses.append((thing, f"{domain.OPEN_SUBJECT}{facts.service_id}", 1))
    return uses
