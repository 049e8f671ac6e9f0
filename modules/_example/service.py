"""Commands and queries as plain functions; the only place that opens transactions.

The first argument is the call: who asks, in which language, until when, and the process's App.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from core.context.call import Call
from core.database import idempotency, transaction
from core.errors import Conflict, InvalidInput, NotFound, Unavailable
from core.ids import new_id
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.upstream.client import UpstreamError, UpstreamRejected
from core.upstream.readings import Reading, ReadStatus
from modules._example import domain, store, texts
from modules._example.domain import Fountain
from modules._example.upstream import Fountains

_MAX_STALE = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Followed:
    """A fountain that the viewer follows from now on."""

    follow_id: UUID
    fountain: Fountain


async def read_fountains(call: Call, district_code: str) -> Reading[Sequence[Fountain]]:
    """The fountains of a district: live, stale (as of when) or unavailable (why).

    Never fails because the network does. Raises InvalidInput for a district that is none of the
    city's: the city file knows, the code does not.

    Nothing here is anybody's personal data. Where it is, `core.people.personal_read` does the same
    and asks for consent and writes the access log first; see modules/welfare.
    """
    if district_code not in call.app.city.districts:
        raise InvalidInput(texts.FOUNTAIN_DISTRICT_UNKNOWN, "district")
    try:
        return await call.app.last_good.read_through(
            ("fountains", district_code),
            lambda: call.app.upstream(Fountains).list_fountains(district_code, call.deadline),
            clock=call.app.clock,
            max_stale=_MAX_STALE,
        )
    except UpstreamRejected as error:  # it answers, and refuses us: nothing old is shown then
        return Reading(ReadStatus.UNAVAILABLE, None, None, error.reason)


async def follow_fountain(call: Call, fountain_ref: str, key: str) -> Followed:
    """Follow a fountain; following it again is one follow.

    The same key and input give the same answer. Raises LoginRequired, NotFound, Conflict
    (KEY_REUSED, TOO_MANY_FOUNTAINS) and Unavailable; then nothing was changed.
    """
    citizen_id = call.require_viewer().user_id
    # the network first, the transaction after: nothing waits for others while it holds locks
    try:
        fountain = await call.app.upstream(Fountains).find_fountain(fountain_ref, call.deadline)
    except UpstreamError:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.FOUNTAINS_UPSTREAM) from None
    if fountain is None:
        raise NotFound(NOT_FOUND)
    async with transaction() as tx:
        await store.lock_citizen(tx, citizen_id)
        claim = await idempotency.claim(
            call.app.clock,
            tx,
            subject=citizen_id,
            operation="followFountain",
            key=key,
            command={"fountain_ref": fountain_ref},  # what the client sent, no more
            effect_id=new_id(),
        )
        follow_id = await store.ensure_follow(
            tx,
            claim.effect_id,
            citizen_id,
            fountain_ref=fountain.fountain_ref,
            district_code=fountain.district_code,
            now=call.app.clock.now(),
        )
        if await store.count_follows(tx, citizen_id) > domain.FOLLOWED_MAX:
            raise Conflict(texts.TOO_MANY_FOUNTAINS, limit=domain.FOLLOWED_MAX)
    return Followed(follow_id, fountain)


async def read_followed_closed(call: Call) -> Reading[Sequence[Fountain]]:
    """Those of the viewer's fountains that give no water; as fresh as the least fresh district."""
    follows = await store.list_follows(call.require_viewer().user_id)
    followed = {follow.fountain_ref for follow in follows}
    districts = sorted({follow.district_code for follow in follows})
    # together, not one after the other: all share the call's one deadline
    readings = await asyncio.gather(*(read_fountains(call, code) for code in districts))
    closed = [
        fountain
        for reading in readings
        for fountain in domain.closed(reading.value or ())
        if fountain.fountain_ref in followed
    ]
    worst = max(readings, key=lambda reading: _WORSE.index(reading.status), default=None)
    if worst is None:
        return Reading(ReadStatus.LIVE, closed, call.app.clock.now(), None)
    return Reading(worst.status, closed, worst.as_of, worst.reason)


_WORSE = (ReadStatus.LIVE, ReadStatus.STALE, ReadStatus.UNAVAILABLE)
