"""Every office is asked about a person by the code of its own list and the number of a document.

Generated over the systems, their operations, the purposes and the documents. The codes stand here a
second time, as clients of such offices print them: GA/T 517 in com.saicfc.themis (CertType), its
553 in a table of credential types; CV02.01.101 in YiJian.Hospitals.Dto (QueryPacsReportListRequest,
idType); the insurances' in a hospital's conversion of them (parsePingAnCertTypeToHos); the housing
funds' in a client of the transfers between them (SingleTransOutInfoIn, DocType); the traffic
police's in a front of theirs (getSfzmmc); those of real-estate registration in a form of its
applicants (zjlx); those of education in zpldongxie/api-server-fastify (sfzjlx.js).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from inspect import signature
from typing import Any
from urllib.parse import parse_qs

import pytest

from core.errors import Forbidden
from core.id_documents import Document, DocumentKind, kind_of
from core.ids import new_id
from core.manifest import discover
from core.people.consents import PURPOSES, Purpose
from core.people.directory import Person
from core.people.personal_read import Access, about_person
from core.upstream.operation import SYSTEMS, Operation, Request, System

BORN_ON = date(1990, 12, 31)
NUMBERS = {
    "ID": "110101199012310013",
    "CARD": "KAZ110090123105",
    "HONG KONG": "H12345678",
    "MACAO": "M12345678",
    "TAIWAN": "12345678",
    "BIRTH": "X320101001",
}
_HEALTH = {"ID": "01", "CARD": "99", "HONG KONG": "06", "MACAO": "06", "TAIWAN": "07"}
_INSURANCE = {"ID": "01", "CARD": "07", "HONG KONG": "04", "MACAO": "05", "TAIWAN": "06"}
_TRAFFIC = {"ID": "A", "CARD": "I", "HONG KONG": "F", "MACAO": "F", "TAIWAN": "F"}
_FHIR = {
    "ID": "urn:oid:2.16.156.10011.1.3",
    "CARD": "urn:quancheng:document:foreign-resident",
    "HONG KONG": "urn:quancheng:document:hk-macao-permit",
    "MACAO": "urn:quancheng:document:hk-macao-permit",
    "TAIWAN": "urn:quancheng:document:taiwan-permit",
    "BIRTH": "urn:quancheng:document:birth-certificate",
}
PRINTED: Mapping[str, Mapping[str, str]] = {
    "e_licences": {"ID": "111", "CARD": "553", "HONG KONG": "516", "MACAO": "516", "TAIWAN": "511"},
    "birth_register": _HEALTH,
    "ehealth_card": _HEALTH | {"BIRTH": "99"},
    "his_billing": _HEALTH | {"BIRTH": "99"},
    "hospital_queue": _HEALTH | {"BIRTH": "99"},
    "hospital_records": _FHIR,
    "housing_fund": {"ID": "01", "CARD": "04", "HONG KONG": "99", "MACAO": "99", "TAIWAN": "99"},
    "medical_insurance": _INSURANCE,
    "schools": {"ID": "1", "CARD": "9", "HONG KONG": "6", "MACAO": "7", "TAIWAN": "8"},
    "real_estate": {"ID": "1", "CARD": "99", "HONG KONG": "2", "MACAO": "2", "TAIWAN": "2"},
    "social_insurance": _INSURANCE,
    "traffic_police": _TRAFFIC,
    "vehicles": _TRAFFIC,
}
"""By system the code of each document that it takes; a system that is not here has no list."""
UNNAMED = {
    *("hospital_records.read_everything", "hospital_records.read_next"),
    "hospital_records.fetch_file",
}
"""Personal, but about what the hospital itself has named before."""

MANIFESTS = discover(examples=True)
BY_NAME = {system.name: system for system in SYSTEMS.of(MANIFESTS)}
ALL_PURPOSES = PURPOSES.of(MANIFESTS)


@dataclass(frozen=True)
class Holder:
    """Somebody with a document."""

    label: str
    kind: DocumentKind
    person: Person

    @property
    def number(self) -> str:
        """The number of the document."""
        return NUMBERS[self.label]


def _holder(label: str) -> Holder:
    number = NUMBERS[label]
    kind = kind_of(number, today=date(2026, 11, 29)) or DocumentKind.BIRTH_CERTIFICATE
    has_id = kind is DocumentKind.RESIDENT_ID
    person = Person(
        new_id(), "13900000000", "陳大文", number if has_id else None, 2, "zh",
        other_document=None if has_id else Document(kind, number, BORN_ON),
    )  # fmt: skip
    return Holder(label, kind, person)


HOLDERS = [_holder(label) for label in NUMBERS]


def _access(holder: Holder, system: System) -> Access:
    return Access(holder.person, "any", new_id(), new_id(), system.name, system.documents)


def _questions(system: System) -> Iterator[Operation[..., Any]]:
    """The operations of a system that are asked under an access and name its person."""
    for operation in system.operations.values():
        takes_access = "access" in signature(operation.make).parameters
        if takes_access and f"{system.name}.{operation.name}" not in UNNAMED:
            yield operation


def _request(operation: Operation[..., Any], access: Access) -> Request:
    """What it sends; whatever it takes beside the access is a text."""
    needed = [
        name
        for name, one in signature(operation.make).parameters.items()
        if name != "access" and one.default is one.empty
    ]
    return operation.make(access=access, **dict.fromkeys(needed, "x"))


def _named(request: Request) -> tuple[str | None, str | None]:
    """The code and the number in a request: members of its body, or an identifier in its form."""
    if request.data is None:
        body: Any = request.json
        return body.get("document_type"), body.get("document_no")
    form = parse_qs(request.data.decode())
    (token,) = next(form[name] for name in ("identifier", "patient.identifier") if name in form)
    system, _, number = token.partition("|")
    return system, number


def test_every_office_with_a_list_is_here() -> None:
    with_list = {name for name, system in BY_NAME.items() if system.documents.resident_id}
    assert with_list == set(PRINTED)


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: holder.label)
@pytest.mark.parametrize("name", PRINTED)
def test_each_operation_names_the_person_by_the_offices_own_code(name: str, holder: Holder) -> None:
    system, code = BY_NAME[name], PRINTED[name].get(holder.label)
    questions = list(_questions(system))
    assert questions, name
    for operation in questions:
        assert operation.personal, operation.name
        access = _access(holder, system)
        if code is None:
            with pytest.raises(Forbidden) as refused:
                _request(operation, access)
            assert refused.value.code == "DOCUMENT_NOT_TAKEN"
            continue
        request = _request(operation, access)
        assert _named(request) == (code, holder.number), operation.name
        body = request.json if isinstance(request.json, Mapping) else {}
        assert "resident_id" not in body, "the older field stands alone or not at all"
        says_date = holder.kind is DocumentKind.RESIDENT_ID or request.data is not None
        assert body.get("born_on") == (None if says_date else str(BORN_ON)), operation.name
        for part in (request.path, request.params or {}):
            assert holder.number not in str(part), "no number of a person stands in an address"


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda holder: holder.label)
def test_a_form_names_its_person_by_the_same_code(holder: Holder) -> None:
    """Orders by a case know the number alone."""
    for name, codes in PRINTED.items():
        documents = BY_NAME[name].documents
        if holder.kind is DocumentKind.BIRTH_CERTIFICATE or holder.label not in codes:
            with pytest.raises(ValueError, match=r"document|takes no"):
                documents.members_of(holder.number, date(2026, 11, 29))
            continue
        members = documents.members_of(holder.number, date(2026, 11, 29))
        assert members == {"document_type": codes[holder.label], "document_no": holder.number}


def test_an_office_without_a_list_is_asked_about_id_numbers_in_the_older_field() -> None:
    plain = BY_NAME["example_query"]
    by_id, *others = HOLDERS
    access = _access(by_id, plain)
    asked = {"resident_id": by_id.number, "consent_ref": str(access.consent_id)}
    assert about_person(access) == asked
    for holder in others:
        with pytest.raises(Forbidden) as refused:
            about_person(_access(holder, plain))
        assert refused.value.code == "DOCUMENT_NOT_TAKEN"


def test_who_has_no_document_is_named_to_nobody() -> None:
    nobody = Person(new_id(), "13900000000", None, None, 1, "zh")
    for system in (BY_NAME["housing_fund"], BY_NAME["example_query"]):
        access = Access(nobody, "any", new_id(), new_id(), system.name, system.documents)
        with pytest.raises(Forbidden) as refused:
            about_person(access)
        assert refused.value.code == "LEVEL_REQUIRED"


@pytest.mark.parametrize("purpose", ALL_PURPOSES, ids=lambda purpose: purpose.id)
def test_a_purpose_takes_the_documents_of_the_system_that_is_asked(purpose: Purpose) -> None:
    if purpose.upstream in PRINTED:
        assert purpose.documents is None, "the system says it once"
        assert "身份证号" not in purpose.text.zh and "ID number" not in purpose.text.en
