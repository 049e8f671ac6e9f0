"""Every document by which a real name is verified leads to every service, by every proof.

The numbers are those of `tests/core/test_id_documents.py`, which names where they were printed.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from core.assurance import WAYS, Assurance
from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.errors import Forbidden
from core.id_documents import Document, DocumentKind, kind_of
from core.people.consents import PURPOSES, documents_of, grant_consent
from core.people.directory import get_person
from core.people.personal_read import open_access, resume_access
from core.security.authentication import Viewer
from core.security.authorization import decide, need_of
from modules.identity.models import Citizen
from modules.identity.proofs.service import BY_CARRIER
from tests.fakes import FakePolice, FakeProofs
from tests.modules.identity.conftest import Phone as Handset
from tests.modules.identity.test_assurance import (
    BEGIN,
    BY_CARD,
    BY_PHONE,
    CARD,
    FINISH,
    GRANT,
    VERIFY,
    agreed,
    ask,
)

BORN_ON = date(1990, 12, 31)
NAME = "陳大文"
DOCUMENTS = {
    DocumentKind.RESIDENT_ID: "110101199012310013",
    DocumentKind.FOREIGN_RESIDENT: "KAZ110090123105",
    DocumentKind.HK_MACAO_PERMIT: "H12345678",
    DocumentKind.TAIWAN_PERMIT: "12345678",
}


def dated(query: str) -> str:
    """An operation that gives the birth date too."""
    query = query.replace("$key: String!)", "$key: String!, $born: Date)")
    return query.replace("idempotencyKey: $key)", "idempotencyKey: $key, bornOn: $born)")


@pytest.fixture(params=DOCUMENTS)
def document(request: pytest.FixtureRequest, police: FakePolice, clock: ManualClock) -> Document:
    """A document of each kind, which the registry has issued."""
    kind = request.param
    document = Document(kind, DOCUMENTS[kind], BORN_ON)
    assert kind_of(document.number, today=clock.now().date()) is kind
    if kind is DocumentKind.RESIDENT_ID:
        police.people[document.number] = NAME
    else:
        police.permits[(kind, document.number, BORN_ON)] = NAME
    return document


def _given(document: Document) -> dict[str, Any]:
    return {"name": NAME, "number": document.number, "born": str(document.born_on)}


def test_every_document_of_a_grown_up_is_here() -> None:
    assert set(DOCUMENTS) == set(DocumentKind) - {DocumentKind.BIRTH_CERTIFICATE}


@pytest.mark.parametrize("proof", WAYS)
async def test_each_document_is_proved_by_each_way_and_opens_what_asks_for_it(
    phone: Handset, proofs: FakeProofs, app: App, document: Document, proof: Assurance
) -> None:
    proofs.phones[phone.number] = proofs.cards[CARD] = document.number
    token = await agreed(phone)
    match proof:
        case Assurance.CARRIER:
            shown = await ask(phone, token, dated(BY_PHONE), **_given(document))
        case Assurance.BANK_CARD:
            shown = await ask(phone, token, dated(BY_CARD), **_given(document), card=CARD)
        case _:
            ticket = (await ask(phone, token, BEGIN))["ticket"]
            proofs.passed[ticket] = (NAME, document)
            shown = await ask(phone, token, FINISH, ticket=ticket)
    assert shown["level"] == 2, shown
    viewer = app.tokens.verify(shown["accessToken"])
    assert viewer.assurance == proof
    services = [service for service in app.services.values() if service.assurance]
    assert len(services) >= 24
    for service in services:
        need = replace(need_of(service), fresh=False)
        decide(viewer, need, app.clock.now())
    person = await get_person(app, viewer.user_id)
    assert (person.born_on, person.document_no) == (BORN_ON, document.number)
    assert person.is_known_by([document.kind])


@pytest.mark.parametrize("query", [BY_PHONE, BY_CARD])
async def test_the_registry_says_when_the_holder_of_a_permit_was_born(
    phone: Handset, proofs: FakeProofs, document: Document, query: str
) -> None:
    """The carrier's word is for name and number: an age that somebody types is no age."""
    if document.kind is DocumentKind.RESIDENT_ID:
        return  # its number says it
    proofs.phones[phone.number] = proofs.cards[CARD] = document.number
    token = await agreed(phone)
    given = {"name": NAME, "number": document.number}
    given |= {"card": CARD} if query is BY_CARD else {}
    unsaid = await ask(phone, token, query, **given)
    assert unsaid["code"] == "BIRTH_DATE_NEEDED"
    # the digits that an older residence card says of it are right
    older = str(BORN_ON.replace(year=1970 if "KAZ" not in document.number else 1990, day=30))
    wrong = await ask(phone, token, dated(query), **given, born=older)
    assert wrong["code"] in ("REAL_NAME_MISMATCH", "BIRTH_DATE_NEEDED")
    (row,) = await Citizen.all()
    assert (row.level, row.resident_index, row.born_on) == (1, None, None)


