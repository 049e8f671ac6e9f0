"""What lending asks outside: the public company register, and what sources know of a company.

See docs/upstreams/companies.md. A source is asked for one company, one bank and one consent, whose
id goes along; nothing is asked without.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from core.upstream.operation import Request, System, json_of

REGISTER = System("company_register")
SOURCES = System("enterprise_data")


@dataclass(frozen=True, slots=True)
class Registered:
    """A company as the public register shows it."""

    uscc: str
    name_zh: str
    representative_zh: str
    district: str
    industry: str
    registered_on: date


@dataclass(frozen=True, slots=True)
class SourceAnswer:
    """What a source says: `values` by the names of the credit engine's columns."""

    has_record: bool
    values: Mapping[str, float | int | str]


@REGISTER.operation(
    "GET", "/companies/{no}", answers=json_of(Registered).or_none("NO_SUCH_COMPANY"), probe=("0",)
)
def find_registered(uscc: str) -> Request:
    """A company by its code; None where the register has none."""
    return Request(path={"no": uscc})


@SOURCES.operation("POST", "/sources/{source}/query", answers=json_of(SourceAnswer), safe=True)
def pull(source: str, uscc: str, bank: str, consent_id: UUID) -> Request:
    """What a source knows of a company, for one bank under one consent."""
    body = {"uscc": uscc, "recipient": bank, "consent_ref": str(consent_id)}
    return Request(path={"source": source}, json=body)
