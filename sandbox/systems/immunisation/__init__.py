"""Immunisation: the registry of doses, and clinics whose numbers are booked like a hospital's."""

from sandbox.systems.hospital.directory import Hospital
from sandbox.systems.hospital.rooms import VACCINATION_ROOMS
from sandbox.systems.hospital.routes import hospital_system
from sandbox.systems.immunisation.records import REGISTRY

CLINICS = (
    ("v1", "示范街道社区卫生服务中心接种门诊", "Shifan Community Health Centre"),
    ("v2", "样例街道社区卫生服务中心接种门诊", "Yangli Community Health Centre"),
    ("v3", "沙盒街道社区卫生服务中心接种门诊", "Shahe Community Health Centre"),
)

SYSTEMS = (
    REGISTRY,
    *(
        hospital_system(
            Hospital(
                code, zh, en, "社区卫生服务中心", doctor_count=0, rooms=VACCINATION_ROOMS,
                group="vaccination_clinic", base="/immunisation/clinics",
            ),
            schema="",
        )
        for code, zh, en in CLINICS
    ),
)  # fmt: skip
