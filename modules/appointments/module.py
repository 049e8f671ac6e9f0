"""The manifest of appointments."""

from core.manifest import Manifest, UpstreamBinding

MANIFEST = Manifest(
    name="appointments",
    rooms=(
        "graphql",
        "domain",
        "models",
        "people",
        "personal_data",
        "texts",
        "fees",
        "desk",
        "queue",
        "waiting",
        "messages",
        "refunds",
        "visits",
        "jobs",
        "publishing",
        "hospitals",
        "vaccination",
    ),
    upstreams=(
        UpstreamBinding(
            "hospitals",
            protocol="modules.appointments.hospitals.upstream:Hospitals",
            factory="modules.appointments.hospitals.fhir:FhirHospitals",
            # finding and ending a booking goes by our own number for it and names nobody: it must
            # work after the consent has been withdrawn
            personal=("book",),
            hedged=("hospital", "departments", "doctors", "schedules", "slots"),
        ),
        UpstreamBinding(
            "immunisation",
            protocol="modules.appointments.vaccination.upstream:Immunisation",
            factory="modules.appointments.vaccination.fhir:FhirImmunisation",
            personal=("book", "immunizations", "recommendations"),
        ),
    ),
    migrations="migrations",
    commands={"appointments": "commands"},
)
