"""Patients as hospitals and clinics identify them: by the number of their document.

The ID number has the object identifier of the national health data standards; the other documents
have none there, so the contract names them (docs/upstreams/hospital.md).
"""

from core.people.directory import Person

RESIDENT_ID_SYSTEM = "urn:oid:2.16.156.10011.1.3"
DOCUMENT_SYSTEM = "urn:quancheng:document:{kind}"


def identifier_of(person: Person) -> tuple[str, str | None]:
    """System and value of a person's identifier (FHIR `Patient.identifier`)."""
    document = person.other_document
    if document is None:
        return RESIDENT_ID_SYSTEM, person.resident_id
    kind = document.kind.lower().replace("_", "-")
    return DOCUMENT_SYSTEM.format(kind=kind), document.number
