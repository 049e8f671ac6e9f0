"""How an office is told whom it is asked about: the kind of a document, by the code list of the
office's field, and its number. Older callers send an ID number alone, in a field of its own.
"""

import re
from collections.abc import Mapping
from datetime import date

from pydantic import Field, model_validator

from core.ids import is_resident_id
from sandbox.population.people import Person
from sandbox.server.system import City
from sandbox.server.wire import Body, Refusal
from sandbox.shared.births import Born, find_born
from sandbox.shared.permits import find_permit_holder

ID_CARD = "[0-9]{17}[0-9X]"
_HONG_KONG, _MACAO, _TAIWAN = "H[0-9]{8}", "M[0-9]{8}", "[0-9]{8}"
_FOREIGN, _CERTIFICATE = "[A-Z]{3}[0-9]{12}", "[A-Z][0-9]{9}"

Types = Mapping[str, str]
"""A code list: by code the form of the numbers that go by it."""

ID_NUMBERS: Types = {}
"""Of an office that has the older field alone."""
HEALTH: Types = {
    "01": ID_CARD,
    "06": f"{_HONG_KONG}|{_MACAO}",
    "07": _TAIWAN,
    "99": f"{_FOREIGN}|{_CERTIFICATE}",
}
INSURANCE: Types = {
    "01": ID_CARD,
    "04": _HONG_KONG,
    "05": _MACAO,
    "06": _TAIWAN,
    "07": _FOREIGN,
}
HOUSING_FUND: Types = {
    "01": ID_CARD,
    "04": _FOREIGN,
    "99": f"{_HONG_KONG}|{_MACAO}|{_TAIWAN}",
}
TRAFFIC: Types = {"A": ID_CARD, "F": f"{_HONG_KONG}|{_MACAO}|{_TAIWAN}", "I": _FOREIGN}
REAL_ESTATE: Types = {"1": ID_CARD, "2": f"{_HONG_KONG}|{_MACAO}|{_TAIWAN}", "99": _FOREIGN}
PUBLIC_SECURITY: Types = {
    "111": ID_CARD,
    "511": _TAIWAN,
    "516": f"{_HONG_KONG}|{_MACAO}",
    "553": _FOREIGN,
}
EDUCATION: Types = {
    "1": ID_CARD,
    "6": _HONG_KONG,
    "7": _MACAO,
    "8": _TAIWAN,
    "9": _FOREIGN,
}
FHIR: Types = {
    "urn:oid:2.16.156.10011.1.3": ID_CARD,
    "urn:quancheng:document:birth-certificate": _CERTIFICATE,
    "urn:quancheng:document:hk-macao-permit": f"{_HONG_KONG}|{_MACAO}",
    "urn:quancheng:document:taiwan-permit": _TAIWAN,
    "urn:quancheng:document:foreign-resident": _FOREIGN,
}
"""By the system of an identifier; the first is the national one of ID numbers."""


class Whom(Body):
    """Who is asked about: `document_type`, `document_no` and perhaps `born_on`; or, the older form,
    `resident_id` alone."""

    document_type: str | None = Field(None, min_length=1, max_length=8)
    document_no: str | None = Field(None, min_length=8, max_length=18)
    born_on: date | None = None
    resident_id: str | None = Field(None, min_length=18, max_length=18)

    @model_validator(mode="after")
    def _one_form(self) -> "Whom":
        newer = (self.document_type, self.document_no)
        if self.resident_id is None and None in newer:
            raise ValueError("document_type and document_no are required")
        if self.resident_id is not None and (*newer, self.born_on) != (None, None, None):
            raise ValueError("resident_id stands alone")
        return self

    @property
    def number(self) -> str:
        """The number of the document."""
        number = self.document_no if self.resident_id is None else self.resident_id
        assert number is not None
        return number


def find_whom(city: City, whom: Whom, types: Types) -> Person | None:
    """Who is asked about, or None: nobody has the number, or it is another's who was born another
    day.

    Raises Refusal 422 INVALID_RESIDENT_ID, UNKNOWN_DOCUMENT_TYPE for a code that is not in the
    list, INVALID_DOCUMENT for a number that has not the form of its type.
    """
    form = ID_CARD if whom.document_type is None else types.get(whom.document_type)
    if form is None:
        raise Refusal(422, "UNKNOWN_DOCUMENT_TYPE", f"one of {', '.join(types)}")
    if form == ID_CARD:
        if not is_resident_id(whom.number, today=city.today()):
            raise Refusal(422, "INVALID_RESIDENT_ID", "not a resident ID (GB 11643)")
    elif not re.fullmatch(form, whom.number):
        raise Refusal(422, "INVALID_DOCUMENT", "not a number of this type of document")
    person = find_anybody(city, whom.number)
    if person is not None and whom.born_on not in (None, person.born_on):
        return None
    return person


def find_anybody(city: City, number: str) -> Person | None:
    """Who has a document with this number, or None."""
    return (
        city.population.find(number) or find_born(city, number) or find_permit_holder(city, number)
    )


def file_no(person: Person) -> str:
    """Under which number an office files somebody: a child born here under its certificate, so that
    the file goes on when it is given an ID number."""
    return person.certificate_no if isinstance(person, Born) else person.resident_id


def file_of(city: City, number: str) -> str:
    """The same of whoever has a document with this number."""
    person = find_anybody(city, number)
    return number if person is None else file_no(person)


def number_of(person: Person) -> str:
    """The number of the document by which somebody is known."""
    return person.resident_id or file_no(person)


def type_of(types: Types, number: str) -> str:
    """The code by which a document with this number goes in a list."""
    return next(code for code, form in types.items() if re.fullmatch(form, number))


def is_permit_number(number: str) -> bool:
    """Whether a number has the form of a travel permit's or an older residence card's."""
    forms = (TRAFFIC["F"], TRAFFIC["I"])
    return any(re.fullmatch(form, number) for form in forms)


def has_id_number(person: Person) -> bool:
    """Whether somebody is known by an ID number."""
    return re.fullmatch(ID_CARD, person.resident_id) is not None
