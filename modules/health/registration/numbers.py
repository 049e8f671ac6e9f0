"""Which numbers registration books: doctors' of the hospitals."""

from core.id_documents import EVERY_DOCUMENT
from core.people.personal_read import Purpose
from modules.health.hospitals.numbers import HospitalNumbers
from modules.health.hospitals.servers import HOSPITALS
from modules.health.registration import texts

HOSPITAL_REGISTRATION = "hospital-registration"

PATIENT = Purpose(
    id="appointments.hospital-registration",
    upstream="hospitals",
    fields=("name", "resident_id", "phone"),
    text=texts.HOSPITAL_CONSENT,
    text_version="2026-12",
    documents=EVERY_DOCUMENT,
)
REGISTRATION = HospitalNumbers(HOSPITAL_REGISTRATION, HOSPITALS, PATIENT)
