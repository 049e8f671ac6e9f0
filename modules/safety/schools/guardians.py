"""Guardians: who may see what a school tells of a child, looked up at every use."""

from collections.abc import Iterable
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.context.sweep import Swept, sweep
from core.errors import InvalidInput, NotFound, Unavailable
from core.people.directory import Person, find_person
from core.people.mandates import find_mandate
from core.people.personal_read import Purpose, open_access
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.security.mandate import MandateKind
from core.upstream.client import UpstreamError
from modules.safety.schools import texts
from modules.safety.schools.domain import Enrolment
from modules.safety.schools.upstream import BUREAU, find_enrolment

ENROLMENT = Purpose(
    id="safety.school",
    upstream=BUREAU.name,
    fields=("resident_id", "school", "class"),
    text=texts.SCHOOL_CONSENT,
    text_version="2026-11",
)


def require_child(call: Call) -> UUID:
    """The child whose guardian the viewer is, named by `onBehalfOf`.

    Raises InvalidInput where nobody is named, NotFound for whom the viewer is no guardian of.
    """
    if call.mandate is None:
        raise InvalidInput(texts.NAME_A_CHILD, "onBehalfOf")
    if call.mandate.kind is not MandateKind.GUARDIAN:
        raise NotFound(NOT_FOUND)
    return call.mandate.subject_id


async def is_guardian(app: App, person_id: UUID, child_id: UUID) -> bool:
    """Whether somebody is a child's guardian at this moment."""
    mandate = await find_mandate(app, person_id, child_id)
    return mandate is not None and mandate.kind is MandateKind.GUARDIAN


async def list_guardians(
    app: App, service: str, followers: Iterable[tuple[UUID, UUID]]
) -> tuple[list[tuple[Person, UUID]], Swept]:
    """Of (person, child) those who are guardians now and have an account, each with the child.

    Whoever cannot be read is counted and keeps no other from it.
    """
    found: list[tuple[Person, UUID]] = []

    async def look_up(follower: tuple[UUID, UUID]) -> None:
        person_id, child_id = follower
        if not await is_guardian(app, person_id, child_id):
            return
        person = await find_person(app, person_id)
        if person is not None:
            found.append((person, child_id))

    swept = await sweep(app, service, sorted(followers), look_up)
    return found, swept


async def read_enrolment(call: Call, service: str) -> Enrolment:
    """Where the child goes to school, under the guardian's consent.

    Raises Forbidden CONSENT_REQUIRED, NotFound NOT_ENROLLED, Unavailable.
    """
    access = await open_access(call, service=service, purpose=ENROLMENT)
    try:
        enrolment = await find_enrolment(call.app, call.deadline, access)
    except UpstreamError:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.BUREAU) from None
    if enrolment is None:
        raise NotFound(texts.NOT_ENROLLED)
    return enrolment
