"""Handing letters to providers: whose turn it is, as many as it takes, and the next where it fails.

A provider that certainly has not got a message is followed by the next at once. One that is silent
may have got it: the message is tried again later, under the same reference.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

import structlog

from core.clock import civil_date
from core.context.app import App
from core.database import connection
from core.deadline import Deadline
from notifications.channels.port import (
    PROVIDERS,
    Failed,
    Outbound,
    Outcome,
    Provider,
    Refused,
    Taken,
)
from notifications.delivery import handover, rates
from notifications.delivery.addressing import Dropped, Letter, Postponed, Verdict
from notifications.delivery.handover import Noted
from notifications.delivery.routing import Router
from notifications.messages.outside import kept_reason, kept_ref
from notifications.reach import store as reach_store
from notifications.reach.store import LiveAddress
from notifications.templates.domain import CLASSES, SendLane

DEADLINE_S = 10.0
_CROWDED_FOR = timedelta(seconds=5)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a letter, at which provider, and which of its addresses are no more."""

    letter: Letter
    verdict: Verdict
    provider: Provider | None = None
    gone: Sequence[LiveAddress] = ()
    notes: Sequence[UUID] = ()
    """The notes that the state of its delivery stands for, once it is written."""
    is_unserved: bool = False
    """No provider of this installation serves its channel, or its addresses there."""


@dataclass
class _Piece:
    """One outbound of a letter on its way through the providers it may go to."""

    index: int
    address: LiveAddress | None
    outbound: Outbound
    providers: list[Provider]
    outcome: Outcome = field(default_factory=lambda: Failed("no_provider", outcome_known=True))
    provider: Provider | None = None
    is_crowded_out: bool = False
    """There is no room, or who would take it is paused: it waits, and this was no attempt."""
    is_unserved: bool = False
    """Nobody here takes it."""
    note: UUID | None = None


def router_of(app: App) -> Router:
    """The process's router."""
    return app.once(Router, lambda: Router(app.extensions(PROVIDERS)))


async def hand_over(
    app: App, letters: Sequence[Letter], lane: SendLane, paused: frozenset[str]
) -> list[Result]:
    """The result of each letter, in their order; `paused` names providers that get nothing.

    What a provider took from a worker that died before it could write the state is not handed over.
    """
    tried = [letter for letter in letters if letter.claimed.attempts > 1]
    noted = await handover.find([each.ref for letter in tried for _, each in letter.outbounds])
    pieces = [
        _piece(app, index, letter, address, outbound, paused, noted.get(outbound.ref))
        for index, letter in enumerate(letters)
        for address, outbound in letter.outbounds
    ]
    letters = await _within_caps(app, letters, pieces)
    waiting = [
        piece for piece in pieces if piece.providers and letters[piece.index].verdict is None
    ]
    while waiting:
        groups: dict[str, list[_Piece]] = defaultdict(list)
        for piece in waiting:
            groups[piece.providers[0].name].append(piece)
        await asyncio.gather(*(_hand_group(app, group, lane) for group in groups.values()))
        waiting = [piece for piece in waiting if _goes_on(piece)]
    by_letter: dict[int, list[_Piece]] = defaultdict(list)
    for piece in pieces:
        by_letter[piece.index].append(piece)
    later = Postponed(app.clock.now() + _CROWDED_FOR, "crowded_out")
    return [_result(letter, by_letter[index], later) for index, letter in enumerate(letters)]


async def _within_caps(
    app: App, letters: Sequence[Letter], pieces: Sequence[_Piece]
) -> Sequence[Letter]:
    """The letters without what goes out for those whose people have had as many of the class today.

    A message counts when a provider is about to be given it, not while all of them are paused.
    """
    taken = {piece.index for piece in pieces if isinstance(piece.outcome, Taken)}
    leaving = {piece.index for piece in pieces if piece.providers} - taken
    whose = {
        letters[index].claimed.message_id: (person_id, letters[index].claimed.about)
        for index in sorted(leaving)
        if (person_id := letters[index].claimed.person_id) is not None
        and CLASSES[letters[index].claimed.about].daily_cap is not None
    }
    may = await reach_store.take_caps(connection(), whose, civil_date(app.clock.now()))
    above = whose.keys() - may
    return [
        Letter(letter.claimed, verdict=Dropped("daily_cap"))
        if index in leaving and letter.claimed.message_id in above
        else letter
        for index, letter in enumerate(letters)
    ]


