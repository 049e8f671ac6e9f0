"""The sandbox's offices, asked about people by other documents than an ID number."""

from datetime import date
from typing import Any

import pytest

from core.id_documents import Document, DocumentKind
from tests.sandbox.serving import Client

MACAO = Document(DocumentKind.HK_MACAO_PERMIT, "M12345678", date(1990, 12, 31))
TAIWAN = Document(DocumentKind.TAIWAN_PERMIT, "12345678", date(1990, 12, 31))
BIRTHS = "/birth-register/births/query"


def asked(code: str, document: Document, **more: Any) -> dict[str, Any]:
    """A question about the holder of a document."""
    person = {"document_type": code, "document_no": document.number}
    return person | {"born_on": str(document.born_on), "consent_ref": "c-1"} | more


async def test_the_older_field_and_the_newer_ones_name_the_same_person(city: Client) -> None:
    number = (await city.person("citizen"))["resident_id"]
    for path, code in (
        ("/housing-fund/accounts/query", "01"),
        ("/vehicles/query", "A"),
        ("/real-estate/holdings/query", "1"),
    ):
        older = {"resident_id": number, "consent_ref": "c-1"}
        newer = {"document_type": code, "document_no": number, "consent_ref": "c-1"}
        answers = [await city.post(path, body) for body in (older, newer)]
        for _, answer in answers:
            answer.pop("as_of", None)
        assert answers[0] == answers[1] and answers[0][0] == 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"document_type": "07", "document_no": "12345678"}, 200, None),
        ({"document_type": "07", "document_no": "12345678", "born_on": "1990-12-31"}, 200, None),
        ({"document_type": "06", "document_no": "12345678"}, 422, "INVALID_DOCUMENT"),
        ({"document_type": "01", "document_no": "110101199012310014"}, 422, "INVALID_RESIDENT_ID"),
        ({"document_type": "A", "document_no": "12345678"}, 422, "UNKNOWN_DOCUMENT_TYPE"),
        ({"document_no": "12345678"}, 400, "INVALID_REQUEST"),
        ({}, 400, "INVALID_REQUEST"),
        (
            {"document_type": "07", "document_no": "12345678", "resident_id": "110101199012310013"},
            400,
            "INVALID_REQUEST",
        ),
    ],
)
async def test_a_person_is_named_in_one_form(
    city: Client, body: dict[str, Any], status: int, code: str | None
) -> None:
    answer = await city.post(BIRTHS, body | {"consent_ref": "c-1"})
    assert (answer[0], answer[1].get("code")) == (status, code)


async def test_an_office_without_a_list_knows_id_numbers_alone(city: Client) -> None:
    await city.issue(TAIWAN)
    status, refused = await city.post("/marriage/status/query", asked("8", TAIWAN))
    assert (status, refused["code"]) == (422, "UNKNOWN_DOCUMENT_TYPE")


async def test_a_permit_is_known_once_it_is_issued_and_by_its_own_birth_date(city: Client) -> None:
    path, question = "/social-insurance/pension/query", asked("05", MACAO)
    assert (await city.post(path, question))[0] == 404
    await city.issue(MACAO)
    status, record = await city.post(path, question)
    assert status == 200
    holder = {"name": "陳大文", "document_type": "05", "document_no": MACAO.number}
    assert record["holder"] == holder
    assert (await city.post(path, question | {"born_on": "1990-12-30"}))[0] == 404


async def test_a_permit_that_is_renewed_keeps_what_its_holder_owns(city: Client) -> None:
    await city.issue(TAIWAN)
    question = asked("F", TAIWAN)
    _, before = await city.post("/vehicles/query", question)
    await city.issue(MACAO)
    await city.issue(TAIWAN, name="陳小文")
    assert (await city.post("/vehicles/query", question))[1] == before


async def test_a_mother_with_a_permit_has_her_childs_certificate(city: Client) -> None:
    await city.issue(MACAO)
    told = {"mother_id": MACAO.number, "sex": "FEMALE", "name": "陳小寶"}
    _, made = await city.post("/_control/birth-register/births", told)
    certificate = {"certificate_no": made["certificate_no"]}
    _, found = await city.post(BIRTHS, asked("06", MACAO))
    assert [one["certificate_no"] for one in found["births"]] == [made["certificate_no"]]
    verified = await city.post("/police/births/verify", certificate | {"parent_no": MACAO.number})
    assert verified[1]["result"] == "CONFIRMED"
    _, given = await city.post("/_control/police/households", certificate)
    family = {"parent_resident_id": MACAO.number, "child_resident_id": given["resident_id"]}
    assert (await city.post("/police/family/verify", family))[1]["result"] == "CONFIRMED"
    other = family | {"parent_resident_id": "M87654321"}
    assert (await city.post("/police/family/verify", other))[1]["result"] == "NOT_CONFIRMED"


