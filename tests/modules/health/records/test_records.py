"""What hospitals send of a person, read and merged; what went wrong elsewhere, and odd input."""

from typing import Any

import pytest

from core.standards import fhir_json
from core.standards.fhir_bundle import Page, read_page
from core.standards.fhir_json import Number
from core.texts import Named
from modules.health.hospitals.identifiers import IDENTIFIERS, RESIDENT_ID_SYSTEM
from modules.health.records.domain import DateBasis, EntryKind, Received, Report, Source
from modules.health.records.merge import merge_entries, merge_reports
from modules.health.records.reading import patient_refs, read_received
from modules.health.reports.domain import is_critical, trends_of

MINE = "500099198805170011"
MY_IDENTIFIER = RESIDENT_ID_SYSTEM, MINE
LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
MARKS = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
MORNING = "2026-11-20T08:00:00+08:00"


def patient(id_: str = "p1", number: str | None = MINE, **elements: Any) -> dict[str, Any]:
    identifiers = [{"system": RESIDENT_ID_SYSTEM, "value": number}]
    told = {"identifier": identifiers} if number else {}
    return {"resourceType": "Patient", "id": id_, **told, **elements}


def observation(id_: str, value: str, unit: str = "mmol/L", **elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": "14771-0"}], "text": "血糖"},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": MORNING,
        "valueQuantity": {"value": Number(value), "unit": unit, "system": UCUM, "code": unit},
    } | elements


def report(id_: str, *results: str, **elements: Any) -> dict[str, Any]:
    return (
        {
            "resourceType": "DiagnosticReport",
            "id": id_,
            "status": "final",
            "code": {"text": "血糖"},
            "subject": {"reference": "Patient/p1"},
            "effectiveDateTime": MORNING,
        }
        | ({"result": [{"reference": f"Observation/{one}"} for one in results]} if results else {})
        | elements
    )


def page(*resources: dict[str, Any]) -> Page:
    entries = [{"resource": resource} for resource in resources]
    text = fhir_json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entries})
    return read_page(text.encode())


def received(*resources: dict[str, Any], hospital: str = "h1") -> Received:
    pages = [page(patient(), *resources)]
    return read_received(hospital, MY_IDENTIFIER, pages, truncated=False)


def only(*resources: dict[str, Any]) -> Report:
    (found,) = received(*resources).reports
    return found


def identified(value: str) -> dict[str, Any]:
    return {"identifier": [{"system": "urn:lab", "value": value}]}


def without(resource: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name not in names}


@pytest.mark.parametrize("value", ["6.30", "19", "19.00", "0.10", "1.50e2"])
def test_a_value_is_shown_as_it_was_sent(value: str) -> None:
    (result,) = only(report("r", "o"), observation("o", value)).results
    (measure,) = result.measures
    assert measure.quantity is not None
    assert (measure.quantity.value, measure.text) == (value, f"{value} mmol/L")


def test_a_report_without_a_time_of_its_own_has_that_of_its_issue_or_none() -> None:
    issued = {"issued": "2026-11-28T00:30:00+08:00"}
    bare = without(report("r"), "effectiveDateTime")
    found = only(bare | issued).at
    assert (found.text, found.basis) == (issued["issued"], DateBasis.ISSUED)
    none = only(bare).at
    assert (none.text, none.basis) == (None, DateBasis.UNKNOWN)
    partial = only(bare | {"effectiveDateTime": "2024-05"}).at
    assert (partial.text, partial.basis) == ("2024-05", DateBasis.OBSERVED)


def test_a_partial_date_sorts_within_its_month_and_no_date_comes_last() -> None:
    dates = ["2024-05-31", "2024-05", "2024-06-01", None, "2019", "2024-04-30"]
    reports = [
        without(report(f"r{n}"), "effectiveDateTime")
        | ({"effectiveDateTime": date} if date else {})
        for n, date in enumerate(dates)
    ]
    merged = merge_reports(received(*reports).reports)
    shown = [one.report.at.text for one in merged]
    assert shown[0] == "2024-06-01" and shown[-3:] == ["2024-04-30", "2019", None]
    assert set(shown[1:3]) == {"2024-05", "2024-05-31"}


