"""The hospitals' queue systems; see docs/upstreams/hospital-queue.md."""

from core.people.personal_read import Access, about_person
from core.standards.document_codes import HEALTH
from core.upstream.operation import Request, System, records_of
from modules.health.queue.domain import QueueTicket

QUEUES = System("hospital_queue", documents=HEALTH)


@QUEUES.operation(
    "POST",
    "/{hospital}/tickets/query",
    answers=records_of(QueueTicket, "tickets"),
    safe=True,
    personal=True,
)
def list_tickets(access: Access, hospital_ref: str) -> Request:
    """The numbers of the person of the access for today, in the order of their call."""
    path = {"hospital": hospital_ref}
    return Request(path=path, json=about_person(access), access=access, server=hospital_ref)
