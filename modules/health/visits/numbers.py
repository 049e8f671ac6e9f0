"""Which numbers visits book: those of the hospitals' examinations and follow-up visits."""

from modules.health.hospitals.numbers import HospitalNumbers, patient_purpose
from modules.health.hospitals.servers import HOSPITALS
from modules.health.hospitals.upstream import RoomKind
from modules.health.visits import texts

VISIT_APPOINTMENT = "visit-appointment"

VISITOR = patient_purpose("appointments.visit", texts.VISIT_CONSENT)
VISIT = HospitalNumbers(
    VISIT_APPOINTMENT, HOSPITALS, VISITOR, (RoomKind.EXAMINATION, RoomKind.FOLLOW_UP)
)