def test_units_are_never_mixed_nor_converted() -> None:
    # afairgiant/MediKeep#797; MG/DL is no UCUM: it stands as it was sent
    values = [("a", "5.6", "mmol/L"), ("b", "101", "mg/dL"), ("c", "5.60", "mmol/L"),
              ("d", "99", "MG/DL")]  # fmt: skip
    source = Source("h1", Named("甲", "A"))
    sent = received(
        report("r", *(id_ for id_, _, _ in values)),
        *(observation(id_, value, unit) for id_, value, unit in values),
    )
    trends = trends_of([(one, source) for one in sent.reports], "14771-0")
    assert {t.unit: [p.quantity.value for p in t.points] for t in trends} == {
        "mmol/L": ["5.6", "5.60"],
        "mg/dL": ["101"],
        "MG/DL": ["99"],
    }


def test_a_report_that_is_sent_on_is_one_with_two_sources() -> None:
    # NHSDigital/NHSEngland-FHIR-SCR-IPS#48: the identifier of the source makes copies one
    first = received(report("r1", "o", **identified("7")), observation("o", "5.6"))
    second = received(report("x9", "o", **identified("7")), observation("o", "5.6"), hospital="h2")
    (merged,) = merge_reports([*first.reports, *second.reports])
    assert {merged.report.hospital_ref, *merged.also_at} == {"h1", "h2"}
    assert merged.replaces == 0


def test_one_order_that_two_hospitals_answer_is_one_report() -> None:
    order = {"basedOn": [{"identifier": {"system": "urn:orders", "value": "A1"}}]}
    every = [
        *received(report("r1", **order)).reports,
        *received(report("r2", **order), hospital="h2").reports,
        *received(report("r3", code={"text": "尿常规"}, **order), hospital="h3").reports,
    ]
    assert sorted(len(one.also_at) for one in merge_reports(every)) == [0, 1]


def test_what_only_looks_alike_is_told_and_not_merged() -> None:
    # metriport#4476
    later = {"effectiveDateTime": "2026-11-21T08:00:00+08:00"}
    first = received(report("r1", "o"), observation("o", "5.6"))
    alike = received(report("r2", "o"), observation("o", "5.6"), hospital="h2")
    other_time = received(report("r3", "o"), observation("o", "5.6", **later), hospital="h3")
    other_digits = received(report("r4", "o"), observation("o", "5.60"), hospital="h4")
    sent = [first, alike, other_time, other_digits]
    merged = merge_reports(report for one in sent for report in one.reports)
    assert len(merged) == 4
    similar = {one.report.hospital_ref: len(one.similar) for one in merged}
    assert similar == {"h1": 1, "h2": 1, "h3": 0, "h4": 0}


@pytest.mark.parametrize("status", ["amended", "corrected", "appended"])
def test_a_changed_version_replaces_the_one_before(status: str) -> None:
    old = report("r", **identified("7"), issued="2026-11-20T10:00:00+08:00")
    new = report("r2", **identified("7"), issued="2026-11-21T10:00:00+08:00", status=status)
    (merged,) = merge_reports(received(new, old).reports)
    assert (merged.report.status, merged.replaces) == (status, 1)


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_what_was_taken_back_is_gone_wherever_it_was_sent_on(status: str) -> None:
    old = report("r", **identified("7"), issued="2026-11-20T10:00:00+08:00")
    gone = report("r", **identified("7"), issued="2026-11-21T10:00:00+08:00", status=status)
    every = [*received(gone).reports, *received(old, hospital="h2").reports]
    assert merge_reports(every) == []
    results = only(report("r", "a"), observation("a", "1", status=status)).results
    assert results == []


def test_a_critical_value_is_marked_as_the_laboratory_did() -> None:
    mark = {"interpretation": [{"coding": [{"system": MARKS, "code": "HH"}]}]}
    assert is_critical(only(report("r", "o"), observation("o", "6.70", **mark)))
    assert not is_critical(only(report("r", "o"), observation("o", "1200")))


