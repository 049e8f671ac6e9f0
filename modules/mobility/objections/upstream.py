"""How the traffic police remove a violation from their records; see docs/upstreams/fines.md."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.upstream.operation import Request, json_of
from modules.mobility.fines.domain import FineStatus
from modules.mobility.fines.upstream import POLICE

REFUSALS = frozenset({"ALREADY_ACCEPTED", "NOT_OWNER", "NO_SUCH_VIOLATION"})
"""The codes with which the police refuse for good."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What has become of a violation."""

    violation_no: str
    status: FineStatus


@POLICE.operation("POST", "/violations/{violation_no}/removal", answers=json_of(Removal), safe=True)
def remove_violation(
    violation_no: str, owner: Mapping[str, str], case_no: str, ground: str
) -> Request:
    """Remove a violation after its objection was sustained; repeating it changes nothing.

    `owner` are the members that name whose it is.
    """
    body = {**owner, "case_no": case_no, "ground": ground}
    return Request(path={"violation_no": violation_no}, json=body)
