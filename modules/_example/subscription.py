"""The subscription: citizens follow fountains and are told, once of each closure.

`kinds.subscription` is the form of all such services: the list with its ceiling, keys, and who is
told once of what. What is this service's own stands here: what is followed, when there is something
to tell, in which words.

The job runs at least once. An error that may pass is simply raised: the queue repeats the job
later. An error that cannot pass is `core.queue.jobs.GiveUp`. What goes over many rows is a sweep:
one bad row stops no other.
"""

from dataclasses import dataclass
from functools import partial
from typing import Annotated
from uuid import UUID

from core.context.app import App
from core.context.call import Call
from core.context.sweep import sweep
from core.deadline import Deadline
from core.queue.jobs import Lane, job
from kinds import owned
from kinds.owned import OwnedList
from kinds.subscription import Notice, Subscription, subscribe, tell_all
from modules._example import domain, store, texts
from modules._example.domain import Fountain
from modules._example.models import FountainFollow
from modules._example.upstream import find_fountain, list_fountains
from notifications.api import Template

_DEADLINE_S = 5.0

FOLLOWS = Subscription(
    service="drinking-fountains",
    rows=OwnedList(
        FountainFollow,
        most=domain.FOLLOWED_MAX,
        too_many=texts.TOO_MANY_FOUNTAINS,
        same=("fountain_ref",),
        renamed=("district_code",),
    ),
    # the mutations' names, under which idempotency keys are kept
    adds="followFountain",
    removes="unfollowFountain",
    keys="example.fountain_closed:",
)

# `sms=True` would also send a text message; that costs money and wakes people, so it is rare
FOUNTAIN_CLOSED = Template(
    "example.fountain_closed", texts.FOUNTAIN_CLOSED_TITLE, texts.FOUNTAIN_CLOSED_BODY
)


@dataclass(frozen=True, slots=True)
class Followed:
    """The viewer follows the fountain."""

    follow_id: Annotated[UUID, "The id of the follow."]
    fountain: Annotated[Fountain, "The fountain."]


async def follow_fountain(call: Call, fountain_ref: str, key: str) -> Followed:
    """Follow a fountain; following it again is one follow.

    The same key and input give the same answer. Raises LoginRequired, NotFound, Conflict
    (KEY_REUSED, TOO_MANY_FOUNTAINS) and Unavailable; then nothing was changed.
    """
    call.require_viewer()
    # the network first, the transaction after: nothing waits for others while it holds locks
    answer = find_fountain(call.app, call.deadline, fountain_ref)
    fountain = await owned.look_up(answer, texts.FOUNTAINS_UPSTREAM)
    row = {
        "fountain_ref": fountain.fountain_ref,
        "district_code": fountain.district_code,
        "followed_at": call.app.clock.now(),
    }
    command = {"fountain_ref": fountain_ref}  # what the client sent, no more
    follow = await subscribe(call, FOLLOWS, key, row, command)
    return Followed(follow.id, fountain)


# bulk: nobody waits for it, and a backlog here must not delay payments
@job("example.tell_followers", lane=Lane.BULK, every="*/10 * * * *")
async def tell_followers(app: App) -> None:
    """Tell everybody whose fountain is closed, however often this runs or is interrupted."""
    districts = await store.list_followed_districts()
    swept = await sweep(app, "example.districts", districts, partial(_look, app))
    swept.require_whole()


async def _look(app: App, district_code: str) -> None:
    fountains = await list_fountains(app, Deadline.after(_DEADLINE_S), district_code)
    for fountain in domain.closed(fountains):
        followers = store.followers_of(fountain.fountain_ref)
        occasion, notice = domain.closure_key(fountain), partial(_notice, fountain)
        await tell_all(app, FOLLOWS, occasion, followers, notice)


def _notice(fountain: Fountain, _follow: FountainFollow) -> Notice:
    """What a follower is told; None would pass one over."""
    return Notice(FOUNTAIN_CLOSED, {"name": fountain.name})
