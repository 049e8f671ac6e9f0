"""Who works where: organisation, departments, doctors and schedules, all drawn from the seed."""

import random
from dataclasses import dataclass
from typing import Any

from sandbox.population import draw_name

Resource = dict[str, Any]

FEE_URL = "urn:sandbox:fhir:registration-fee-fen"
DOCTORS_PER_SERVICE = 4
SERVICES = (
    ("内科", "Internal medicine", 1000),
    ("外科", "Surgery", 1000),
    ("儿科", "Paediatrics", 1200),
    ("妇产科", "Obstetrics and gynaecology", 1200),
    ("眼科", "Ophthalmology", 1000),
    ("耳鼻喉科", "Ear, nose and throat", 1000),
    ("口腔科", "Stomatology", 1000),
    ("皮肤科", "Dermatology", 1000),
    ("骨科", "Orthopaedics", 1200),
    ("神经内科", "Neurology", 1500),
    ("心血管内科", "Cardiology", 1500),
    ("中医科", "Chinese medicine", 800),
)
"""Chinese name, English name, fee of an ordinary doctor in fen."""
TITLES = (
    ("主任医师", "Chief physician", 4000), ("副主任医师", "Associate chief physician", 2000),
    ("主治医师", "Attending physician", 0), ("主治医师", "Attending physician", 0),
)  # fmt: skip
"""Doctors' titles by their place in a department, and what the title adds to the fee in fen."""
DOCTOR_COUNT = len(SERVICES) * DOCTORS_PER_SERVICE


@dataclass(frozen=True)
class Hospital:
    """One hospital of the city."""

    code: str
    name_zh: str
    name_en: str
    grade_zh: str


def organization(hospital: Hospital) -> Resource:
    """The hospital itself."""
    return {
        "resourceType": "Organization",
        "id": hospital.code,
        "active": True,
        "type": [{"text": hospital.grade_zh}],
        "name": hospital.name_zh,
        "_name": _in_english(hospital.name_en),
    }


def healthcare_service(hospital: Hospital, number: int) -> Resource:
    """Department `number`; its extension is the fee of an ordinary doctor."""
    name_zh, name_en, fee_fen = SERVICES[number]
    return {
        "resourceType": "HealthcareService",
        "id": f"s{number:02d}",
        "extension": [fee_extension(fee_fen)],
        "active": True,
        "providedBy": {"reference": f"Organization/{hospital.code}", "display": hospital.name_zh},
        "name": name_zh,
        "_name": _in_english(name_en),
        "appointmentRequired": True,
    }


def practitioner(seed: int, hospital: Hospital, number: int) -> Resource:
    """Doctor `number`."""
    draw = _draw(seed, hospital, number)
    name = draw_name(draw)
    title_zh, _, _ = _title(number)
    return {
        "resourceType": "Practitioner",
        "id": f"p{number:03d}",
        "active": True,
        "name": [{"use": "official", "text": name}],
        "gender": draw.choice(("female", "male")),
        "qualification": [{"code": {"text": title_zh}}],
    }


def practitioner_role(seed: int, hospital: Hospital, number: int) -> Resource:
    """What doctor `number` does in which department; its extension is the doctor's own fee."""
    title_zh, title_en, _ = _title(number)
    service = _service(number)
    return {
        "resourceType": "PractitionerRole",
        "id": f"r{number:03d}",
        "extension": [fee_extension(fee_fen(number))],
        "active": True,
        "practitioner": _doctor(seed, hospital, number),
        "organization": {"reference": f"Organization/{hospital.code}"},
        "code": [{"text": title_zh, "_text": _in_english(title_en)}],
        "healthcareService": [_department(service)],
    }


def schedule(seed: int, hospital: Hospital, number: int) -> Resource:
    """The calendar of doctor `number`."""
    return {
        "resourceType": "Schedule",
        "id": f"sch{number:03d}",
        "active": True,
        "actor": [
            {"reference": f"PractitionerRole/r{number:03d}"},
            _doctor(seed, hospital, number),
            _department(_service(number)),
        ],
    }


def weekdays(seed: int, hospital: Hospital, number: int) -> frozenset[int]:
    """The days of the week (0 = Monday) on which doctor `number` sees patients."""
    draw = random.Random(f"{seed}:{hospital.code}:weekdays:{number}")
    return frozenset(draw.sample(range(7), 5))


def references_of(number: int) -> set[str]:
    """All references under which doctor `number` can be searched for."""
    return {
        f"PractitionerRole/r{number:03d}",
        f"Practitioner/p{number:03d}",
        f"HealthcareService/s{_service(number):02d}",
    }


def fee_fen(number: int) -> int:
    """What registering with doctor `number` costs."""
    return SERVICES[_service(number)][2] + _title(number)[2]


def fee_extension(amount_fen: int) -> Resource:
    """A registration fee in fen as a FHIR extension."""
    return {"url": FEE_URL, "valueInteger": amount_fen}


def numbered(kind: str, identifier: str, most: int) -> int | None:
    """The number in an id like `p017`, or None where there is no such one."""
    digits = identifier.removeprefix(kind)
    if not identifier.startswith(kind) or not (digits.isascii() and digits.isdigit()):
        return None
    width = 2 if kind == "s" else 3
    return int(digits) if len(digits) == width and int(digits) < most else None


def _doctor(seed: int, hospital: Hospital, number: int) -> Resource:
    name = draw_name(_draw(seed, hospital, number))
    return {"reference": f"Practitioner/p{number:03d}", "display": name}


def _department(number: int) -> Resource:
    return {"reference": f"HealthcareService/s{number:02d}", "display": SERVICES[number][0]}


def _service(number: int) -> int:
    return number // DOCTORS_PER_SERVICE


def _title(number: int) -> tuple[str, str, int]:
    return TITLES[number % DOCTORS_PER_SERVICE]


def _draw(seed: int, hospital: Hospital, number: int) -> random.Random:
    return random.Random(f"{seed}:{hospital.code}:doctor:{number}")


def _in_english(text: str) -> Resource:
    """The standard translation extension of a Chinese element."""
    return {
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/translation",
                "extension": [
                    {"url": "lang", "valueCode": "en"},
                    {"url": "content", "valueString": text},
                ],
            }
        ]
    }
