"""The manifest of health."""

from core.manifest import Manifest, UpstreamBinding

MANIFEST = Manifest(
    name="health",
    rooms=(
        "models",
        "messages",
        "registration",
        "visits",
        "vaccination",
        "billing",
        "records.lookup",
        "records.upstream",
        "reports",
        "record",
        "queue",
        "triage",
        "card",
        "family_doctor.definition",
        "filing.definition",
        "programmes",
    ),
    upstreams=(
        UpstreamBinding(
            "hospitals",
            protocol="modules.health.hospitals.upstream:Hospitals",
            factory="modules.health.hospitals.fhir:FhirHospitals",
            # finding and ending a booking goes by our own number for it and names nobody: it must
            # work after the consent has been withdrawn
            personal=("book",),
            hedged=("hospital", "departments", "doctors", "schedules", "slots", "free_count"),
        ),
        UpstreamBinding(
            "immunisation",
            protocol="modules.health.vaccination.upstream:Immunisation",
            factory="modules.health.vaccination.fhir:FhirImmunisation",
            personal=("book", "immunizations", "recommendations"),
        ),
    ),
    migrations="migrations",
)
