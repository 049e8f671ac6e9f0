"""Who works where: organisation, departments, doctors and schedules, all drawn from the seed."""

import random
from dataclasses import dataclass
from typing import Any

from sandbox.population.people import draw_name
from sandbox.systems.hospital.rooms import CATEGORIES, EXAMINATION_ROOMS, Room

Resource = dict[str, Any]

FEE_URL = "urn:sandbox:fhir:registration-fee-fen"
CATEGORY_SYSTEM = "urn:sandbox:fhir:service-category"
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
    """One hospital or clinic. Its calendars are numbered: the doctors', then the rooms'."""

    code: str
    name_zh: str
    name_en: str
    grade_zh: str
    doctor_count: int = DOCTOR_COUNT
    rooms: tuple[Room, ...] = EXAMINATION_ROOMS
    group: str = "hospital"
    base: str = "/hospitals"

    @property
    def calendar_count(self) -> int:
        """How many schedules there are."""
        return self.doctor_count + len(self.rooms)

    def room(self, number: int) -> Room | None:
        """The room whose calendar this is, or None for a doctor's."""
        return None if number < self.doctor_count else self.rooms[number - self.doctor_count]


def organization(hospital: Hospital) -> Resource:
    """The hospital itself."""
    return {
        "resourceType": "Organization",
        "id": hospital.code,
        "active": True,
        "type": [{"text": hospital.grade_zh}],
        "name": hospital.name_zh,
        "_name": in_english(hospital.name_en),
    }


def healthcare_services(hospital: Hospital) -> list[Resource]:
    """The departments, whose extension is the fee of an ordinary doctor, then the rooms."""
    departments = [
        _service_resource(hospital, f"s{n:02d}", zh, en, fee, "outpatient")
        for n, (zh, en, fee) in enumerate(SERVICES[: hospital.doctor_count // DOCTORS_PER_SERVICE])
    ]
    rooms = [
        _service_resource(
            hospital, room.service_id, room.name_zh, room.name_en, room.fee_fen, room.category
        )
        | {
            "extraDetails": room.preparation_zh,
            "_extraDetails": in_english(room.preparation_en),
        }
        for room in hospital.rooms
    ]
    return departments + rooms


def _service_resource(
    hospital: Hospital, service_id: str, name_zh: str, name_en: str, fee_fen: int, category: str
) -> Resource:
    category_zh, category_en = CATEGORIES[category]
    coding = {"system": CATEGORY_SYSTEM, "code": category, "display": category_en}
    return {
        "resourceType": "HealthcareService",
        "id": service_id,
        "extension": [fee_extension(fee_fen)],
        "active": True,
        "providedBy": {"reference": f"Organization/{hospital.code}", "display": hospital.name_zh},
        "category": [{"coding": [coding], "text": category_zh}],
        "name": name_zh,
        "_name": in_english(name_en),
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
        "extension": [fee_extension(fee_fen(hospital, number))],
        "active": True,
        "practitioner": _doctor(seed, hospital, number),
        "organization": {"reference": f"Organization/{hospital.code}"},
        "code": [{"text": title_zh, "_text": in_english(title_en)}],
        "healthcareService": [_department(service)],
    }


def schedule(seed: int, hospital: Hospital, number: int) -> Resource:
    """Calendar `number`: a doctor's, or a room's, which nobody in particular keeps."""
    room = hospital.room(number)
    if room is None:
        actors = [
            {"reference": f"PractitionerRole/r{number:03d}"},
            _doctor(seed, hospital, number),
            _department(_service(number)),
        ]
    else:
        actors = [
            {"reference": f"HealthcareService/{room.service_id}", "display": room.name_zh},
        ]
    return {
        "resourceType": "Schedule",
        "id": f"sch{number:03d}",
        "active": True,
        "actor": actors,
    }


def weekdays(seed: int, hospital: Hospital, number: int) -> frozenset[int]:
    """The days of the week (0 = Monday) on which calendar `number` has slots."""
    draw = random.Random(f"{seed}:{hospital.code}:weekdays:{number}")
    return frozenset(draw.sample(range(7), 5))


def references_of(hospital: Hospital, number: int) -> set[str]:
    """All references under which calendar `number` can be searched for."""
    room = hospital.room(number)
    if room is not None:
        return {f"HealthcareService/{room.service_id}"}
    return {
        f"PractitionerRole/r{number:03d}",
        f"Practitioner/p{number:03d}",
        f"HealthcareService/s{_service(number):02d}",
    }


def fee_fen(hospital: Hospital, number: int) -> int:
    """What a slot of calendar `number` costs."""
    room = hospital.room(number)
    if room is not None:
        return room.fee_fen
    return SERVICES[_service(number)][2] + _title(number)[2]


def fee_extension(amount_fen: int) -> Resource:
    """A registration fee in fen as a FHIR extension."""
    return {"url": FEE_URL, "valueInteger": amount_fen}


def numbered(kind: str, identifier: str, most: int) -> int | None:
    """The number in an id like `p017`, or None where there is no such one."""
    digits = identifier.removeprefix(kind)
    if not identifier.startswith(kind) or not (digits.isascii() and digits.isdigit()):
        return None
    return int(digits) if len(digits) == 3 and int(digits) < most else None


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


def in_english(text: str) -> Resource:
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
