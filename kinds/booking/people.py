"""Who comes: the person behind a limit, and the companions who are named in a booking."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.errors import Forbidden, InvalidInput, NotFound
from core.ids import is_resident_id
from core.people.directory import get_person
from core.people.mandates import act_for
from core.refusal_texts import LEVEL_REQUIRED, NOT_FOUND
from core.typed_text import read_name, read_plate, read_resident_id
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


@dataclass(frozen=True, slots=True)
class Party:
    """Everybody in a booking as it is stored: keys for the limits, the rest sealed.

    The first key is that of whoever books.
    """

    keys: Sequence[bytes]
    companions: Sequence[tuple[bytes, bytes]]


async def key_of(call: Call, level: int) -> bytes:
    """Whom the call is about as limits count them: the resident ID where the service knows it, so
    that a second account is the same person; the account where it does not.

    Raises Forbidden for somebody whose real name is not known yet.
    """
    call.require_viewer(level)
    subject_id = call.subject_id
    if level < 2:
        return call.app.vault.blind_index(str(subject_id), PERSON)
    keys: dict[object, bytes] = call.app.once("appointments.person_keys", dict)
    key = keys.get(subject_id)
    if key is None:
        person = await get_person(call.app, subject_id)
        if person.resident_id is None:
            raise Forbidden(LEVEL_REQUIRED)
        if len(keys) >= _KEYS_MAX:
            keys.clear()
        key = keys[subject_id] = resident_key(call.app, person.resident_id)
    return key


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
    """A person by resident ID."""
    return app.vault.blind_index(resident_id, PERSON)


def form_party(
    call: Call, policy: Policy, own_key: bytes, companions: Sequence[Companion]
) -> Party:
    """The viewer and their companions. Raises InvalidInput for a wrong number, name or ID."""
    if len(companions) != policy.companions:
        raise InvalidInput(texts.COMPANIONS, "companions", count=policy.companions)
    today, vault = civil_date(call.app.clock.now()), call.app.vault
    keys, sealed = [own_key], []
    for companion in companions:
        name, number = read_name(companion.name), read_resident_id(companion.resident_id)
        if name is None or not is_resident_id(number, today=today):
            raise InvalidInput(texts.COMPANION_INVALID, "companions")
        keys.append(resident_key(call.app, number))
        sealed.append((vault.encrypt(name, NAME), vault.encrypt(number, RESIDENT_ID)))
    if len(set(keys)) < len(keys):
        raise InvalidInput(texts.COMPANION_TWICE, "companions")
    return Party(keys, sealed)


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


def party_limits(
    app: App, facts: SlotFacts, keys: Sequence[bytes], about: str | None
) -> list[tuple[bytes, str, int]]:
    """What a booking counts against: everybody who comes, and the thing that it is about."""
    policy = policy_of(app, facts.service_id)
    limits = domain.limits_of(
        service_id=facts.service_id,
        slot_id=facts.slot_id,
        group=facts.limit_group,
        starts_at=facts.starts_at,
        per_day=policy.per_day,
        open_max=policy.open_max,
    )
    uses = [(person, limit, allowed) for person in keys for limit, allowed in limits.items()]
    if about is not None:
        thing = app.vault.blind_index(about, SUBJECT)
        uses.append((thing, f"{domain.OPEN_SUBJECT}{facts.service_id}", 1))
    return uses
