"""What the traffic police are asked about a driver; see docs/upstreams/fines.md."""

from core.context.app import App
from core.deadline import Deadline
from core.people.personal_files import PersonalFile, file_routes
from core.people.personal_read import Access, Purpose, about_person
from core.upstream.client import ANY, Response
from core.upstream.operation import Answer, Request, json_of, records_of
from core.upstream.records import Records
from kinds.lookup import PersonalLookup, both, record_operation
from modules.mobility.fines.domain import FineStatus
from modules.mobility.fines.upstream import POLICE
from modules.mobility.violations import texts
from modules.mobility.violations.domain import LicencePoints, TrafficViolation, ViolationRecord

SERVICE = "traffic-violation-query"
EVIDENCE = "traffic-evidence"
EVIDENCE_MAX_BYTES = 3_000_000
SETTLED = (FineStatus.SETTLED, FineStatus.WITHDRAWN)
PURPOSE = Purpose(
    id="mobility.traffic-violations",
    upstream=POLICE.name,
    fields=("violations", "evidence", "licence"),
    text=texts.CONSENT,
    text_version="2026-12",
)
_PICTURES = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}

query_violations = record_operation(
    POLICE,
    "query_violations",
    "/violations/query",
    records_of(TrafficViolation, "violations", "violation_no").or_none("NO_VEHICLE"),
)
"""None where there is no car."""
query_licence = record_operation(
    POLICE, "query_licence", "/licence/query", json_of(LicencePoints).or_none("NO_LICENCE")
)
"""None where there is no licence."""


def read_picture(response: Response) -> PersonalFile:
    """A picture by what it is, whatever it says of itself. Raises ValueError for anything else."""
    for magic, media_type in _PICTURES.items():
        if response.body.startswith(magic):
            ending = media_type.rpartition("/")[2]
            return PersonalFile(response.body, media_type, f"evidence.{ending}")
    raise ValueError("no picture")


@POLICE.operation(
    "POST",
    "/violations/{violation_no}/evidence",
    answers=Answer(read_picture),
    safe=True,
    personal=True,
    accept=ANY,
    body_max_bytes=EVIDENCE_MAX_BYTES,
)
def fetch_evidence(access: Access, violation_no: str) -> Request:
    """The camera's picture; refused where the violation is not this person's."""
    return Request(path={"violation_no": violation_no}, json=about_person(access), access=access)


async def ask_violations(app: App, deadline: Deadline, access: Access) -> ViolationRecord:
    """The violations and the points. Raises as the operations do."""
    violations, licence = await both(
        query_violations(app, deadline, access), query_licence(app, deadline, access)
    )
    records = violations or Records(())
    newest = sorted(records.items, key=lambda one: one.committed_at, reverse=True)
    return ViolationRecord(
        unsettled=[one for one in newest if one.status not in SETTLED],
        settled=[one for one in newest if one.status in SETTLED],
        unreadable=records.unreadable,
        licence=licence,
        access_id=access.access_id,
    )


VIOLATIONS = PersonalLookup(SERVICE, PURPOSE, ask_violations)
ROUTES = file_routes(EVIDENCE, fetch_evidence)
