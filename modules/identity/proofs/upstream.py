"""Who can say that it is this person. See docs/upstreams/identity-proofs.md."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from core.id_documents import Document
from core.people.personal_read import Access
from core.upstream.operation import Request, System, json_of

CARRIERS = System("carriers")
CARD_NETWORK = System("card_network")
NETWORK_IDENTITY = System("network_identity")


class Elements(StrEnum):
    """Whether elements belong together."""

    CONSISTENT = "CONSISTENT"
    INCONSISTENT = "INCONSISTENT"
    NOT_FOUND = "NOT_FOUND"


class TicketState(StrEnum):
    """How a hand-off gets on."""

    PENDING = "PENDING"
    PASSED = "PASSED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Handoff:
    """Where the person goes to be proved; `ticket` asks what became of it."""

    ticket: str
    url: str


@dataclass(frozen=True, slots=True)
class Passage:
    """What became of a hand-off: who it was, once it is passed."""

    state: TicketState
    session_ref: str
    name: str | None
    kind: str | None
    """A `DocumentKind`, or one of the platform's others, which nobody is known by here."""
    number: str | None
    born_on: date | None


@CARRIERS.operation(
    "POST", "/three-elements", answers=json_of(Elements, "result"), safe=True, personal=True
)
def three_elements(access: Access, name: str, document: Document, phone: str) -> Request:
    """Whether a carrier has a phone under a name and a document."""
    return Request(json=_elements(name, document) | {"phone": phone}, access=access)


@CARD_NETWORK.operation(
    "POST", "/four-elements", answers=json_of(Elements, "result"), safe=True, personal=True
)
def four_elements(
    access: Access, name: str, document: Document, phone: str, card_no: str
) -> Request:
    """Whether a bank has a card and a phone under a name and a document."""
    body = _elements(name, document) | {"phone": phone, "card_no": card_no}
    return Request(json=body, access=access)


@NETWORK_IDENTITY.operation("POST", "/tickets", answers=json_of(Handoff), safe=True)
def open_ticket(request_ref: str, session_ref: str) -> Request:
    """Begin a hand-off; one for each `request_ref`."""
    return Request(json={"request_ref": request_ref, "session_ref": session_ref})


@NETWORK_IDENTITY.operation(
    "POST", "/tickets/query", answers=json_of(Passage).or_none(404), safe=True, personal=True
)
def read_ticket(access: Access, ticket: str) -> Request:
    """What became of a hand-off; None for one that does not exist."""
    return Request(json={"ticket": ticket}, access=access)


def _elements(name: str, document: Document) -> dict[str, str]:
    return {"name": name, "kind": document.kind, "number": document.number}