@pytest.mark.parametrize(
    ("systolic", "diastolic", "unit", "flags"),
    [
        ("1200", "80", "mm[Hg]", [True, False]),
        ("80", "120", "mm[Hg]", [True, True]),
        ("300", "215", "mmHg", [False, False]),
        ("16.0", "10.6", "kPa", [False, False]),
        ("38.50", "25.0", "mm[Hg]", [False, False]),  # a shock is no mistake
    ],
)
def test_a_pressure_that_cannot_be_is_shown_as_sent_and_marked(
    systolic: str, diastolic: str, unit: str, flags: list[bool]
) -> None:
    # afairgiant/MediKeep#797; what people type themselves is refused: test_hypertension
    parts = [
        {
            "code": {"coding": [{"system": LOINC, "code": code}]},
            "valueQuantity": observation("x", value, unit)["valueQuantity"],
        }
        for code, value in (("8480-6", systolic), ("8462-4", diastolic))
    ]
    panel = without(observation("o", "1"), "valueQuantity") | {"component": parts}
    (result,) = only(report("r", "o"), panel).results
    assert [one.is_implausible for one in result.measures] == flags
    values = [one.quantity.value for one in result.measures if one.quantity]
    assert values == [systolic, diastolic]
    (entry,) = [one for one in received(panel).entries if one.kind is EntryKind.MEASUREMENT]
    assert (entry.detail or "").count("存疑") == sum(flags)


def test_a_report_of_nobody_or_of_somebody_else_is_set_aside_and_counted() -> None:
    other = patient("p2", "500099198805170038")
    sent = received(
        other,
        report("mine"),
        without(report("nobody"), "subject"),
        report("theirs", subject={"reference": "Patient/p2"}),
        report("lost", subject={"reference": "Patient/nowhere"}),
        report("r5") | {"status": "modified", "supportingInfo": []},
    )
    assert len(sent.reports) == 1
    assert sent.set_aside == 4
    mixed = received(
        other, report("r", "o"), observation("o", "1", subject={"reference": "Patient/p2"})
    )
    assert mixed.reports[0].results == [] and mixed.reports[0].missing_results == 1


def test_eight_digits_are_a_permits_where_the_system_says_so() -> None:
    """A hospital's own number of another patient may be the same."""
    system, number = IDENTIFIERS.taiwan, "12345678"
    reports = [
        report(name, subject={"identifier": identifier})
        for name, identifier in (
            ("mine", {"system": system, "value": number}),
            ("bare", {"value": number}),
            ("other", {"system": "urn:sandbox:h1:mrn", "value": number}),
        )
    ]
    sent = read_received("h1", (system, number), [page(*reports)], truncated=False)
    assert (len(sent.reports), sent.set_aside) == (2, 1)
    patients = [
        patient("p1", None, identifier=[{"system": system, "value": number}]),
        patient("p2", None, identifier=[{"system": "urn:sandbox:h1:mrn", "value": number}]),
    ]
    assert patient_refs((system, number), [page(*patients)]) == ["p1"]


def test_odd_but_good_resources_are_read() -> None:
    contained = {
        "contained": [observation("in", "4.40") | {"id": "in"}],
        "result": [{"reference": "#in"}, {"reference": "Observation/none"}],
        "extension": [{"url": "urn:unknown", "valueString": "x"}],
        "subject": {"identifier": {"system": RESIDENT_ID_SYSTEM, "value": MINE}},
    }
    found = only(report("r", **contained))
    assert [m.text for one in found.results for m in one.measures] == ["4.40 mmol/L"]
    assert found.missing_results == 1
    words = without(observation("w", "1"), "valueQuantity") | {"valueString": "未检出"}
    (result,) = only(report("r", "w"), words).results
    assert result.measures[0].text == "未检出"


def test_a_panel_brings_its_members_and_a_circle_ends() -> None:
    parts = [{"code": {"text": name}, "valueQuantity": {"value": Number(value)}}
             for name, value in (("收缩压", "138"), ("舒张压", "86"))]  # fmt: skip
    pressure = without(observation("bp", "1"), "valueQuantity") | {"component": parts}
    panel = without(observation("all", "1"), "valueQuantity") | {
        "hasMember": [{"reference": "Observation/bp"}, {"reference": "Observation/all"}]
    }
    (result,) = only(report("r", "all"), panel, pressure).results
    assert [m.text for m in result.measures if m.name != "血糖"] == ["138", "86"]


