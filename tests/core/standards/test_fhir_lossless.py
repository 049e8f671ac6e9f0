"""Reading FHIR without loss: numbers, structure, partial dates, pages, references."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from hypothesis import given
from hypothesis import strategies as st

from core.clock import SHANGHAI
from core.standards import fhir, fhir_check, fhir_json
from core.standards.fhir_bundle import (
    Index,
    Resource,
    identifiers_of,
    outcome_codes,
    read_page,
    text_of,
)
from core.standards.fhir_date import parse_date
from core.standards.fhir_json import Number
from tests.shared_data import shared

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9][-+.0-9eE]*|true|false|null|[{}\[\],:]')
OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "code": {"text": "血糖"},
    "subject": {"reference": "Patient/p1"},
    "valueQuantity": {"value": Number("6.30"), "unit": "mmol/L"},
}


def _tokens(text: str) -> list[object]:
    """What a JSON text says: its strings unescaped, its numbers as they are written."""
    found = _TOKEN.findall(text)
    return [fhir_json.loads(token) if token.startswith('"') else token for token in found]


def test_the_examples_of_hl7_lose_no_character_of_a_value_and_are_valid() -> None:
    files = sorted(shared("fhir").glob("*.json"))
    assert len(files) >= 31
    for file in files:
        text = file.read_text(encoding="utf-8-sig")
        resource = fhir_json.loads(text)
        assert _tokens(fhir_json.dumps(resource)) == _tokens(text), file.name
        assert list(fhir_check.find_faults(resource)) == [], file.name


@given(
    st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,12})?([eE][-+]?[0-9]{1,3})?", fullmatch=True)
)
def test_a_number_keeps_every_character(text: str) -> None:
    assert fhir_json.dumps(fhir_json.loads(f'{{"value": {text}}}')) == f'{{"value":{text}}}'


def test_numbers_that_differ_in_their_digits_are_three_values() -> None:
    # nazrulworld/fhir.resources#203: 6.30 became 6.3
    values = fhir_json.loads("[19, 19.0, 19.00, 6.30]")
    assert [value.text for value in values] == ["19", "19.0", "19.00", "6.30"]
    assert len(set(values)) == 4
    assert values[0].value == values[2].value
    assert [value.is_integer for value in values] == [True, False, False, False]


@pytest.mark.parametrize("text", ["NaN", '{"a": Infinity}', "{", "[" * 100_000])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        fhir_json.loads(text)
    with pytest.raises(ValueError):
        Number("1e99999999999999999999").value  # noqa: B018


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"status": "done"}, None),  # the list of codes is cut short in the library
        ({"status": None}, "Observation.status"),
        ({"code": None}, "Observation.code"),
        ({"triggeredBy": []}, "Observation.triggeredBy"),  # of R5
        ({"valueString": "x"}, "Observation.value[x]"),
        ({"category": {"text": "lab"}}, "Observation.category"),
        ({"note": []}, "Observation.note"),
        ({"effectiveDateTime": "2024-5"}, "Observation.effectiveDateTime"),
        ({"effectiveDateTime": "2024-05-01T10:00:00"}, "Observation.effectiveDateTime"),
        ({"issued": "2024-05-01"}, "Observation.issued"),
        ({"id": "a b"}, "Observation.id"),
        ({"subject": {"reference": 7}}, "Observation.subject.reference"),
        ({"valueQuantity": {"value": "6.3"}}, "Observation.valueQuantity.value"),
        ({"contained": [{"resourceType": "Nothing"}]}, "Observation.contained"),
        ({"meta": {"security": [{"code": ""}]}}, "Observation.meta.security.code"),
    ],
)
def test_a_fault_is_told_by_its_place(change: dict[str, Any], place: str | None) -> None:
    resource = {name: value for name, value in (OBSERVATION | change).items() if value is not None}
    found = list(fhir_check.find_faults(resource))
    assert found == ([] if place is None else [place])


def test_what_hospitals_really_send_is_valid() -> None:
    odd = OBSERVATION | {
        "effectiveDateTime": "2019",
        "extension": [{"url": "urn:unknown", "valueDecimal": Number("0.10")}],
        "_status": {"extension": [{"url": "urn:unknown", "valueString": "x"}]},
        "contained": [{"resourceType": "Patient", "id": "p", "name": [{"text": "甄䶮"}]}],
    }
    assert fhir_check.is_valid(odd)
    for text in ("", None, [], {"resourceType": "Quantity", "value": Number("1")}):
        assert not fhir_check.is_valid(text)


@pytest.mark.parametrize("status", ["amended", "corrected", "appended", "cancelled"])
def test_codes_beyond_those_that_the_library_lists_are_allowed(status: str) -> None:
    report = {"resourceType": "DiagnosticReport", "status": status, "code": {"text": "x"}}
    assert fhir.parse("DiagnosticReport", report).status == status
    assert fhir_check.is_valid(report)


def _day(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=SHANGHAI).astimezone(UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("text", "earliest", "before"),
    [
        ("2019", _day(2019, 1, 1), _day(2020, 1, 1)),
        ("2024-05", _day(2024, 5, 1), _day(2024, 6, 1)),
        ("2024-12", _day(2024, 12, 1), _day(2025, 1, 1)),
        ("2024-02-29", _day(2024, 2, 29), _day(2024, 3, 1)),
    ],
)
def test_a_partial_date_stands_for_all_of_its_time(
    text: str, earliest: datetime, before: datetime
) -> None:
    found = parse_date(text, SHANGHAI)
    assert (found.text, found.earliest, found.before) == (text, earliest, before)
    assert not found.is_moment


def test_a_moment_is_of_its_own_zone_and_no_date_is_made_up() -> None:
    found = parse_date("2026-11-28T00:30:00+08:00", SHANGHAI)
    assert found.is_moment and found.earliest == datetime(2026, 11, 27, 16, 30, tzinfo=UTC)
    assert parse_date("2016-12-31T23:59:60Z", SHANGHAI).earliest.second == 59
    for text in ("2026-02-30", "2026-11-28T00:30:00", "0001-01-01", "9999", "2026-13"):
        with pytest.raises(ValueError):
            parse_date(text, SHANGHAI)


def _bundle(*resources: object, link: list[dict[str, str]] | None = None) -> bytes:
    entries = [{"resource": resource} for resource in resources]
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": entries, "link": link or []}
    return fhir_json.dumps(bundle).encode()


def test_a_page_keeps_its_bytes_and_sets_bad_entries_aside() -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": []}
    link = [{"relation": "self", "url": "a"}, {"relation": "next", "url": "b"}]
    received = _bundle(OBSERVATION, OBSERVATION | {"status": 1}, None, link=link)
    page = read_page(received)
    assert [one.id for one in page.resources] == ["o1"]
    assert (page.set_aside, page.next_url, page.received) == (2, "b", received)
    whole = {"resource": outcome, "search": {"mode": "outcome"}}
    text = fhir_json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": [whole]})
    assert read_page(text.encode()).set_aside == 0
    for bad in (b"[]", b'{"resourceType": "Patient"}', b'{"resourceType": "Bundle", "entry": {}}'):
        with pytest.raises(ValueError):
            read_page(bad)


def test_what_is_valid_here_is_valid_for_the_library_too() -> None:
    page = read_page(_bundle(OBSERVATION))
    assert Bundle.model_validate_json(page.received).entry[0].resource.id == "o1"


def test_references_lead_to_what_was_sent_and_to_nothing_else() -> None:
    contained = {"resourceType": "Patient", "id": "p"}
    one = Resource(OBSERVATION | {"contained": [contained]}, "https://h/fhir/Observation/o1")
    index = Index([one])

    def find(text: str) -> object:
        return index.find({"reference": text}, one)

    assert find("Observation/o1") is find("https://h/fhir/Observation/o1") is one.data
    assert find("Observation/o1/_history/2") is one.data
    assert find("#p") == contained
    assert find("#q") is find("Patient/none") is find("") is None


def test_texts_and_identifiers() -> None:
    assert text_of({"coding": [{"code": "1"}, {"display": "血糖"}]}) == "血糖"
    assert text_of({"coding": [{"code": "1"}]}) == "1"
    assert text_of(None) == ""
    identifiers = [{"system": "s", "value": "1"}, {"value": "2"}]
    assert list(identifiers_of({"identifier": identifiers})) == [("s", "1")]


def test_of_a_refusal_the_kinds_of_issue_are_told_and_never_the_words() -> None:
    issues = [{"code": "not-supported", "diagnostics": "甄示范"}, {"code": "Herr Zhen"}]
    body = fhir_json.dumps({"resourceType": "OperationOutcome", "issue": issues}).encode()
    assert outcome_codes(body) == ["not-supported"]
    assert outcome_codes(b"<html>") == outcome_codes(b"{}") == outcome_codes(b"[]") == []
