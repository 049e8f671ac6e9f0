"""Which numbers visits book: those of the hospitals' examinations and follow-up visits."""

from core.id_documents import EVERY_DOCUMENT
from core.people.personal_read import Purpose
from modules.health.hospitals.numbers import HospitalNumbers
from modules.health.hospitals.servers import HOSPITALS
from modules.health.hospitals.upstream import RoomKind
from modules.health.visits import texts

VISIT_APPOINTMENT = "visit-appointment"

VISITOR = Purpose(
    id="appointments.visit",
    upstream="hospitals",
    fields=("name", "resident_id", "phone"),
    text=texts.VISIT_CONSENT,
    text_version="2026-12",
    documents=EVERY_DOCUMENT,
)
VISIT = HospitalNumbers(
    VISIT_APPOINTMENT, HOSPITALS, VISITOR, (RoomKind.EXAMINATION, RoomKind.FOLLOW_UP)
)
