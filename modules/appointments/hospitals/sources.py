"""The services that book other systems' numbers: at whose servers, under which consent."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.context.app import App
from core.people.personal_read import Purpose
from modules.appointments import texts
from modules.appointments.hospitals.upstream import Hospitals, RoomKind
from modules.appointments.store import BookingRow
from modules.appointments.vaccination.upstream import Immunisation

HOSPITAL_REGISTRATION = "hospital-registration"
VISIT_APPOINTMENT = "visit-appointment"
VACCINATION_APPOINTMENT = "vaccination-appointment"

PATIENT = Purpose(
    id="appointments.hospital-registration",
    upstream="hospitals",
    fields=("name", "resident_id", "phone"),
    text=texts.HOSPITAL_CONSENT,
    text_version="2026-11",
)
VISITOR = Purpose(
    id="appointments.visit",
    upstream="hospitals",
    fields=("name", "resident_id", "phone"),
    text=texts.VISIT_CONSENT,
    text_version="2026-11",
)
VACCINEE = Purpose(
    id="appointments.vaccination",
    upstream="immunisation",
    fields=("name", "resident_id", "phone"),
    text=texts.VACCINATION_CONSENT,
    text_version="2026-11",
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a service's numbers come from.

    `kinds` are the rooms it books; without any it books doctors. `purpose` names the upstream too.
    """

    service_id: str
    protocol: type[Hospitals]
    purpose: Purpose
    kinds: Sequence[RoomKind] = ()

    def client(self, app: App) -> Hospitals:
        """The client of its servers."""
        return app.upstream(self.protocol)


REGISTRATION = Source(HOSPITAL_REGISTRATION, Hospitals, PATIENT)
VISIT = Source(VISIT_APPOINTMENT, Hospitals, VISITOR, (RoomKind.EXAMINATION, RoomKind.FOLLOW_UP))
VACCINATION = Source(VACCINATION_APPOINTMENT, Immunisation, VACCINEE, (RoomKind.VACCINATION,))
SOURCES = {source.service_id: source for source in (REGISTRATION, VISIT, VACCINATION)}


def hospitals_of(app: App, booking: BookingRow) -> Hospitals:
    """The client of the servers that a booking belongs to."""
    return SOURCES[booking.service_id].client(app)
