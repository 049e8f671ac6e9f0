"""Newborns before they have a number, and that a child is one person whoever registered it how."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any

import pytest

from core.context.app import App
from core.context.call import Call
from core.database import IntegrityError, connection, fetch_all
from core.database.models import Consent
from core.errors import Conflict, Forbidden, InvalidInput, RateLimited, Unavailable
from core.id_documents import DocumentKind
from core.ids import resident_id_check_digit
from core.people import mandates
from core.people.consents import grant_consent
from core.people.directory import get_person
from core.people.parties import Affair, list_readers
from core.people.personal_read import open_access
from core.security.authentication import Viewer
from kinds.booking.people import key_of
from modules.health.vaccination.service import RECORD
from modules.identity import children, deaths, domain, families
from modules.identity.models import BIRTH_CERTIFICATE, Citizen, Mandate
from modules.identity.upstream import list_deaths
from modules.welfare.housing_fund.lookup import PURPOSE as FUND
from tests.fakes import FakePolice
from tests.modules.identity.test_deaths import Registry
from tests.people import new_key

MakeCitizen = Callable[..., Awaitable[Viewer]]
MakeCall = Callable[..., Call]

BORN_ON = date(2026, 11, 20)
FIRST, SECOND = "X370000001", "X370000002"


def _number(sequence: int) -> str:
    body = f"370102{BORN_ON:%Y%m%d}{sequence:03d}"
    return body + resident_id_check_digit(body)


class Family:
    """Two parents with a child that has a certificate; the registry gives numbers later."""

    def __init__(self, app: App, police: FakePolice, mother: Call, father: Call) -> None:
        self.app, self.police, self.mother, self.father = app, police, mother, father
        self.parents: set[str | None] = set()

    async def meet(self) -> None:
        """Have the registry know both, and both agree to be asked about."""
        for parent in (self.mother, self.father):
            self.parents.add((await get_person(self.app, parent.subject_id)).resident_id)
            for purpose in (children.FAMILY, children.NEWBORN):
                await grant_consent(parent, purpose.id, purpose.text_version)
        self.police.births = {
            number: (f"甄{name}宝", BORN_ON, self.parents)
            for number, name in ((FIRST, "大"), (SECOND, "小"))
        }

    def register(self, number: str, certificate: str | None, name: str = "甄新名") -> None:
        """The household registration of a child, under its certificate."""
        self.police.people[number] = name
        self.police.parents |= {(parent, number) for parent in self.parents}
        if certificate is not None:
            self.police.registered[number] = certificate


@pytest.fixture
def registry() -> Registry:
    """The deaths that the registry has recorded."""
    return Registry()


@pytest.fixture
def upstreams(upstreams: Mapping[Any, Any], registry: Registry) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return {**upstreams, list_deaths: registry.list_deaths}


@pytest.fixture
async def family(app: App, citizen: MakeCitizen, call: MakeCall, police: FakePolice) -> Family:
    """A family."""
    calls = []
    for _ in range(2):
        viewer = await citizen()
        calls.append(call(user_id=viewer.user_id, level=2, session_id=viewer.session_id))
    made = Family(app, police, *calls)
    await made.meet()
    return made


async def _children() -> int:
    return await Citizen.filter(phone_index=None, closed_at=None).count()


async def test_a_newborn_is_a_person_from_the_first_minute(family: Family, app: App) -> None:
    mandate = await children.add_newborn(family.mother, " x370 000001", new_key())
    assert mandate.ends_at.isoformat() == "2044-11-19T16:00:00+00:00"  # 18 in Shanghai
    assert mandate.subject_id is not None
    child = await get_person(app, mandate.subject_id)
    assert (child.name, child.resident_id, child.level) == ("甄大宝", None, 2)
    assert (child.document_no, child.born_on, child.has_phone) == (FIRST, BORN_ON, False)
    assert child.is_child(BORN_ON)
    assert child.phone == (await get_person(app, family.mother.subject_id)).phone
    acting = await mandates.act_for(family.mother, child.id)
    granted = await grant_consent(acting, RECORD.id, RECORD.text_version)
    assert granted.until_at is not None and granted.until_at.year == 2040  # 14
    assert (await open_access(acting, service="x", purpose=RECORD)).person == child


async def test_who_has_no_number_is_refused_where_only_numbers_are_known(family: Family) -> None:
    mandate = await children.add_newborn(family.mother, FIRST, new_key())
    acting = await mandates.act_for(family.mother, mandate.subject_id)
    await grant_consent(acting, FUND.id, FUND.text_version)
    with pytest.raises(Forbidden) as refused:
        await open_access(acting, service="x", purpose=FUND)
    assert refused.value.code == "DOCUMENT_NOT_TAKEN"
    family.register(_number(1), FIRST)
    await children.add_child(family.mother, "甄新名", _number(1), new_key())
    access = await open_access(acting, service="x", purpose=FUND)
    assert access.person.resident_id == _number(1)


async def test_both_parents_and_the_number_lead_to_one_person(family: Family, app: App) -> None:
    first = await children.add_newborn(family.mother, FIRST, new_key())
    again = await children.add_newborn(family.mother, FIRST, new_key())
    fathers = await children.add_newborn(family.father, FIRST, new_key())
    assert first.id == again.id != fathers.id
    assert first.subject_id == fathers.subject_id
    acting = await mandates.act_for(family.mother, first.subject_id)
    key = await key_of(acting, 2)
    consent = await grant_consent(acting, RECORD.id, RECORD.text_version)
    family.register(_number(1), FIRST)
    numbered = await children.add_child(family.father, "甄新名", _number(1), new_key())
    assert (numbered.id, await _children()) == (fathers.id, 1)
    child = await get_person(app, numbered.subject_id)
    assert (child.name, child.resident_id) == ("甄新名", _number(1))
    assert (child.other_document, child.birth_certificate_no) == (None, FIRST)
    assert (await Consent.get(id=consent.id)).subject_id == child.id
    app.once("appointments.person_keys", dict).clear()
    assert await key_of(acting, 2) == key  # limits and bans go on
    late = await children.add_newborn(family.mother, FIRST, new_key())  # after the number, too
    assert (late.id, await _children()) == (first.id, 1)
    affair = Affair(family.mother.subject_id, child.id, "vaccination-appointment")
    told = {person.id for person in await list_readers(app, affair)}
    assert told == {family.mother.subject_id, family.father.subject_id}


async def test_twins_are_two_people_and_keep_their_numbers_apart(family: Family) -> None:
    twins = [await children.add_newborn(family.mother, one, new_key()) for one in (FIRST, SECOND)]
    for sequence, certificate in ((1, SECOND), (2, FIRST)):
        family.register(_number(sequence), certificate)
    for sequence, twin in ((1, twins[1]), (2, twins[0])):
        mandate = await children.add_child(family.mother, "甄新名", _number(sequence), new_key())
        assert mandate.id == twin.id
    assert await _children() == 2


async def test_what_was_registered_apart_meets_when_the_registry_knows(
    family: Family, app: App
) -> None:
    """The father added the child by its number before the registry kept certificates."""
    family.register(_number(1), None)
    numbered = await children.add_child(family.father, "甄新名", _number(1), new_key())
    fathers = await mandates.act_for(family.father, numbered.subject_id)
    consent = await grant_consent(fathers, RECORD.id, RECORD.text_version)
    newborn = await children.add_newborn(family.mother, FIRST, new_key())
    also = await children.add_newborn(family.father, FIRST, new_key())
    assert newborn.subject_id == also.subject_id != numbered.subject_id
    family.police.registered[_number(1)] = FIRST
    met = await children.add_child(family.mother, "甄新名", _number(1), new_key())
    assert (met.id, await _children()) == (newborn.id, 1)
    assert (await Consent.get(id=consent.id)).subject_id == newborn.subject_id
    live = await Mandate.filter(subject_id=newborn.subject_id, state="active")
    assert {one.actor_id for one in live} == {
        family.mother.subject_id,
        family.father.subject_id,
    }
    assert not await Mandate.exists(subject_id=numbered.subject_id, state="active")
    person = await get_person(app, met.subject_id)
    assert (person.resident_id, person.birth_certificate_no) == (_number(1), FIRST)


async def test_two_at_once_make_one_child(family: Family) -> None:
    family.register(_number(1), FIRST)
    made = await asyncio.gather(
        children.add_newborn(family.mother, FIRST, new_key()),
        children.add_newborn(family.father, FIRST, new_key()),
        children.add_child(family.mother, "甄新名", _number(1), new_key()),
        children.add_child(family.father, "甄新名", _number(1), new_key()),
    )
    assert len({one.subject_id for one in made}) == 1
    assert (len({one.id for one in made}), await _children()) == (2, 1)


async def test_strangers_forged_numbers_and_a_silent_registry_make_nobody(
    family: Family, citizen: MakeCitizen, call: MakeCall, police: FakePolice
) -> None:
    viewer = await citizen()
    stranger = call(user_id=viewer.user_id, level=2, session_id=viewer.session_id)
    with pytest.raises(Forbidden):
        await children.add_newborn(stranger, FIRST, new_key())
    await grant_consent(stranger, "identity.newborn", "2026-12")
    for asked, field_code in (
        (FIRST, "NOT_YOUR_NEWBORN"),
        ("X379999999", "NOT_YOUR_NEWBORN"),
        ("X37000001", "CERTIFICATE_INVALID"),
        (_number(1), "CERTIFICATE_INVALID"),
    ):
        with pytest.raises(InvalidInput) as refused:
            await children.add_newborn(stranger, asked, new_key())
        assert refused.value.code == field_code
    police.births["X370000009"] = ("甄成年", date(2008, 11, 20), family.parents)
    with pytest.raises(InvalidInput) as grown:
        await children.add_newborn(family.mother, "X370000009", new_key())
    assert grown.value.code == "NOT_A_MINOR"
    police.is_silent = True
    with pytest.raises(Unavailable):
        await children.add_newborn(family.mother, FIRST, new_key())
    police.is_silent = False
    with pytest.raises(RateLimited):
        for _ in range(domain.CHILD_LOOKUPS_PER_DAY):
            await children.add_newborn(family.mother, SECOND, new_key())
    assert await _children() == 1  # the last one's


async def test_a_request_that_comes_late_again_undoes_no_end(
    family: Family, police: FakePolice
) -> None:
    mandate = await children.add_newborn(family.mother, FIRST, "newborn-1")
    await families.end_mandate(family.mother, mandate.id)
    again = await children.add_newborn(family.mother, FIRST, "newborn-1")
    assert (again.id, again.state) == (mandate.id, "ended")
    with pytest.raises(Conflict, match="KEY_REUSED"):
        await children.add_newborn(family.mother, SECOND, "newborn-1")
    family.register(_number(1), FIRST)
    numbered = await children.add_child(family.mother, "甄新名", _number(1), "number-01")
    assert numbered.id != mandate.id
    await families.end_mandate(family.mother, numbered.id)
    again = await children.add_child(family.mother, "甄新名", _number(1), "number-01")
    assert (again.id, again.state) == (numbered.id, "ended")
    assert await Mandate.filter(state="active").count() == 0


async def test_a_guardianship_that_was_ended_by_others_stays_so(
    family: Family, citizen: MakeCitizen, call: MakeCall
) -> None:
    mandate = await children.add_newborn(family.father, FIRST, new_key())
    await children.add_newborn(family.mother, FIRST, new_key())
    with pytest.raises(Forbidden):  # neither parent puts the other out
        await families.end_mandate(family.mother, mandate.id)
    viewer = await citizen()
    office = call(user_id=viewer.user_id, level=2, roles=frozenset({"operator"}))
    await families.end_mandate(office, mandate.id)
    for again in (
        children.add_newborn(family.father, FIRST, new_key()),
        _numbered(family),
    ):
        with pytest.raises(Conflict) as refused:
            await again
        assert refused.value.code == "GUARDIANSHIP_ENDED"
    assert not await Citizen.exists(resident_index__isnull=False, phone_index=None)


async def _is_recorded_dead(family: Family, registry: Registry) -> None:
    registry.record_by(family.app, DocumentKind.BIRTH_CERTIFICATE, FIRST)
    await deaths.read_deaths(family.app)


async def _is_withdrawn(family: Family, registry: Registry) -> None:
    registry.record_by(family.app, DocumentKind.BIRTH_CERTIFICATE, FIRST, withdraws=1)
    await deaths.read_deaths(family.app)


async def test_a_child_that_has_died_by_its_certificate_is_not_added_by_its_number(
    family: Family, registry: Registry, app: App
) -> None:
    newborn = await children.add_newborn(family.mother, FIRST, new_key())
    await _is_recorded_dead(family, registry)
    with pytest.raises(InvalidInput) as refused:
        await _numbered(family)
    assert refused.value.code == "NOT_YOUR_CHILD"
    assert (await _children(), await Mandate.filter(state="active").count()) == (0, 0)
    await _is_withdrawn(family, registry)
    numbered = await _numbered(family)
    assert (numbered.subject_id, await _children()) == (newborn.subject_id, 1)
    assert (await get_person(app, newborn.subject_id)).birth_certificate_no == FIRST


@pytest.mark.parametrize("ended_by_the_child", [False, True])
async def test_parents_have_their_child_again_after_a_mistaken_death(
    family: Family, registry: Registry, app: App, ended_by_the_child: bool
) -> None:
    before = await children.add_newborn(family.mother, FIRST, new_key())
    await children.add_newborn(family.father, FIRST, new_key())
    await _is_recorded_dead(family, registry)
    if ended_by_the_child:  # as it was once written
        await Mandate.filter(subject_id=before.subject_id).update(ended_by=before.subject_id)
    await _is_withdrawn(family, registry)
    assert before.subject_id is not None
    assert await families.list_guardians(app, before.subject_id) == []
    again = await children.add_newborn(family.mother, FIRST, new_key())
    numbered = await _numbered(family)
    assert again.subject_id == numbered.subject_id == before.subject_id
    guardians = await families.list_guardians(app, before.subject_id)
    assert guardians == [family.mother.subject_id, family.father.subject_id]


async def test_what_was_registered_meanwhile_meets_the_record_that_opens_again(
    family: Family, registry: Registry, app: App
) -> None:
    newborn = await children.add_newborn(family.mother, FIRST, new_key())
    await _is_recorded_dead(family, registry)
    double = await _meanwhile(family)
    await _is_withdrawn(family, registry)
    assert await _children() == 1
    assert await families.list_guardians(app, newborn.subject_id) == [family.father.subject_id]
    person = await get_person(app, newborn.subject_id)
    assert (person.resident_id, person.birth_certificate_no) == (_number(1), FIRST)
    assert not await Mandate.exists(subject_id=double.subject_id)
    again = await children.add_newborn(family.mother, FIRST, new_key())
    assert again.subject_id == newborn.subject_id


async def _meanwhile(family: Family) -> Mandate:
    """A second record of a child, by the number that the registry gave it."""
    family.register(_number(1), None)
    made = await children.add_child(family.father, "甄新名", _number(1), new_key())
    vault = family.app.vault
    await Citizen.filter(id=made.subject_id).update(
        birth_index=vault.blind_index(FIRST, BIRTH_CERTIFICATE),
        birth_sealed=vault.encrypt(FIRST, BIRTH_CERTIFICATE),
        born_on=BORN_ON,
    )
    return made


async def _numbered(family: Family) -> Mandate:
    family.register(_number(1), FIRST)
    return await children.add_child(family.father, "甄新名", _number(1), new_key())


@pytest.mark.parametrize(
    "breach",
    [
        "SET birth_index = NULL, resident_index = NULL",
        "SET born_on = NULL",
        "SET birth_sealed = NULL",
    ],
)
async def test_the_database_refuses_who_cannot_be(family: Family, breach: str) -> None:
    mandate = await children.add_newborn(family.mother, FIRST, new_key())
    with pytest.raises(IntegrityError):
        await connection().execute_query(
            f"UPDATE identity_citizen {breach} WHERE id = $1",
            [mandate.subject_id],
        )
    other = await children.add_newborn(family.mother, SECOND, new_key())
    (row,) = await fetch_all(
        connection(), "SELECT birth_index FROM identity_citizen WHERE id = $1", other.subject_id
    )
    with pytest.raises(IntegrityError):
        await connection().execute_query(
            "UPDATE identity_citizen SET birth_index = $2 WHERE id = $1",
            [mandate.subject_id, row["birth_index"]],
        )
