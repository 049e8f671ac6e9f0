"""The city's e-health card platform; see docs/upstreams/ehealth-card.md. And the keys with which
hospitals sign their questions to us.
"""

from typing import Any

from core.people.personal_read import Access, about_person
from core.standards.document_codes import HEALTH
from core.upstream.operation import Request, System, json_of
from modules.health.card.domain import HealthCard
from modules.health.records.upstream import RECORDS

CARDS = System("ehealth_card", documents=HEALTH)


@CARDS.operation("POST", "/cards", answers=json_of(HealthCard), safe=True, personal=True)
def register_card(access: Access) -> Request:
    """A card for the person of the access. Repeat-safe: one person has one card."""
    return Request(json={**about_person(access), "name": access.person.name}, access=access)


@CARDS.operation(
    "POST",
    "/cards/query",
    answers=json_of(HealthCard).or_none("NO_CARD"),
    safe=True,
    personal=True,
    hedged=True,
)
def find_card(access: Access) -> Request:
    """The card of the person of the access; None where there is none."""
    return Request(json=about_person(access), access=access)


@RECORDS.operation("GET", "/{hospital}/.well-known/jwks.json", answers=json_of(dict[str, Any]))
def read_hospital_keys(hospital_ref: str) -> Request:
    """The public keys of a hospital, a JWK Set."""
    return Request(path={"hospital": hospital_ref}, server=hospital_ref)
