"""Fare clearing: the gates' keys, trips, and fares that are paid; see docs/upstreams/fare.md."""

from core.people.personal_read import Access
from core.standards.signed_code import ReaderKey
from core.upstream.operation import NOTHING, Request, System, json_of, records_of
from kinds.payment import Receipt, payee
from modules.mobility.transit.domain import Trip

CLEARING = System("fare")
FARES = payee(CLEARING, "trips", Receipt, ("NO_SUCH_TRIP",))


@CLEARING.operation("PUT", "/keys/{kid}", answers=NOTHING, safe=True)
def register_key(key: ReaderKey) -> Request:
    """Let every gate believe codes of this key; repeat-safe."""
    return Request(path={"kid": key.kid}, json={"public_key": key.public_key})


@CLEARING.operation(
    "POST", "/trips/query", answers=records_of(Trip, "trips", "trip_no"), safe=True, personal=True
)
def list_trips(access: Access, rider_ref: str) -> Request:
    """The trips of the person in `access` under their pseudonym, newest first, at most 500."""
    return Request(json={"rider_ref": rider_ref}, access=access)


@CLEARING.operation("GET", "/trips/{trip_no}", answers=json_of(Trip))
def get_trip(trip_no: str) -> Request:
    """A trip as of now; refused where there is none."""
    return Request(path={"trip_no": trip_no})