def test_numbers_that_were_merged_are_one_person() -> None:
    old = patient("p0", None, link=[{"other": {"reference": "Patient/p1"}, "type": "replaced-by"}])
    stranger = patient("p9", "500099198805170038")
    pages = [page(old, patient(), stranger)]
    assert patient_refs(MY_IDENTIFIER, pages) == ["p1", "p0"]
    sent = received(old, report("r", subject={"reference": "Patient/p0"}))
    assert len(sent.reports) == 1 and sent.set_aside == 0


def test_files_are_those_of_the_hospitals_own_server() -> None:
    forms = [{"url": "Binary/b1", "contentType": "application/pdf", "title": "报告单"},
             {"url": "https://elsewhere.example/x.pdf"}, {"url": "Binary/../../b"}]  # fmt: skip
    found = only(report("r", presentedForm=forms)).files
    assert [one.ref for one in found] == ["h1|b1"]


def test_a_resource_that_two_pages_bring_is_read_once() -> None:
    pages = [page(patient(), report("r")), page(patient(), report("r"))]
    assert len(read_received("h1", MY_IDENTIFIER, pages, truncated=False).reports) == 1


def test_labels_come_with_reports_results_and_entries() -> None:
    label = {"meta": {"security": [{"code": "HIV"}, {"code": "N"}]}}
    found = only(report("r", "o", **label), observation("o", "1", **label))
    assert found.labels == found.results[0].labels == ["HIV"]
    (entry,) = received(report("r", **label)).entries
    assert entry.labels == ["HIV"]


def test_a_label_of_a_member_of_a_file_or_of_the_patient_covers_what_it_is_part_of() -> None:
    label = {"meta": {"security": [{"code": "PSY"}]}}
    panel = observation("all", "1", hasMember=[{"reference": "Observation/in"}])
    media = {"resourceType": "Media", "id": "m", "status": "completed",
             "content": {"url": "Binary/b"}} | label  # fmt: skip
    pictured = report("r", "all", media=[{"link": {"reference": "Media/m"}}])
    found = only(pictured, panel, observation("in", "2", **label), media)
    assert (found.labels, found.results[0].labels, found.files[0].labels) == ([], ["PSY"], ["PSY"])
    whole = {"meta": {"security": [{"code": "VIP"}]}}
    pages = [page(patient(**whole), report("r"))]
    (report_of_vip,) = read_received("h1", MY_IDENTIFIER, pages, truncated=False).reports
    assert report_of_vip.labels == ["VIP"]


def test_the_record_has_an_entry_for_each_thing() -> None:
    subject = {"reference": "Patient/p1"}
    condition = {"resourceType": "Condition", "id": "c", "subject": subject,
                 "code": {"text": "高血压"}, "onsetDateTime": "2019"}  # fmt: skip
    wrong = condition | {
        "id": "w",
        "verificationStatus": {"coding": [{"code": "entered-in-error"}]},
    }
    drug = {"resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order",
            "subject": subject, "medicationReference": {"reference": "#d"},
            "contained": [{"resourceType": "Medication", "id": "d",
                           "code": {"text": "氨氯地平"}}]}  # fmt: skip
    plan = {"resourceType": "CarePlan", "id": "p", "status": "active", "intent": "plan",
            "subject": subject, "category": [{"text": "出院计划"}], "created": "2018-03",
            "activity": [{"detail": {"status": "scheduled", "description": "复查"}},
                         {"reference": {"display": "elsewhere"}}]}  # fmt: skip
    ended = plan | {"id": "q", "status": "revoked"}
    sent = received(condition, wrong, drug, plan, ended, report("r", "o"), observation("o", "1"))
    shown = [(entry.kind, entry.title, entry.at.text) for entry, _ in merge_entries(sent.entries)]
    assert shown == [
        (EntryKind.REPORT, "血糖", MORNING),
        (EntryKind.DIAGNOSIS, "高血压", "2019"),
        (EntryKind.PLAN, "出院计划", "2018-03"),
        (EntryKind.MEDICATION, "氨氯地平", None),
    ]
