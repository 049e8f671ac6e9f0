"""Hospitals' record servers: each a FHIR R4 server with patients, reports, results and visits."""

from sandbox.population.institutions import HOSPITALS
from sandbox.systems.hospital_records.routes import SCHEMA, record_system

SYSTEMS = tuple(
    record_system(number, code, zh, en, schema=SCHEMA if number == 0 else "")
    for number, (code, zh, en, _grade) in enumerate(HOSPITALS)
)
