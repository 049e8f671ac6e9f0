"""One question to every connected hospital at the same time; one that is silent hides no other."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar, cast

import structlog

from core.clock import ensure_utc
from core.context.app import App
from core.deadline import Deadline
from core.people.consents import kept_under
from core.people.personal_read import Access
from core.standards.fhir_bundle import outcome_codes
from core.upstream.client import UpstreamError, UpstreamRejected
from core.upstream.readings import Reading, ReadStatus
from modules.health.policy import hospitals_of

T = TypeVar("T")
MAX_STALE = timedelta(days=1)
_SHARE = 0.7
"""Of a request's time: what a hospital does not answer by then is told as unavailable."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AtHospital(Generic[T]):
    """One hospital's answer."""

    hospital_ref: str
    reading: Reading[T]


async def ask_everywhere(
    app: App,
    deadline: Deadline,
    access: Access,
    ask: Callable[[Deadline, str], Awaitable[T]],
    part: Sequence[Hashable],
    *,
    max_stale: timedelta = MAX_STALE,
) -> Sequence[AtHospital[T]]:
    """What each connected hospital answers about the person of the access, in the city's order.

    `ask(deadline, hospital_ref)`. A hospital without an answer is shown as it was last, at most
    `max_stale` ago, or as unavailable. Raises UpstreamError where none answers.
    """
    asked_at = ensure_utc(app.clock.now())
    answers = await ask_each(app, deadline, ask)
    kept = {ref: kept_under(access.person.id, access.purpose, *part, ref) for ref in answers}
    return [
        AtHospital(ref, _reading(app, kept[ref], answer, asked_at, max_stale))
        for ref, answer in answers.items()
    ]


async def ask_each(
    app: App, deadline: Deadline, ask: Callable[[Deadline, str], Awaitable[T]]
) -> Mapping[str, T | UpstreamError]:
    """Each connected hospital's answer, or why there is none, by its code in the city's order.

    Raises UpstreamError where all are silent.
    """
    refs, until = list(hospitals_of(app)), deadline.share(fraction=_SHARE)
    answers = await asyncio.gather(*(_try(ask, until, ref) for ref in refs))
    failures = [answer for answer in answers if isinstance(answer, UpstreamError)]
    if failures and len(failures) == len(answers):
        raise failures[0]
    return dict(zip(refs, answers, strict=True))


async def _try(
    ask: Callable[[Deadline, str], Awaitable[T]], deadline: Deadline, hospital_ref: str
) -> T | UpstreamError:
    try:
        return await ask(deadline, hospital_ref)
    except UpstreamError as error:
        if isinstance(error, UpstreamRejected):
            issues = outcome_codes(error.body)
            log.warning(
                "hospital refuses", hospital=hospital_ref, status=error.status, issues=issues
            )
        return error


def _reading(
    app: App,
    key: tuple[Hashable, ...],
    answer: T | UpstreamError,
    asked_at: datetime,
    max_stale: timedelta,
) -> Reading[T]:
    if not isinstance(answer, UpstreamError):
        app.last_good.put(key, answer, asked_at)
        return Reading(ReadStatus.LIVE, answer, asked_at, None)
    kept = app.last_good.find(key)
    if kept is not None and kept[1] >= asked_at - max_stale:
        return Reading(ReadStatus.STALE, cast(T, kept[0]), kept[1], answer.reason)
    return Reading(ReadStatus.UNAVAILABLE, None, None, answer.reason)
