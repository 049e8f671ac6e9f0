"""The parking operator and the vehicle registry."""

from collections.abc import Sequence
from typing import Protocol

from pydantic import TypeAdapter, ValidationError

from core.context.app import App
from core.deadline import Deadline
from core.people.personal_read import Access
from core.upstream.client import UpstreamFailed
from modules.mobility.parking.domain import Session
from modules.mobility.payee import Payee, PayeeDoor, part

_SESSION = TypeAdapter(Session)
_SESSIONS = TypeAdapter(list[Session])


class Parking(Payee, Protocol):
    """What parking needs from the operator; `pay` and `find_payment` are told of a stay's number.

    Its receipts have `exit_by`.
    """

    async def list_sessions(self, plate: str, deadline: Deadline) -> Sequence[Session]:
        """The stays of a plate that are not over. Raises UpstreamError."""
        ...

    async def get_session(self, session_id: str, deadline: Deadline) -> Session:
        """A stay as of now. Raises UpstreamError; UpstreamRejected where there is none."""
        ...


class ParkingClient(PayeeDoor):
    """The operator over HTTP; see docs/upstreams/parking.md."""

    def __init__(self, app: App, address: str) -> None:
        super().__init__(app.http.upstream("parking", address), "sessions")

    async def list_sessions(self, plate: str, deadline: Deadline) -> Sequence[Session]:
        """Ask with the plate in the body: it never stands in an address."""
        answer = await self._http.request(
            "POST",
            "/sessions/query",
            operation="list_sessions",
            json={"plate": plate},
            deadline=deadline,
            safe=True,
        )
        try:
            return _SESSIONS.validate_python(answer.json()["sessions"])
        except (KeyError, TypeError, ValidationError):
            raise UpstreamFailed("parking", "list_sessions", "unknown form") from None

    async def get_session(self, session_id: str, deadline: Deadline) -> Session:
        """See the protocol."""
        answer = await self._http.request(
            "GET", f"/sessions/{part(session_id)}", operation="get_session", deadline=deadline
        )
        try:
            return _SESSION.validate_json(answer.body)
        except ValidationError:
            raise UpstreamFailed("parking", "get_session", "unknown form") from None


class VehicleRegistry(Protocol):
    """What parking needs from the vehicle registry."""

    async def owns(self, access: Access, plate: str, deadline: Deadline) -> bool:
        """Whether the car is registered in the name of the person in `access`.

        False also for a plate that the registry does not hold. Raises UpstreamError.
        """
        ...


class VehicleRegistryClient:
    """The registry over HTTP; see docs/upstreams/registries.md."""

    def __init__(self, app: App, address: str) -> None:
        self._http = app.http.upstream("vehicles", address)

    async def owns(self, access: Access, plate: str, deadline: Deadline) -> bool:
        """See the protocol."""
        answer = await self._http.request(
            "POST",
            "/verify",
            operation="verify",
            json={"plate": plate, "resident_id": access.person.resident_id},
            deadline=deadline,
            safe=True,
            access=access,
        )
        try:
            result = str(answer.json()["result"])
        except (KeyError, TypeError):
            raise UpstreamFailed("vehicles", "verify", "unknown form") from None
        return result == "OWNER"