async def test_a_newborns_health_card_stays_when_it_is_given_a_number(city: Client) -> None:
    told = {"mother_id": (await city.person("parent"))["resident_id"], "sex": "MALE"}
    _, made = await city.post("/_control/birth-register/births", told)
    number = made["certificate_no"]
    by_certificate = {"document_type": "99", "document_no": number, "consent_ref": "c-1"}
    status, card = await city.post("/ehealth-card/cards", by_certificate | {"name": "贾小宝"})
    assert status == 200
    _, given = await city.post("/_control/police/households", {"certificate_no": number})
    by_number = {"document_type": "01", "document_no": given["resident_id"], "consent_ref": "c-1"}
    for question in (by_certificate, by_number):
        assert await city.post("/ehealth-card/cards/query", question) == (200, card)


async def test_a_licence_is_issued_to_the_holder_of_a_permit_once(city: Client) -> None:
    await city.issue(TAIWAN)
    order = {
        "case_no": "JZZ20261123000009",
        "document_type": "511",
        "document_no": TAIWAN.number,
        "kind": "permit",
        "name": {"zh": "许可", "en": "Permit"},
        "issuer_zh": "某局",
        "valid_until": None,
    }
    issued = await city.post("/e-licences/licences", order)
    assert issued[0] == 200 and issued == await city.post("/e-licences/licences", order)
    fields = {field["name"]: field["value"] for field in issued[1]["fields"]}
    assert fields["document_no"] == TAIWAN.number and "resident_id" not in fields
    _, wallet = await city.post("/e-licences/licences/query", asked("511", TAIWAN))
    kinds = [one["kind"] for one in wallet["licences"]]
    assert "permit" in kinds and "social_card" in kinds and "resident_card" not in kinds


async def test_a_withdrawal_of_a_permit_holder_is_paid_from_their_own_account(
    city: Client,
) -> None:
    await city.issue(MACAO)
    question = asked("99", MACAO)
    _, before = await city.post("/housing-fund/withdrawals/query", question)
    order = {
        "case_no": "GJJTQ-M-1",
        "document_type": "99",
        "document_no": MACAO.number,
        "purpose": "ILLNESS",
        "amount_fen": 100,
        "card_no": "6222020000000000",
    }
    assert (await city.post("/housing-fund/withdrawals", order))[1]["status"] == "PAID"
    await city.issue(TAIWAN)
    stolen = order | {"document_no": TAIWAN.number}
    assert (await city.post("/housing-fund/withdrawals", stolen))[0] in (404, 409)
    _, after = await city.post("/housing-fund/withdrawals/query", question)
    assert after["balance_fen"] == before["balance_fen"] - 100


async def test_a_child_with_a_permit_has_parents_and_a_school(city: Client) -> None:
    child = Document(DocumentKind.TAIWAN_PERMIT, "31415926", date(2017, 6, 8))
    mother = (await city.person("parent"))["resident_id"]
    await city.issue(MACAO)
    await city.issue(child, "陳小文", [mother, MACAO.number])
    for parent, result in (
        (mother, "CONFIRMED"),
        (MACAO.number, "CONFIRMED"),
        ((await city.person("citizen"))["resident_id"], "NOT_CONFIRMED"),
    ):
        family = {"parent_resident_id": parent, "child_resident_id": child.number}
        assert (await city.post("/police/family/verify", family))[1]["result"] == result
    unknown = {"parent_resident_id": mother, "child_resident_id": "H87654321"}
    assert (await city.post("/police/family/verify", unknown))[1]["result"] == "NOT_CONFIRMED"
    status, enrolled = await city.post("/schools/pupils/query", asked("8", child))
    assert status == 200 and enrolled["school_code"]


async def test_hospitals_know_a_permit_by_its_identifier(city: Client) -> None:
    await city.issue(MACAO)
    path, system = "/hospital-records/h2/fhir/Patient/_search", "hk-macao-permit"
    for number, found in ((MACAO.number, True), ("M87654321", False)):
        form = {"identifier": f"urn:quancheng:document:{system}|{number}"}
        async with city.http.post(path, data=form) as answer:
            bundle = await answer.json(content_type=None)
        assert answer.status == 200 and bool(bundle.get("entry")) is found
    desk = {"resident_id": MACAO.number}
    assert (await city.post("/_control/hospital-queue/h2/tickets", desk))[0] == 201
    _, waiting = await city.post("/hospital-queue/h2/tickets/query", asked("06", MACAO))
    assert len(waiting["tickets"]) == 1
