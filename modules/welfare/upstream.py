"""The housing fund centre; see docs/upstreams/housing-fund.md."""

from core.people.personal_read import Access, about_person
from core.upstream.operation import Request, System, json_of
from modules.welfare.domain import HousingFundAccount

CENTRE = System("housing_fund")


@CENTRE.operation(
    "POST",
    "/accounts/query",
    answers=json_of(HousingFundAccount).or_none(404),
    safe=True,
    personal=True,
    hedged=True,
)
def find_account(access: Access) -> Request:
    """The account of the person in `access`, or None where there is none.

    Asked for in the body: a resident ID never stands in an address.
    """
    return Request(json=about_person(access), access=access)
