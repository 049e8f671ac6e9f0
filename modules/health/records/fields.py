"""What FHIR's elements say, in the module's own types; the resources have been checked before."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from core.clock import SHANGHAI
from core.standards.fhir_bundle import Data, codes_of, text_of
from core.standards.fhir_date import parse_date
from core.standards.fhir_json import Number
from modules.health.records.domain import (
    NO_DATE,
    ClinicalDate,
    DateBasis,
    Measure,
    Quantity,
    ReferenceRange,
)

UCUM = "http://unitsofmeasure.org"
CRITICAL = frozenset({"HH", "LL", "AA"})
"""Critically high, low, abnormal (http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation)."""
ORDINARY_LABELS = frozenset({"U", "L", "M", "N", "HTEST"})
"""Security labels that hide nothing: confidentiality up to normal (HL7 v3 Confidentiality), test
data. Any other is a restriction: R, V, and the sensitivities of v3-ActCode such as HIV, PSY, SUD
(https://hl7.org/fhir/R4/security-labels.html)."""
_EFFECTIVE = ("effectiveDateTime", "effectiveInstant", "performedDateTime", "occurrenceDateTime",
              "onsetDateTime", "authoredOn", "recordedDate")  # fmt: skip
_PERIODS = ("effectivePeriod", "performedPeriod", "onsetPeriod", "period")


def date_of(data: Data) -> ClinicalDate:
    """When it was observed, else when it was issued; a date that is in no calendar is unknown."""
    texts = [data.get(name) for name in _EFFECTIVE]
    periods = [data.get(name) or {} for name in _PERIODS]
    texts += [part for period in periods for part in (period.get("end"), period.get("start"))]
    for text in filter(None, texts):
        return _date(text, DateBasis.OBSERVED)
    issued = data.get("issued") or data.get("date") or data.get("created")
    return _date(issued, DateBasis.ISSUED) if issued else NO_DATE


def changed_at(data: Data) -> float:
    """When this version was made: by the server's mark, else as it was issued, else unknown."""
    for text in (data.get("issued"), data.get("meta", {}).get("lastUpdated")):
        if text and (at := _moment(text)):
            return at.timestamp()
    return float("-inf")


def labels_of(data: Data) -> Sequence[str]:
    """The security labels of a resource that hide it."""
    codes = (coding.get("code", "?") for coding in data.get("meta", {}).get("security", ()))
    return [str(code) for code in codes if code not in ORDINARY_LABELS]


def quantity_of(data: Data | None) -> Quantity | None:
    """A Quantity, its number as it was written; None without a number."""
    if not data or not isinstance(data.get("value"), Number):
        return None
    code = data.get("code") if data.get("system") == UCUM else None
    unit = data.get("unit") or data.get("code")
    return Quantity(data["value"].text, data.get("comparator"), unit, code)


def measure_of(data: Data) -> Measure:
    """The value of an Observation or of one of its components."""
    code = next(codes_of([data["code"]]), None)
    quantity = quantity_of(data.get("valueQuantity"))
    marks = [mark for _, mark in codes_of(data.get("interpretation", ()))]
    marks = marks or list(filter(None, map(text_of, data.get("interpretation", ()))))
    return Measure(
        name=text_of(data["code"]),
        code=code[1] if code else None,
        code_system=code[0] or None if code else None,
        text=quantity.shown if quantity else _value_text(data),
        quantity=quantity,
        ranges=[_range(one) for one in data.get("referenceRange", ())],
        interpretation=marks,
        is_critical=not CRITICAL.isdisjoint(marks),
        absent=text_of(data.get("dataAbsentReason")) or None,
    )


def note_of(data: Data) -> str | None:
    """The notes on a resource."""
    return "\n".join(note["text"] for note in data.get("note", ()) if note.get("text")) or None


def first_text(concepts: Iterable[Data]) -> str:
    """The first text that some concepts have."""
    return next(filter(None, map(text_of, concepts)), "")


def _value_text(data: Data) -> str | None:
    """A value that is no Quantity, in words."""
    name = next((name for name in data if name.startswith("value")), None)
    value: Any = None if name is None else data[name]
    if name == "valueCodeableConcept":
        return text_of(value) or None
    if name == "valueBoolean":
        return "阳性 / positive" if value else "阴性 / negative"
    if name == "valueRange":
        return _between(quantity_of(value.get("low")), quantity_of(value.get("high")))
    if name == "valueRatio":
        parts = [quantity_of(value.get(part)) for part in ("numerator", "denominator")]
        return ":".join(part.shown if part else "?" for part in parts)
    if name == "valuePeriod":
        return f"{value.get('start', '')} – {value.get('end', '')}"
    if isinstance(value, Number):
        return value.text
    return value if isinstance(value, str) else None


def _range(data: Data) -> ReferenceRange:
    low, high = quantity_of(data.get("low")), quantity_of(data.get("high"))
    return ReferenceRange(
        low, high, data.get("text"), first_text(data.get("appliesTo", ())) or None
    )


def _between(low: Quantity | None, high: Quantity | None) -> str | None:
    shown = [one.shown if one else "" for one in (low, high)]
    return " – ".join(shown) if any(shown) else None


def _date(text: str, basis: DateBasis) -> ClinicalDate:
    try:
        return ClinicalDate(text, basis, parse_date(text, SHANGHAI).before)
    except ValueError:
        return NO_DATE


def _moment(text: str) -> datetime | None:
    try:
        return parse_date(text, SHANGHAI).before
    except ValueError:
        return None
