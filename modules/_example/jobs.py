"""Scheduled and queued work. A job runs at least once, so it is repeat-safe by a business key.

An error that may pass is simply raised: the queue repeats the job later. An error that cannot pass
is `core.queue.jobs.GiveUp`. What goes over many rows is a `core.context.sweep`: one bad row stops
no other.
"""

from functools import partial
from uuid import UUID

from core.context.app import App
from core.context.sweep import sweep
from core.database import transaction
from core.deadline import Deadline
from core.people.directory import get_person
from core.queue.jobs import Lane, job
from modules._example import domain, store
from modules._example.domain import Fountain
from modules._example.messages import FOUNTAIN_CLOSED
from modules._example.upstream import list_fountains
from notifications import api as notifications

_DEADLINE_S = 5.0


# bulk: nobody waits for it, and a backlog here must not delay payments
@job("example.tell_followers", lane=Lane.BULK, every="*/10 * * * *")
async def tell_followers(app: App) -> None:
    """Tell everybody whose fountain is closed; each is told once per closure, however often this
    runs or is interrupted."""
    districts = await store.list_followed_districts()
    swept = await sweep(app, "example.districts", districts, partial(_look, app))
    swept.require_whole()


async def _look(app: App, district_code: str) -> None:
    fountains = await list_fountains(app, Deadline.after(_DEADLINE_S), district_code)
    for fountain in domain.closed(fountains):
        followers = await store.list_followers(fountain.fountain_ref)
        await sweep(app, "example.followers", followers, partial(_tell, app, fountain))


async def _tell(app: App, fountain: Fountain, citizen_id: UUID) -> None:
    person = await get_person(app, citizen_id)
    async with transaction() as tx:
        await notifications.notify(
            app,
            tx,
            person=person,
            template=FOUNTAIN_CLOSED.id,
            values={"name": fountain.name},
            key=f"{FOUNTAIN_CLOSED.id}:{domain.closure_key(fountain)}:{citizen_id}",
        )
