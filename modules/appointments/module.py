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
from modules.appointments.domain import BOOKING, WAIT

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
        status=ServiceStatus.LIVE,
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
        status=ServiceStatus.LIVE,
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
        status=ServiceStatus.LIVE,
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
        status=ServiceStatus.LIVE,
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
        status=ServiceStatus.LIVE,
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
        status=ServiceStatus.LIVE,
    ),
)

_MESSAGES = ("CONFIRMED", "REFUSED", "CANCELLED", "KEPT", "MOVED", "PROMOTED", "EXPIRED")

MANIFEST = Manifest(
    name="appointments",
    services=_SERVICES,
    queries=(
        "modules.appointments.graphql:Query",
        "modules.appointments.hospitals.graphql:Query",
    ),
    mutations=(
        "modules.appointments.graphql:Mutation",
        "modules.appointments.hospitals.graphql:Mutation",
    ),
    subscriptions=("modules.appointments.graphql:Subscription",),
    upstreams=(
        UpstreamBinding(
            "hospitals",
            protocol="modules.appointments.hospitals.upstream:Hospitals",
            factory="modules.appointments.hospitals.fhir:FhirHospitals",
        ),
    ),
    extensions=(
        ("privacy.purposes", "modules.appointments.hospitals.service:PATIENT"),
        *(
            ("notifications.templates", f"modules.appointments.texts:MESSAGE_{name}")
            for name in _MESSAGES
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
        JobKind("appointments.expire", "modules.appointments.visits:expire", lane=Lane.CRITICAL),
        JobKind("appointments.refill", "modules.appointments.jobs:refill", lane=Lane.CRITICAL),
        JobKind("appointments.tell", "modules.appointments.messages:tell_job"),
        JobKind("appointments.sweep", "modules.appointments.jobs:sweep"),
        JobKind(
            "appointments.publish",
            "modules.appointments.publishing:publish_daily",
            lane=Lane.BULK,
            timeout_s=300,
        ),
        JobKind(
            "appointments.compare",
            "modules.appointments.hospitals.comparison:compare_nightly",
            lane=Lane.BULK,
            timeout_s=3600,
        ),
    ),
    schedules=(
        Schedule("appointments.sweep", "* * * * *"),
        Schedule("appointments.publish", "1 16 * * *"),
        Schedule("appointments.compare", "30 17 * * *"),
    ),
    models="modules.appointments.models",
    migrations="modules.appointments.migrations",
    state_machines=(BOOKING, WAIT),
    seed="modules.appointments.publishing:seed",
)
