"""Fare clearing: the gates' keys, trips, and fares that are paid."""

from collections.abc import Sequence
from typing import Protocol

from pydantic import TypeAdapter, ValidationError

from core.context.app import App
from core.deadline import Deadline
from core.people.personal_read import Access
from core.standards.signed_code import ReaderKey
from core.upstream.client import UpstreamFailed
from modules.mobility.payee import Payee, PayeeDoor, part
from modules.mobility.transit.domain import Trip

_TRIP = TypeAdapter(Trip)
_TRIPS = TypeAdapter(list[Trip])


class Fare(Payee, Protocol):
    """What riding needs from fare clearing; what is paid for is a trip, by its number."""

    async def register_key(self, key: ReaderKey, deadline: Deadline) -> None:
        """Let every gate believe codes of this key; repeat-safe. Raises UpstreamError."""
        ...

    async def list_trips(
        self, access: Access, rider_ref: str, deadline: Deadline
    ) -> Sequence[Trip]:
        """The trips of the person in `access` under their pseudonym, newest first, at most 500.

        Raises UpstreamError.
        """
        ...

    async def get_trip(self, trip_no: str, deadline: Deadline) -> Trip:
        """A trip as of now. Raises UpstreamError; UpstreamRejected where there is none."""
        ...


class FareClient(PayeeDoor):
    """Fare clearing over HTTP; see docs/upstreams/fare.md."""

    def __init__(self, app: App, address: str) -> None:
        super().__init__(app.http.upstream("fare", address), "trips")

    async def register_key(self, key: ReaderKey, deadline: Deadline) -> None:
        """See the protocol."""
        await self._http.request(
            "PUT",
            f"/keys/{part(key.kid)}",
            operation="register_key",
            json={"public_key": key.public_key},
            deadline=deadline,
            safe=True,
        )

    async def list_trips(
        self, access: Access, rider_ref: str, deadline: Deadline
    ) -> Sequence[Trip]:
        """See the protocol."""
        answer = await self._http.request(
            "POST",
            "/trips/query",
            operation="list_trips",
            json={"rider_ref": rider_ref},
            deadline=deadline,
            safe=True,
            access=access,
        )
        try:
            return _TRIPS.validate_python(answer.json()["trips"])
        except (KeyError, TypeError, ValidationError):
            raise UpstreamFailed("fare", "list_trips", "unknown form") from None

    async def get_trip(self, trip_no: str, deadline: Deadline) -> Trip:
        """See the protocol."""
        answer = await self._http.request(
            "GET", f"/trips/{part(trip_no)}", operation="get_trip", deadline=deadline
        )
        try:
            return _TRIP.validate_json(answer.body)
        except ValidationError:
            raise UpstreamFailed("fare", "get_trip", "unknown form") from None
