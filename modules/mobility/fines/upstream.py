"""The traffic police, who know who did what, and the non-tax revenue platform, which is paid.

See docs/upstreams/fines.md. A receipt's number of the platform is the e-receipt's.
"""

from core.people.personal_read import Access, about_person
from core.standards.document_codes import TRAFFIC
from core.upstream.operation import Request, System, json_of, records_of
from kinds.payment import Receipt, payee
from modules.mobility.fines.domain import Order, Violation

POLICE = System("traffic_police", documents=TRAFFIC)
PLATFORM = System("fines")
FINES = payee(PLATFORM, "orders", Receipt, ("NO_SUCH_ORDER", "ORDER_WITHDRAWN"))


@POLICE.operation(
    "POST",
    "/violations/query",
    answers=records_of(Violation, "violations", "violation_no").or_none("NO_VEHICLE"),
    safe=True,
    personal=True,
)
def list_violations(access: Access) -> Request:
    """The violations of the person's car, newest first; None where there is no car."""
    return Request(json=about_person(access), access=access)


@POLICE.operation(
    "POST",
    "/violations/{violation_no}/confirm",
    answers=json_of(Violation),
    safe=True,
    personal=True,
)
def accept(access: Access, violation_no: str) -> Request:
    """Accept a violation, which brings its order to pay; accepting it again changes nothing.

    Refused where it is not this person's.
    """
    return Request(path={"violation_no": violation_no}, json=access.person_members, access=access)


@PLATFORM.operation("GET", "/orders/{order_no}", answers=json_of(Order))
def get_order(order_no: str) -> Request:
    """An order as of today; refused where there is none."""
    return Request(path={"order_no": order_no})
