"""Traffic police for tests: what they know of one driver, and what they were asked to remove."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import orjson

from core.people.personal_files import PersonalFile
from core.people.personal_read import Access
from core.upstream.client import UpstreamRejected
from core.upstream.records import Records
from modules.mobility.fines.domain import FineStatus
from modules.mobility.objections.upstream import Removal
from modules.mobility.violations.domain import LicencePoints, TrafficViolation
from tests.conftest import NOON
from tests.fakes import Silence

PNG = b"\x89PNG\r\n\x1a\n..."


def violation(number: str, status: FineStatus, **changes: Any) -> TrafficViolation:
    """A red light a day ago."""
    made = TrafficViolation(
        number, "鲁AD00099", NOON - timedelta(days=1), "路", "Road", "闯红灯", "Red light", 6,
        20_000, status, needs_hearing=False,
    )  # fmt: skip
    return replace(made, **changes)


class FakePolice(Silence):
    """Traffic police that know one driver, by the number that they are asked with."""

    name = "traffic_police"

    def __init__(self) -> None:
        super().__init__()
        self.violations: Records[TrafficViolation] | None = Records([])
        self.licence: LicencePoints | None = LicencePoints(
            date(2026, 3, 1), date(2027, 3, 1), 5, 12
        )
        self.asked: list[tuple[str, Access]] = []
        self.removed: list[tuple[str, Mapping[str, str], str, str]] = []
        self.refusal = ""

    async def query_violations(self, access: Access) -> Records[TrafficViolation] | None:
        """See modules.mobility.violations.lookup."""
        self.answer("query_violations")
        return self.violations

    async def query_licence(self, access: Access) -> LicencePoints | None:
        """See modules.mobility.violations.lookup."""
        return self.licence

    async def fetch_evidence(self, access: Access, violation_no: str) -> PersonalFile:
        """See modules.mobility.violations.lookup."""
        self.asked.append((violation_no, access))
        if violation_no == "gone":
            raise UpstreamRejected("traffic_police", "fetch_evidence", 403, b"")
        return PersonalFile(PNG, "image/png", "evidence.png")

    async def remove_violation(
        self, violation_no: str, owner: Mapping[str, str], case_no: str, ground: str
    ) -> Removal:
        """See modules.mobility.objections.upstream."""
        self.answer("remove_violation")
        if self.refusal:
            body = orjson.dumps({"code": self.refusal})
            raise UpstreamRejected("traffic_police", "remove_violation", 409, body)
        self.removed.append((violation_no, owner, case_no, ground))
        return Removal(violation_no, FineStatus.WITHDRAWN)
