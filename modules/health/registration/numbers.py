"""Which numbers registration books: doctors' of the hospitals."""

from modules.health.hospitals.numbers import HospitalNumbers, patient_purpose
from modules.health.hospitals.servers import HOSPITALS
from modules.health.registration import texts

HOSPITAL_REGISTRATION = "hospital-registration"

PATIENT = patient_purpose("appointments.hospital-registration", texts.HOSPITAL_CONSENT)
REGISTRATION = HospitalNumbers(HOSPITAL_REGISTRATION, HOSPITALS, PATIENT)
