"""The city's e-licence system; see docs/upstreams/e-licences.md."""

from core.people.personal_read import Access, about_person
from core.standards.document_codes import PUBLIC_SECURITY
from core.upstream.operation import Request, System, json_of, records_of
from kinds.lookup import record_operation
from modules.affairs.licences.domain import Licence

LICENCES = System("e_licences", documents=PUBLIC_SECURITY)

list_licences = record_operation(
    LICENCES, "list_licences", "/licences/query", records_of(Licence, "licences")
)


@LICENCES.operation(
    "POST", "/licences/find", answers=json_of(Licence).or_none(404), safe=True, personal=True
)
def find_licence(access: Access, licence_ref: str) -> Request:
    """A licence of the person as it stands now, or None where it is not theirs."""
    return Request(json={**about_person(access), "licence_ref": licence_ref}, access=access)
