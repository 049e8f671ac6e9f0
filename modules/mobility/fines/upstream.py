"""The traffic police, who know who did what, and the non-tax revenue platform, which is paid."""

from collections.abc import Sequence
from typing import Any, Protocol

from pydantic import TypeAdapter, ValidationError

from core.context.app import App
from core.deadline import Deadline
from core.people.personal_read import Access
from core.upstream.client import UpstreamFailed, UpstreamRejected
from modules.mobility.fines.domain import Order, Violation
from modules.mobility.payee import Payee, PayeeDoor, part

_ORDER = TypeAdapter(Order)
_VIOLATION = TypeAdapter(Violation)
_VIOLATIONS = TypeAdapter(list[Violation])


class TrafficPolice(Protocol):
    """What fines need from the traffic police, each time for the person in `access`."""

    async def list_violations(self, access: Access, deadline: Deadline) -> Sequence[Violation]:
        """The violations of the person's car, newest first; none where there is no car.

        Raises UpstreamError.
        """
        ...

    async def accept(self, access: Access, violation_no: str, deadline: Deadline) -> Violation:
        """Accept a violation, which brings its order to pay; accepting it again changes nothing.

        Raises UpstreamError; UpstreamRejected where it is not this person's.
        """
        ...


class TrafficPoliceClient:
    """The police over HTTP; see docs/upstreams/fines.md."""

    def __init__(self, app: App, address: str) -> None:
        self._http = app.http.upstream("traffic_police", address)

    async def list_violations(self, access: Access, deadline: Deadline) -> Sequence[Violation]:
        """See the protocol."""
        body = {"resident_id": access.person.resident_id, "consent_ref": str(access.consent_id)}
        try:
            told = await self._post("/violations/query", "list_violations", body, access, deadline)
        except UpstreamRejected as refusal:
            if refusal.code == "NO_VEHICLE":
                return ()
            raise
        try:
            return _VIOLATIONS.validate_python(told["violations"])
        except (KeyError, TypeError, ValidationError):
            raise UpstreamFailed("traffic_police", "list_violations", "unknown form") from None

    async def accept(self, access: Access, violation_no: str, deadline: Deadline) -> Violation:
        """See the protocol."""
        path = f"/violations/{part(violation_no)}/confirm"
        body = {"resident_id": access.person.resident_id}
        told = await self._post(path, "accept", body, access, deadline)
        try:
            return _VIOLATION.validate_python(told)
        except ValidationError:
            raise UpstreamFailed("traffic_police", "accept", "unknown form") from None

    async def _post(
        self, path: str, operation: str, body: object, access: Access, deadline: Deadline
    ) -> Any:
        answer = await self._http.request(
            "POST",
            path,
            operation=operation,
            json=body,
            deadline=deadline,
            safe=True,
            access=access,
        )
        return answer.json()


class FinesPlatform(Payee, Protocol):
    """What fines need from the revenue platform; a receipt's number is the e-receipt's."""

    async def get_order(self, order_no: str, deadline: Deadline) -> Order:
        """An order as of today. Raises UpstreamError; UpstreamRejected where there is none."""
        ...


class FinesPlatformClient(PayeeDoor):
    """The platform over HTTP; see docs/upstreams/fines.md."""

    def __init__(self, app: App, address: str) -> None:
        super().__init__(app.http.upstream("fines", address), "orders")

    async def get_order(self, order_no: str, deadline: Deadline) -> Order:
        """See the protocol."""
        answer = await self._http.request(
            "GET", f"/orders/{part(order_no)}", operation="get_order", deadline=deadline
        )
        try:
            return _ORDER.validate_json(answer.body)
        except ValidationError:
            raise UpstreamFailed("fines", "get_order", "unknown form") from None
