"""Our bookings as hospitals keep them: FHIR Appointments with our number among the identifiers."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from core.people.personal_read import Access
from core.standards import fhir
from modules.health.hospitals.identifiers import identifier_of

BOOKING_SYSTEM = "urn:quancheng:booking"
ENDED = frozenset({"cancelled", "entered-in-error"})
UNDECIDED = frozenset({"proposed", "pending", "waitlist"})
"""States in which the number is nobody's yet."""


def new_appointment(access: Access, slot_ref: str, booking_id: UUID) -> dict[str, Any]:
    """An Appointment of the person of the access, under our number for it."""
    person = access.person
    system, value = identifier_of(person)
    patient: dict[str, Any] = {
        "type": "Patient",
        "identifier": {"system": system, "value": value},
        "display": person.name,
    }
    if person.phone:  # nobody is reached for some children
        patient["extension"] = [{"url": "urn:quancheng:phone", "valueString": person.phone}]
    elements = {
        "identifier": [{"system": BOOKING_SYSTEM, "value": str(booking_id)}],
        "status": "booked",
        "slot": [{"reference": f"Slot/{slot_ref}"}],
        "participant": [{"actor": patient, "required": "required", "status": "accepted"}],
    }
    return fhir.build("Appointment", elements)


def search_token(booking_id: UUID) -> str:
    """What a search by identifier asks for."""
    return f"{BOOKING_SYSTEM}|{booking_id}"


def numbers_of(appointment: Any) -> Sequence[str]:
    """Our numbers among an Appointment's identifiers."""
    ids = appointment.identifier or ()
    return [one.value or "" for one in ids if one.system == BOOKING_SYSTEM]


def is_of(appointment: Any, booking_id: UUID) -> bool:
    """Whether an Appointment is of a booking: servers read over what they do not know, and answer a
    search with everybody's."""
    return str(booking_id) in numbers_of(appointment)
