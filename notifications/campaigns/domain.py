"""The life of a campaign."""

from enum import StrEnum

from core.states import Edge, StateMachine

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
