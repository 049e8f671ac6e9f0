"""What the hospitals recorded of a person: made from the seed, with what real servers do wrong.

h1 knows some people under two numbers that were merged; h2 sends on what h1 examined; h3 measures
glucose in mg/dL and has images; h4 has what is under a label; h5 has what is no good R4.
"""

import random
from base64 import b64encode
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from sandbox.population.people import Person
from sandbox.server.system import SHANGHAI
from sandbox.shared.documents import FHIR, file_no, number_of, type_of
from sandbox.systems.hospital_records.files import DOCUMENT

Resource = dict[str, Any]

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
_INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
_SECURITY = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
DECIMAL = "\x01"
"""Begins a text that is written as a number, every digit as it stands."""


def decimal(text: str) -> str:
    """A number with all its digits."""
    return DECIMAL + text


def resources_of(
    seed: int, hospital: str, person: Person, patient_id: str, today: date
) -> list[Resource]:
    """All that a hospital has of a person."""
    draw = random.Random(f"{seed}:records:{hospital}:{file_no(person)}")
    maker = _Maker(hospital, person, patient_id, today, draw)
    own = {"h1": _first, "h2": _second, "h3": _third, "h4": _fourth, "h5": _fifth}[hospital]
    return [*maker.patients(), *own(maker)]


class _Maker:
    """Makes the resources of one person at one hospital."""

    def __init__(
        self, hospital: str, person: Person, patient_id: str, today: date, draw: random.Random
    ) -> None:
        self.hospital, self.person, self.patient_id = hospital, person, patient_id
        self.today, self.draw = today, draw

    def patients(self) -> list[Resource]:
        """The person; at h1 also under an older number, which was merged."""
        person, number = self.person, number_of(self.person)
        patient: Resource = {
            "resourceType": "Patient",
            "id": self.patient_id,
            "identifier": [
                {"system": type_of(FHIR, number), "value": number},
                {"system": f"urn:sandbox:{self.hospital}:mrn", "value": self.patient_id.upper()},
            ],
            "active": True,
            "name": [{"text": person.name}],
            "gender": "male" if person.is_male else "female",
            "birthDate": person.born_on.isoformat(),
        }
        if self.hospital != "h1":
            return [patient]
        older = f"{self.patient_id}-0"
        patient["link"] = [{"other": {"reference": f"Patient/{older}"}, "type": "replaces"}]
        return [
            patient,
            {
                "resourceType": "Patient",
                "id": older,
                "active": False,
                "name": [{"text": person.name}],
                "link": [
                    {"other": {"reference": f"Patient/{self.patient_id}"}, "type": "replaced-by"}
                ],
            },
        ]

    def moment(self, days_ago: int, hour: int = 8) -> str:
        """A moment some days ago."""
        day = self.today - timedelta(days=days_ago)
        return datetime(day.year, day.month, day.day, hour, 30, tzinfo=SHANGHAI).isoformat()

    @property
    def subject(self) -> Resource:
        """The reference to the person."""
        return {"reference": f"Patient/{self.patient_id}"}

    def observation(self, name: str, code: str, days_ago: int, **elements: Any) -> Resource:
        """A final result with a LOINC code."""
        return {
            "resourceType": "Observation",
            "id": f"{self.hospital}-{code}-{days_ago}",
            "status": "final",
            "code": {"coding": [{"system": LOINC, "code": code}], "text": name},
            "subject": self.subject,
            "effectiveDateTime": self.moment(days_ago),
            **elements,
        }

    def report(
        self, number: str, name: str, days_ago: int, results: Iterable[Resource], **elements: Any
    ) -> list[Resource]:
        """A report with its results."""
        observations = list(results)
        report = {
            "resourceType": "DiagnosticReport",
            "id": f"{self.hospital}-{number}",
            "meta": {"versionId": "1", "lastUpdated": self.moment(days_ago, 12)},
            "identifier": [{"system": f"urn:sandbox:{self.hospital}:report", "value": number}],
            "status": "final",
            "category": [{"text": "检验 / laboratory"}],
            "code": {"text": name},
            "subject": self.subject,
            "effectiveDateTime": self.moment(days_ago),
            "issued": self.moment(days_ago, 11),
            "result": [{"reference": f"Observation/{one['id']}"} for one in observations],
        }
        return [report | elements, *observations]

    def glucose(self, days_ago: int) -> Resource:
        """Fasting glucose in mmol/L."""
        value = f"{self.draw.randint(44, 68) / 10:.2f}"
        return self.observation(
            "空腹血糖", "14771-0", days_ago,
            valueQuantity=quantity(value, "mmol/L"),
            referenceRange=[between("3.9", "6.1", "mmol/L")],
        )  # fmt: skip


def quantity(value: str, unit: str) -> Resource:
    """A quantity in a UCUM unit."""
    return {"value": decimal(value), "unit": unit, "system": UCUM, "code": unit}


def between(low: str, high: str, unit: str) -> Resource:
    """A reference range."""
    return {"low": quantity(low, unit), "high": quantity(high, unit)}


def _lipids(maker: _Maker, of: str) -> list[Resource]:
    """What h1 examined, as `of` has it: the same report number wherever it is."""
    cholesterol = maker.observation(
        "总胆固醇", "14647-2", 40, valueQuantity=quantity("5.20", "mmol/L"),
        referenceRange=[{"high": quantity("5.18", "mmol/L"), "text": "<5.18"}],
        interpretation=[{"coding": [{"system": _INTERPRETATION, "code": "H"}]}],
    )  # fmt: skip
    shared = [{"system": "urn:sandbox:h1:report", "value": f"LIP-{file_no(maker.person)[6:14]}"}]
    return maker.report(f"lip-{of}", "血脂", 40, [cholesterol], identifier=shared)


