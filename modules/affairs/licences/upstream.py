"""The city's e-licence system; see docs/upstreams/e-licences.md."""

from dataclasses import dataclass
from datetime import date

from core.people.personal_read import Access, about_person
from core.texts import Named
from core.upstream.operation import Request, System, json_of
from kinds.lookup import record_operation
from modules.affairs.licences.domain import Licence

LICENCES = System("e_licences")

list_licences = record_operation(
    LICENCES, "list_licences", "/licences/query", json_of(list[Licence], "licences")
)


@dataclass(frozen=True, slots=True)
class LicenceOrder:
    """A licence that the city grants by a case; there is one for each case number."""

    case_no: str
    resident_id: str
    kind: str
    name: Named
    issuer_zh: str
    valid_until: date | None


@LICENCES.operation("POST", "/licences", answers=json_of(Licence), safe=True)
def issue_licence(order: LicenceOrder) -> Request:
    """Have a licence issued, once for each case: asked again it is the same."""
    return Request(
        json={
            "case_no": order.case_no,
            "resident_id": order.resident_id,
            "kind": order.kind,
            "name": {"zh": order.name.zh, "en": order.name.en},
            "issuer_zh": order.issuer_zh,
            "valid_until": None if order.valid_until is None else order.valid_until.isoformat(),
        }
    )


@LICENCES.operation(
    "POST",
    "/licences/find",
    answers=json_of(Licence).or_none(404),
    safe=True,
    personal=True,
)
def find_licence(access: Access, licence_ref: str) -> Request:
    """A licence of the person as it stands now, or None where it is not theirs."""
    return Request(json=about_person(access) | {"licence_ref": licence_ref}, access=access)
