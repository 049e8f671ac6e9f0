"""Hospitals: each a FHIR R4 server with departments, doctors, slots and appointments."""

from sandbox.population.institutions import HOSPITALS
from sandbox.systems.hospital.appointments import SCHEMA
from sandbox.systems.hospital.directory import Hospital
from sandbox.systems.hospital.routes import hospital_system

SYSTEMS = tuple(
    hospital_system(Hospital(*hospital), schema=SCHEMA if hospital is HOSPITALS[0] else "")
    for hospital in HOSPITALS
)
