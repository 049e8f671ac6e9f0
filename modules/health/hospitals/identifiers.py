"""Patients as hospitals and clinics identify them: by the number of their document.

The ID number has the object identifier of the national health data standards; the other documents
have none there, so the contract names them (docs/upstreams/hospital.md).
"""

from core.id_documents import DocumentCodes
from core.people.directory import Person

RESIDENT_ID_SYSTEM = "urn:oid:2.16.156.10011.1.3"
IDENTIFIERS = DocumentCodes(
    resident_id=RESIDENT_ID_SYSTEM,
    foreign_resident="urn:quancheng:document:foreign-resident",
    hong_kong="urn:quancheng:document:hk-macao-permit",
    macao="urn:quancheng:document:hk-macao-permit",
    taiwan="urn:quancheng:document:taiwan-permit",
    birth_certificate="urn:quancheng:document:birth-certificate",
)
"""The identifier systems that hospitals and clinics take: in FHIR they are the code list."""


def identifier_of(person: Person) -> tuple[str, str | None]:
    """System and value of a person's identifier (FHIR `Patient.identifier`)."""
    kind, number = person.document_kind, person.document_no
    if kind is None or number is None:
        return RESIDENT_ID_SYSTEM, None
    return IDENTIFIERS.code(kind, number), number
