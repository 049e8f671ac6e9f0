"""The city's e-licence system; see docs/upstreams/e-licences.md."""

from core.clock import civil_date
from core.context.app import App
from core.deadline import Deadline
from core.people.personal_read import Access, about_person
from core.standards.document_codes import PUBLIC_SECURITY
from core.upstream.operation import Request, System, json_of, records_of
from core.upstream.records import Records
from kinds.lookup import record_operation
from modules.affairs.licences.domain import Licence

LICENCES = System("e_licences", documents=PUBLIC_SECURITY)

list_licences = record_operation(
    LICENCES, "list_licences", "/licences/query", records_of(Licence, "licences")
)


async def ask_licences(app: App, deadline: Deadline, access: Access) -> Records[Licence]:
    """The licences of the person, as they stand today. Raises UpstreamError."""
    found, today = await list_licences(app, deadline, access), civil_date(app.clock.now())
    return found.convert(lambda licence: licence.on(today))


@LICENCES.operation(
    "POST", "/licences/find", answers=json_of(Licence).or_none(404), safe=True, personal=True
)
def find_licence(access: Access, licence_ref: str) -> Request:
    """A licence of the person as it stands now, or None where it is not theirs."""
    return Request(json={**about_person(access), "licence_ref": licence_ref}, access=access)
