"""Service 31 in GraphQL."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import strawberry

from core.context.call import Call
from core.graphql import (
    IdempotencyKey,
    Info,
    Refused,
    mutation,
    of_service,
    query,
    reading_view,
    subscription,
    view,
)
from core.upstream.readings import Reading, ReadStatus
from modules.health.hospitals.graphql import HospitalId
from modules.health.queue.domain import CallEstimate, QueueState, QueueTicket
from modules.health.queue.service import QUEUE, SERVICE, Placed, follow, tickets_of, watch
from modules.health.records.domain import Source
from modules.health.records.view import source_of

view(QueueState, name="OutpatientQueueState")
view(CallEstimate)
view(
    QueueTicket,
    name="OutpatientQueueNumber",
    hidden=("department_zh", "department_en", "recent_visits_s", "as_of"),
)


@view
@dataclass(frozen=True, slots=True)
class OutpatientTicket:
    """A number of the viewer in a hospital's queue."""

    hospital: Annotated[Source, "Where."]
    status: Annotated[ReadStatus, "Whether the hospital has told it just now."]
    number: Annotated[QueueTicket, "The number and how it stands."]


OutpatientQueue = reading_view(
    "OutpatientQueue",
    "The viewer's numbers of today at every connected hospital, and how fresh that is.",
    items=Annotated[Sequence[OutpatientTicket], "Those that are called first."],
)


@view
@dataclass(frozen=True, slots=True)
class QueueTicketWatched:
    """Whether the viewer is told when the number is next."""

    ticket_no: Annotated[str, "The ticket's number."]
    enabled: Annotated[bool, "True until it was told."]


WatchQueueTicketResult = Annotated[
    QueueTicketWatched | Refused, strawberry.union("WatchQueueTicketResult")
]


@strawberry.type
class Query:
    """The query field of the queues."""

    @query(
        of_service(SERVICE, for_others=True),
        description="How the queues stand. Needs the consent `health.outpatient-queue`.",
        returns=OutpatientQueue,
    )
    async def outpatient_queue(self, info: Info) -> Reading[Sequence[OutpatientTicket]]:
        """Asks all hospitals at once."""
        call = info.context
        reading = await QUEUE.read(call)
        return reading.map(lambda queues: _shown(call, tickets_of(queues)))


@strawberry.type
class Mutation:
    """The mutation fields of the queues."""

    @mutation(of_service(SERVICE), description="Be told when a number of one's own is next.")
    async def watch_queue_ticket(
        self,
        info: Info,
        hospital_id: HospitalId,
        ticket_no: Annotated[str, strawberry.argument(description="The ticket's number there.")],
        idempotency_key: IdempotencyKey,
        enabled: Annotated[bool, strawberry.argument(description="False: not any more.")] = True,
    ) -> WatchQueueTicketResult:
        """Once, by notification; nothing more is told then."""
        await watch(info.context, hospital_id, ticket_no, idempotency_key, enabled=enabled)
        return QueueTicketWatched(ticket_no, enabled)


@strawberry.type
class Subscription:
    """The subscription field of the queues."""

    @subscription(
        of_service(SERVICE), description="The viewer's numbers: now, and each time a queue moves."
    )
    async def outpatient_queue_moved(self, info: Info) -> AsyncIterator[list[OutpatientTicket]]:
        """Ends with the consent; one row in the access log stands for all of it."""
        async for placed in follow(info.context):
            yield _shown(info.context, placed)


def _shown(call: Call, placed: Sequence[Placed]) -> list[OutpatientTicket]:
    return [
        OutpatientTicket(source_of(call, one.hospital_ref), one.status, one.ticket)
        for one in placed
    ]
