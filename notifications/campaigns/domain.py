"""The life of a campaign, and whom one is for."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from core.states import Edge, StateMachine
from core.texts import Named
from notifications.recipients import Member

CHUNK = 1_000
"""People of one step; each step is one transaction."""


class CampaignState(StrEnum):
    """Where a campaign stands: SCHEDULED, RUNNING, PAUSED, CANCELLED or DONE."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"


class CampaignAction(StrEnum):
    """What an operator does to a campaign: PAUSE, RESUME or CANCEL."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


CAMPAIGN = StateMachine(
    name="campaign",
    table="notifications_campaign",
    column="state",
    initial=("scheduled",),
    edges=(
        Edge("scheduled", "start", "running"),
        Edge("scheduled", "cancel", "cancelled"),
        Edge("running", "pause", "paused"),
        Edge("running", "cancel", "cancelled"),
        Edge("running", "finish", "done"),
        Edge("paused", "resume", "running"),
        Edge("paused", "cancel", "cancelled"),
    ),
)


@dataclass(frozen=True, slots=True)
class Audience:
    """People whom a campaign may be for, listed by the wing that knows them.

    `page(app, after, limit)` gives people with ids above `after` in the order of their ids;
    `size(app)` how many there are, about.
    """

    name: str
    title: Named
    page: Callable[[Any, UUID, int], Awaitable[Sequence[Member]]]
    size: Callable[[Any], Awaitable[int]]
