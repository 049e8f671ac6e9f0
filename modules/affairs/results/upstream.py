"""What the e-licence system is asked to issue; see docs/upstreams/e-licences.md."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from core.texts import Named
from core.upstream.operation import Request, json_of
from modules.affairs.licences.domain import Licence
from modules.affairs.licences.upstream import LICENCES


@dataclass(frozen=True, slots=True)
class LicenceOrder:
    """A licence that the city grants by a case; there is one for each case number."""

    case_no: str
    holder: Mapping[str, str]
    """Who holds it, as the system is told of a person."""
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
            **order.holder,
            "kind": order.kind,
            "name": {"zh": order.name.zh, "en": order.name.en},
            "issuer_zh": order.issuer_zh,
            "valid_until": None if order.valid_until is None else order.valid_until.isoformat(),
        }
    )