def _first(maker: _Maker) -> list[Resource]:
    potassium = maker.observation(
        "血钾", "2823-3", 12, valueQuantity=quantity("6.70", "mmol/L"),
        referenceRange=[between("3.5", "5.3", "mmol/L")],
        interpretation=[{"coding": [{"system": _INTERPRETATION, "code": "HH"}]}],
    )  # fmt: skip
    blood = [
        maker.observation("白细胞计数", "6690-2", 5, valueQuantity=quantity("19.00", "10*9/L"),
                          referenceRange=[between("3.5", "9.5", "10*9/L")]),
        maker.observation("血红蛋白", "718-7", 5, valueQuantity=quantity("132", "g/L"),
                          referenceRange=[between("115", "150", "g/L")]),
    ]  # fmt: skip
    older = {"subject": {"reference": f"Patient/{maker.patient_id}-0"}}
    return [
        *maker.report("cbc", "血常规", 5, blood),
        *maker.report(
            "k",
            "电解质",
            12,
            [potassium],
            status="corrected",
            presentedForm=[
                {
                    "contentType": "application/pdf",
                    "title": "报告单",
                    "data": b64encode(DOCUMENT).decode(),
                }
            ],
        ),
        *maker.report("glu", "血糖", 90, [maker.glucose(90) | older], **older),
        *_lipids(maker, "h1"),
        *_history(maker),
    ]


def _history(maker: _Maker) -> list[Resource]:
    """Visits, a diagnosis of a year, a medicine, an allergy."""
    return [
        {"resourceType": "Encounter", "id": "enc-1", "status": "finished",
         "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
         "type": [{"text": "内科门诊"}], "subject": maker.subject,
         "period": {"start": maker.moment(12, 9), "end": maker.moment(12, 10)}},
        {"resourceType": "Condition", "id": "con-1", "subject": maker.subject,
         "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "I10"}],
                  "text": "原发性高血压"}, "onsetDateTime": "2019"},
        {"resourceType": "MedicationRequest", "id": "med-1", "status": "active",
         "intent": "order", "subject": maker.subject, "authoredOn": maker.moment(12, 10),
         "medicationCodeableConcept": {"text": "苯磺酸氨氯地平片 5 mg"},
         "dosageInstruction": [{"text": "每日一次,每次一片"}]},
        {"resourceType": "AllergyIntolerance", "id": "all-1", "patient": maker.subject,
         "clinicalStatus": {"coding": [{
             "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
             "code": "active"}]},
         "code": {"text": "青霉素"}, "recordedDate": "2014-05"},
    ]  # fmt: skip


def _second(maker: _Maker) -> list[Resource]:
    plan = {
        "resourceType": "CarePlan", "id": "plan-1", "status": "active", "intent": "plan",
        "title": "血脂随访计划", "subject": maker.subject,
        "period": {"start": maker.moment(30)[:10]},
        "activity": [{"detail": {"status": "scheduled", "description": "三个月后复查血脂"}}],
    }  # fmt: skip
    return [*_lipids(maker, "h2"), *maker.report("glu", "血糖", 30, [maker.glucose(30)]), plan]


def _third(maker: _Maker) -> list[Resource]:
    american = maker.observation("空腹血糖", "14771-0", 20, valueQuantity=quantity("101", "mg/dL"))
    image = {
        "resourceType": "Media", "id": "med-x", "status": "completed",
        "content": {"contentType": "image/png", "url": "Binary/chest", "title": "胸片"},
    }  # fmt: skip
    chest = maker.report(
        "chest", "胸部X线", 60, [], category=[{"text": "影像 / imaging"}],
        conclusion="心肺膈未见明显异常。",
        media=[{"link": {"reference": "Media/med-x"}}],
        presentedForm=[{"contentType": "application/pdf", "url": "Binary/chest-report",
                        "title": "报告单"}],
    )  # fmt: skip
    for report in (chest[0],):
        del report["result"]
    return [*maker.report("glu", "血糖", 20, [american]), *chest, image]


def _fourth(maker: _Maker) -> list[Resource]:
    def labelled(code: str) -> Resource:
        return {"meta": {"security": [{"system": _SECURITY, "code": code}]}}

    virus = maker.observation("HIV抗体", "7917-8", 400, valueCodeableConcept={"text": "阴性"})
    return [
        *maker.report("hiv", "HIV抗体筛查", 400, [virus | labelled("HIV")], **labelled("HIV")),
        {"resourceType": "Encounter", "id": "enc-p", "status": "finished",
         "class": {"code": "AMB"}, "type": [{"text": "心理门诊"}], "subject": maker.subject,
         "period": {"start": maker.moment(300)}, **labelled("PSY")},
        {"resourceType": "Immunization", "id": "imm-1", "status": "completed",
         "vaccineCode": {"text": "流感疫苗"}, "patient": maker.subject,
         "occurrenceDateTime": maker.moment(370)},
    ]  # fmt: skip


def _fifth(maker: _Maker) -> list[Resource]:
    newer = maker.report("r5", "肝功能", 15, [])[0] | {"status": "modified", "supportingInfo": []}
    nobody = maker.report("nobody", "尿常规", 15, [])[0]
    del newer["result"], nobody["result"], nobody["subject"]
    undated = maker.report("undated", "肾功能", 15, [])[0] | {"conclusion": "未见异常。"}
    del undated["result"], undated["effectiveDateTime"], undated["issued"], undated["meta"]
    cancelled = maker.report("gone", "血糖", 15, [maker.glucose(15)], status="cancelled")
    return [newer, nobody, undated, *cancelled]
