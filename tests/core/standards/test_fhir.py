"""FHIR resources: what is refused, and that nothing is lost on the way through."""

import copy
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from core.standards import fhir
from core.standards.fhir import FhirInvalid
from tests.shared_data import SHARED

SLOT = {
    "resourceType": "Slot",
    "id": "s1",
    "schedule": {"reference": "Schedule/1"},
    "status": "free",
    "start": "2026-11-24T01:00:00Z",
    "end": "2026-11-24T01:15:00Z",
}
BOOKED = {
    "status": "booked",
    "participant": [{"actor": {"display": "甄示范"}, "status": "accepted"}],
}
EXAMPLES = SHARED / "data" / "fhir"


def test_a_good_resource_survives_the_round_trip() -> None:
    assert fhir.dump(fhir.parse("Slot", SLOT)) == SLOT


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"status": "nonsense"}, "Slot.status"),
        ({"status": "FREE"}, "Slot.status"),
        ({"end": None}, "end"),
        ({"start": "yesterday"}, "start"),
        ({"colour": "red"}, "colour"),
        ({"schedule": {"reference": "Schedule/1", "identifier": {"use": "mine"}}}, "use"),
        ({"resourceType": "Schedule"}, "not a Slot"),
    ],
)
def test_what_a_slot_may_not_be(change: dict[str, Any], place: str) -> None:
    data = {k: v for k, v in (copy.deepcopy(SLOT) | change).items() if v is not None}
    with pytest.raises(FhirInvalid, match=place):
        fhir.parse("Slot", data)


@pytest.mark.parametrize("data", [None, [], "Slot", 7, {}, {"resourceType": 3}])
def test_what_is_no_resource_at_all(data: object) -> None:
    with pytest.raises(FhirInvalid):
        fhir.parse("Slot", data)


def test_bindings_are_checked_all_the_way_down() -> None:
    good = fhir.build("Appointment", BOOKED)
    assert good["participant"][0]["status"] == "accepted"
    bad = copy.deepcopy(BOOKED)
    bad["participant"][0]["status"] = "maybe"  # type: ignore[index]
    with pytest.raises(FhirInvalid, match=r"Appointment.participant.status"):
        fhir.build("Appointment", bad)
    bundle = {
        "resourceType": "Bundle",
        "type": "searchset",
        "entry": [{"resource": SLOT | {"status": "nonsense"}}],
    }
    with pytest.raises(FhirInvalid, match=r"Bundle.entry.resource.status"):
        fhir.parse("Bundle", bundle)


def test_errors_tell_elements_never_values() -> None:
    with pytest.raises(FhirInvalid) as refused:
        fhir.parse("Slot", SLOT | {"start": "110101199001011234"})
    assert "110101199001011234" not in str(refused.value)


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("Slot/17", "17"),
        ("https://example.org/fhir/Slot/17", "17"),
        ("https://example.org/fhir/Slot/17/_history/2", "17"),
    ],
)
def test_references(reference: str, found: str) -> None:
    assert fhir.reference_id(reference, "Slot") == found


@pytest.mark.parametrize("reference", ["", "Slot", "Slot/", "Schedule/17", "#contained"])
def test_what_is_no_reference_to_a_slot(reference: str) -> None:
    with pytest.raises(FhirInvalid):
        fhir.reference_id(reference, "Slot")


@pytest.mark.parametrize("text", ["", ".", "..", "a/b", "a b", "x" * 65, "ü", "a?b"])
def test_what_is_no_id(text: str) -> None:
    assert not fhir.is_id(text)


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the standard's examples are not beside us")
@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_the_standards_own_examples(path: Path) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    resource = fhir.parse(data["resourceType"], data)
    sent = fhir.dump(resource)
    assert dict(_leaves(sent)) == dict(_leaves(data)), "nothing is lost or made up on the way"
    assert fhir.parse(data["resourceType"], sent) == resource


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, object]]:
    """Every value with its place; moments and numbers by what they mean, not how it is written."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _leaves(member, f"{place}.{name}")
    elif isinstance(value, list):
        for number, member in enumerate(value):
            yield from _leaves(member, f"{place}[{number}]")
    elif isinstance(value, str) and "T" in value and value[:4].isdigit():
        yield place, datetime.fromisoformat(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield place, float(value)
    else:
        yield place, value
