"""The register of births: what a hospital has certified, for the mother to report without typing.

See docs/upstreams/birth-register.md.
"""

from dataclasses import dataclass
from datetime import date
from typing import Annotated

from core.people.personal_read import Purpose
from core.standards.document_codes import MOTHERS
from core.upstream.operation import System, records_of
from kinds.lookup import PersonalLookup, record_operation
from modules.health.programmes.infant.growth import Sex
from modules.health.programmes.maternal import texts
from modules.health.programmes.maternal.programme import SERVICE

REGISTER = System("birth_register", documents=MOTHERS)


@dataclass(frozen=True, slots=True)
class BirthNotice:
    """A child's certificate of birth."""

    certificate_no: Annotated[str, "The certificate's number."]
    born_on: Annotated[date, "The day of birth."]
    sex: Annotated[Sex, "The child's sex."]
    gestation_days: Annotated[int, "How long the pregnancy was."]
    weight_g: Annotated[int, "The weight at birth, in grams."]


find_births = record_operation(
    REGISTER, "find_births", "/births/query", records_of(BirthNotice, "births")
)
"""The children of the person in an access, the newest first; empty where there is none."""

PURPOSE = Purpose(
    id="health.birth-register",
    upstream=REGISTER.name,
    fields=("births",),
    text=texts.REGISTER_CONSENT,
    text_version="2026-12",
)
BIRTHS = PersonalLookup(SERVICE, PURPOSE, find_births)
