"""Queries as plain functions; the commands stand in subscription.py.

The first argument is the call: who asks, in which language, until when, and the process's App.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from core.context.call import Call
from core.errors import InvalidInput
from core.upstream.client import UpstreamRejected
from core.upstream.readings import Reading, ReadStatus
from kinds.subscription import list_mine
from modules._example import domain, texts
from modules._example.domain import Fountain
from modules._example.subscription import FOLLOWS
from modules._example.upstream import list_fountains

_MAX_STALE = timedelta(hours=6)


async def read_fountains(call: Call, district_code: str) -> Reading[Sequence[Fountain]]:
    """The fountains of a district: live, stale (as of when) or unavailable (why).

    Never fails because the network does. Raises InvalidInput for a district that is none of the
    city's: the city file knows, the code does not.

    Nothing here is anybody's personal data. Where it is, `core.people.personal_read` does the same
    and asks for consent and writes the access log first; see modules/welfare/housing_fund.
    """
    if district_code not in call.app.city.districts:
        raise InvalidInput(texts.FOUNTAIN_DISTRICT_UNKNOWN, "district")
    try:
        return await call.app.last_good.read_through(
            ("fountains", district_code),
            lambda: list_fountains(call.app, call.deadline, district_code),
            clock=call.app.clock,
            max_stale=_MAX_STALE,
        )
    except UpstreamRejected as error:  # it answers, and refuses us: nothing old is shown then
        return Reading(ReadStatus.UNAVAILABLE, None, None, error.reason)


async def read_followed_closed(call: Call) -> Reading[Sequence[Fountain]]:
    """Those of the viewer's fountains that give no water; as fresh as the least fresh district."""
    follows = await list_mine(call, FOLLOWS)
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
    return replace(worst, value=closed)


_WORSE = (ReadStatus.LIVE, ReadStatus.STALE, ReadStatus.UNAVAILABLE)
