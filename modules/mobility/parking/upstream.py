"""The parking operator and the vehicle registry.

See docs/upstreams/parking.md and registries.md.
"""

from dataclasses import dataclass

from pydantic import AwareDatetime

from core.people.personal_read import Access
from core.standards.document_codes import TRAFFIC
from core.upstream.operation import Request, System, json_of, records_of
from kinds.payment import Receipt, payee
from modules.mobility.parking.domain import Session

OPERATOR = System("parking")
VEHICLES = System("vehicles", documents=TRAFFIC)


@dataclass(frozen=True, slots=True)
class StayReceipt(Receipt):
    """A receipt of the operator, and until when the barrier opens for it."""

    exit_by: AwareDatetime | None = None


STAYS = payee(OPERATOR, "sessions", StayReceipt, ("ALREADY_LEFT", "NO_SUCH_SESSION"))


@OPERATOR.operation("POST", "/sessions/query", answers=records_of(Session, "sessions"), safe=True)
def list_sessions(plate: str) -> Request:
    """The stays of a plate that are not over. The plate never stands in an address."""
    return Request(json={"plate": plate})


@OPERATOR.operation("GET", "/sessions/{session_id}", answers=json_of(Session))
def get_session(session_id: str) -> Request:
    """A stay as of now; refused where there is none."""
    return Request(path={"session_id": session_id})


@VEHICLES.operation(
    "POST",
    "/verify",
    answers=json_of(str, "result").then(lambda result: result == "OWNER"),
    safe=True,
    personal=True,
)
def verify_owner(access: Access, plate: str) -> Request:
    """Whether the car is registered in the name of the person in `access`.

    False also for a plate that the registry does not hold.
    """
    return Request(json={"plate": plate, **access.person_members}, access=access)
