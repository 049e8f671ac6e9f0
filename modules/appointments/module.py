"""The manifest of appointments."""

from core.manifest import (
    JobKind,
    Lane,
    Manifest,
    Schedule,
    Service,
    ServiceKind,
    ServiceStatus,
    Theme,
    UpstreamBinding,
)
from modules.appointments.domain import BOOKING

_SERVICES = (
    Service(
        4,
        "gov-hall-appointment",
        "政务大厅预约取号",
        "Service-hall appointment",
        Theme.GOVERNMENT,
        ServiceKind.APPOINTMENT,
        department="administrative_approval",
        identity_level=1,
    ),
    Service(
        17,
        "vehicle-inspection-appointment",
        "机动车检验预约",
        "Vehicle inspection appointment",
        Theme.MOBILITY,
        ServiceKind.APPOINTMENT,
        department="traffic_police",
        identity_level=1,
    ),
    Service(
        20,
        "hospital-registration",
        "医院挂号",
        "Hospital registration",
        Theme.HEALTH,
        ServiceKind.APPOINTMENT,
        department="health",
        identity_level=2,
        status=ServiceStatus.LIVE,
    ),
    Service(
        21,
        "visit-appointment",
        "就诊预约(检查/复诊)",
        "Visit and examination appointment",
        Theme.HEALTH,
        ServiceKind.APPOINTMENT,
        department="health",
        identity_level=2,
    ),
    Service(
        29,
        "vaccination-appointment",
        "预防接种预约",
        "Vaccination appointment",
        Theme.HEALTH,
        ServiceKind.APPOINTMENT,
        department="disease_control",
        identity_level=2,
    ),
    Service(
        51,
        "real-estate-appointment",
        "不动产登记预约",
        "Real-estate registration appointment",
        Theme.LOVE_CITY,
        ServiceKind.APPOINTMENT,
        department="natural_resources",
        identity_level=2,
    ),
    Service(
        53,
        "exit-entry-appointment",
        "出入境证件预约",
        "Exit-entry document appointment",
        Theme.LOVE_CITY,
        ServiceKind.APPOINTMENT,
        department="exit_entry",
        identity_level=2,
    ),
    Service(
        54,
        "marriage-registration-appointment",
        "婚姻登记预约",
        "Marriage registration appointment",
        Theme.LOVE_CITY,
        ServiceKind.APPOINTMENT,
        department="civil_affairs",
        identity_level=2,
    ),
    Service(
        55,
        "venue-booking",
        "文体场馆预约",
        "Culture and sports venue booking",
        Theme.LOVE_CITY,
        ServiceKind.APPOINTMENT,
        department="culture_tourism",
        identity_level=1,
    ),
)

_TEMPLATES = ("CONFIRMED", "REFUSED", "CANCELLED", "KEPT")

MANIFEST = Manifest(
    name="appointments",
    services=_SERVICES,
    queries=("modules.appointments.graphql:Query",),
    mutations=("modules.appointments.graphql:Mutation",),
    upstreams=(
        UpstreamBinding(
            "hospitals",
            protocol="modules.appointments.upstream:Hospitals",
            factory="modules.appointments.fhir_hospitals:FhirHospitals",
        ),
    ),
    extensions=(
        ("privacy.purposes", "modules.appointments.service:PATIENT"),
        *(
            ("notifications.templates", f"modules.appointments.texts:MESSAGE_{name}")
            for name in _TEMPLATES
        ),
    ),
    jobs=(
        JobKind(
            "appointments.settle",
            "modules.appointments.jobs:settle",
            lane=Lane.CRITICAL,
            max_attempts=500,
            max_delay_s=30,
        ),
        JobKind(
            "appointments.clear",
            "modules.appointments.jobs:clear",
            max_attempts=500,
            max_delay_s=300,
        ),
        JobKind("appointments.sweep", "modules.appointments.jobs:sweep"),
    ),
    schedules=(Schedule("appointments.sweep", "* * * * *"),),
    models="modules.appointments.models",
    migrations="modules.appointments.migrations",
    state_machines=(BOOKING,),
)