def _piece(
    app: App,
    index: int,
    letter: Letter,
    address: LiveAddress | None,
    outbound: Outbound,
    paused: frozenset[str],
    noted: Noted | None,
) -> _Piece:
    if noted is not None:
        names = {provider.name: provider for provider in app.extensions(PROVIDERS)}
        return _Piece(index, address, outbound, [], noted.outcome, names.get(noted.provider))
    able = [
        provider
        for provider in app.extensions(PROVIDERS)
        if provider.channel is letter.claimed.channel
        and provider.is_set_up(app)
        and (address is None or not provider.own_addresses or provider.name == address.provider)
    ]
    free = [provider for provider in able if f"provider:{provider.name}" not in paused]
    piece = _Piece(index, address, outbound, router_of(app).order(free))
    piece.is_crowded_out, piece.is_unserved = bool(able) and not free, not able
    return piece


def _goes_on(piece: _Piece) -> bool:
    """Whether the next provider tries; leaves the one that failed behind."""
    if piece.is_crowded_out:
        return False
    failed = isinstance(piece.outcome, Failed) and piece.outcome.outcome_known
    piece.providers = piece.providers[1:] if failed else []
    return bool(piece.providers)


async def _hand_group(app: App, group: Sequence[_Piece], lane: SendLane) -> None:
    """Hand pieces to the provider that is next for all of them, as it has room."""
    provider, start = group[0].providers[0], 0
    while start < len(group):
        granted = await rates.take(provider, lane, len(group) - start)
        if not granted:
            for piece in group[start:]:
                piece.is_crowded_out = True
            return
        part = group[start : start + granted]
        outbounds = [piece.outbound for piece in part]
        outcomes = await _send(app, provider, outbounds)
        note = await handover.note(app, provider, outbounds, outcomes)
        for piece, outcome in zip(part, outcomes, strict=True):
            piece.outcome, piece.provider, piece.note = outcome, provider, note
        start += granted


async def _send(app: App, provider: Provider, outbounds: Sequence[Outbound]) -> Sequence[Outcome]:
    """The outcomes, noted as the provider's health. A mistake in an adapter is a failure like any
    other: none to stop for, and none to try for ever."""
    started_s = time.monotonic()
    try:
        answers = await provider.send(app, Deadline.after(DEADLINE_S), outbounds)
        outcomes = [_kept(answer) for answer in answers]
        if len(outcomes) != len(outbounds):
            raise ValueError("an outcome for each")
    except Exception as error:
        log.error("adapter failed", provider=provider.name, exc_info=error)
        outcomes = [Failed("adapter")] * len(outbounds)
    is_slow = time.monotonic() - started_s > provider.slow_s
    bad = sum(is_slow or isinstance(outcome, Failed) for outcome in outcomes)
    router_of(app).health(provider.name).note(good=len(outcomes) - bad, bad=bad)
    return outcomes


def _kept(outcome: Outcome) -> Outcome:
    """An outcome whose words can be kept, whatever the provider says."""
    match outcome:
        case Taken(ref):
            return Taken(kept_ref(ref) if ref else None)
        case Refused(reason) | Failed(reason):
            return replace(outcome, reason=kept_reason(reason))


def _result(letter: Letter, pieces: Sequence[_Piece], later: Postponed) -> Result:
    """Of several devices one that took it is enough; it is refused when all have refused it."""
    if letter.verdict is not None:
        return Result(letter, letter.verdict)
    if all(piece.is_crowded_out for piece in pieces):
        return Result(letter, later)
    gone = [p.address for p in pieces if p.address is not None and _is_gone(p.outcome)]
    best = min(pieces, key=lambda piece: _RANK[type(piece.outcome)])
    notes = [piece.note for piece in pieces if piece.note is not None]
    is_unserved = all(piece.is_unserved for piece in pieces)
    return Result(letter, best.outcome, best.provider, gone, notes, is_unserved)


def _is_gone(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and outcome.is_gone


_RANK: Mapping[type, int] = {Taken: 0, Failed: 1, Refused: 2}
