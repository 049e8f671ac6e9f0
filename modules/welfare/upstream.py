"""The housing fund centre's account query."""

from typing import Protocol

from pydantic import TypeAdapter, ValidationError

from core.context.app import App
from core.deadline import Deadline
from core.people.personal_read import Access
from core.upstream.client import UpstreamFailed, UpstreamRejected
from modules.welfare.domain import HousingFundAccount

_ACCOUNT = TypeAdapter(HousingFundAccount)
_NOT_FOUND = 404


class HousingFund(Protocol):
    """What welfare needs from the housing fund centre."""

    async def find_account(self, access: Access, deadline: Deadline) -> HousingFundAccount | None:
        """The account of the person in `access`, or None where there is none.

        Raises UpstreamError when there is no answer.
        """
        ...


class HousingFundClient:
    """The centre over HTTP; see docs/upstreams/housing-fund.md."""

    def __init__(self, app: App, address: str) -> None:
        self._http = app.http.upstream("housing_fund", address)

    async def find_account(self, access: Access, deadline: Deadline) -> HousingFundAccount | None:
        """Ask by resident ID, in the body: an ID never stands in an address."""
        try:
            answer = await self._http.request(
                "POST",
                "/accounts/query",
                operation="find_account",
                json={
                    "resident_id": access.person.resident_id,
                    "consent_ref": str(access.consent_id),
                },
                deadline=deadline,
                safe=True,
                access=access,
            )
        except UpstreamRejected as error:
            if error.status == _NOT_FOUND:
                return None
            raise
        try:
            return _ACCOUNT.validate_json(answer.body)
        except ValidationError:
            raise UpstreamFailed("housing_fund", "find_account", "unknown form") from None