async def test_a_permit_of_somebody_else_is_won_back(
    phone: Handset, proofs: FakeProofs, document: Document, clock: ManualClock
) -> None:
    thief = Handset(phone.client, phone.sms, "13900139000", {"id": "thief-0001", "name": ""})
    stolen = await agreed(thief)
    taken = await ask(thief, stolen, dated(VERIFY), **_given(document))
    assert taken["level"] == 2
    proofs.phones[phone.number] = document.number
    token = await agreed(phone)
    back = await ask(phone, token, dated(BY_PHONE), **_given(document))
    assert back["level"] == 2
    (held,) = await Citizen.filter(closed_at=None)
    assert str(held.id) == back["viewer"]["id"] and held.assurance == "CARRIER"


async def test_the_platforms_passport_is_no_permit_of_the_same_digits(
    phone: Handset, proofs: FakeProofs
) -> None:
    token = await agreed(phone)
    ticket = (await ask(phone, token, BEGIN))["ticket"]
    proofs.passed[ticket] = (NAME, Document("PASSPORT", "12345678", BORN_ON))  # type: ignore[arg-type]
    refused = await ask(phone, token, FINISH, ticket=ticket)
    assert refused["code"] == "RESIDENT_ID_INVALID"
    (row,) = await Citizen.all()
    assert row.level == 1


async def test_the_registry_is_asked_under_its_own_consent(
    phone: Handset, proofs: FakeProofs, police: FakePolice
) -> None:
    kind = DocumentKind.HK_MACAO_PERMIT
    document = Document(kind, DOCUMENTS[kind], BORN_ON)
    police.permits[(kind, document.number, BORN_ON)] = NAME
    proofs.phones[phone.number] = document.number
    token = str((await phone.sign_in())["accessToken"])
    given = {"purpose": BY_CARRIER.id, "version": BY_CARRIER.text_version}
    await ask(phone, token, GRANT, **given)
    refused = await ask(phone, token, dated(BY_PHONE), **_given(document))
    assert refused["code"] == "CONSENT_REQUIRED" and police.asked == []


def test_the_purposes_that_are_closed_to_a_document_may_only_get_fewer(app: App) -> None:
    """`DOCUMENT_NOT_TAKEN` at these. A newborn is known to health offices alone; the reason of each
    list is beside it (`core.standards.document_codes`)."""
    newborn = {DocumentKind.BIRTH_CERTIFICATE}
    purposes = [one for one in app.extensions(PURPOSES) if not one.id.startswith("example")]
    closed = {one.id: {*DocumentKind} - {*documents_of(app, one).kinds} for one in purposes}
    assert not {name for name, kinds in closed.items() if kinds - newborn}, "permits go everywhere"
    assert {name for name, kinds in closed.items() if kinds} == {
        *("affairs.e-licences", "affairs.licence-papers", "health.birth-register"),
        *("mobility.traffic-fines", "mobility.traffic-violations", "mobility.vehicle"),
        *("property.real-estate", "safety.school"),
        *("welfare.housing-fund", "welfare.housing-fund-withdrawal"),
        *("welfare.maternity", "welfare.medical", "welfare.pension"),
        *("welfare.unemployment", "welfare.work-injury"),
    }


@pytest.mark.parametrize("kind", DocumentKind)
async def test_an_access_names_its_person_as_the_purposes_office_knows_them(
    app: App,
    call: Callable[..., Call],
    citizen: Callable[..., Awaitable[Viewer]],
    kind: DocumentKind,
) -> None:
    """Every purpose, every document: by consent, log and the account as it is stored."""
    number = (DOCUMENTS | {DocumentKind.BIRTH_CERTIFICATE: "X320101001"})[kind]
    viewer = await citizen(name=NAME, document=Document(kind, number, BORN_ON))
    mine = call(user_id=viewer.user_id, level=2, deadline_s=60)
    for purpose in app.extensions(PURPOSES):
        await grant_consent(mine, purpose.id, purpose.text_version)
        documents = documents_of(app, purpose)
        if kind not in documents.kinds:
            with pytest.raises(Forbidden) as refused:
                await open_access(mine, service="any", purpose=purpose)
            assert refused.value.code == "DOCUMENT_NOT_TAKEN"
            continue
        access = await open_access(mine, service="any", purpose=purpose)
        expected = documents.members(kind, number, BORN_ON)
        assert access.person_members == expected
        if documents.resident_id:
            assert expected["document_no"] == number
            assert ("born_on" in expected) is (kind is not DocumentKind.RESIDENT_ID)
        later = await resume_access(app, access.access_id)
        assert later.person_members == expected, "in a job that goes on with it"


def test_a_newborn_is_served_through_its_guardian(app: App) -> None:
    """It has no phone of its own: where a service is for others, the guardian's proof counts."""
    asking = [service for service in app.services.values() if service.assurance]
    closed = {service.id for service in asking if not service.for_others}
    assert closed == {
        *("e-licence", "traffic-violation-query", "traffic-fine-payment", "real-estate-query"),
        *("housing-fund-withdrawal", "loan-apply", "loan-progress"),
    }, "what nobody has who was just born"
