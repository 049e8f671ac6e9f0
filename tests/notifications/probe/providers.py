"""A push service in memory, for tests."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from core.context.app import App
from core.deadline import Deadline
from notifications.channels.port import Outbound, Outcome, Provider, Taken
from notifications.templates.domain import Channel


@dataclass
class Recorder:
    """What the service was given, when; `answers` are outcomes by address, after `calls` that are
    let through one by one where there are any."""

    given: list[tuple[datetime, Outbound]] = field(default_factory=list)
    answers: dict[str, Outcome] = field(default_factory=dict)
    calls: list[asyncio.Event] = field(default_factory=list)


def recorder(app: App) -> Recorder:
    """The service of an App."""
    return app.once(Recorder, Recorder)


async def send(app: App, deadline: Deadline, outbounds: Sequence[Outbound]) -> Sequence[Outcome]:
    """Note what is given, and answer as a test says."""
    service, now = recorder(app), app.clock.now()
    service.given += [(now, outbound) for outbound in outbounds]
    if service.calls:
        await service.calls.pop(0).wait()
    return [service.answers.get(each.address, Taken(f"probe-{each.ref}")) for each in outbounds]


PUSH = Provider("probe_push", Channel.PUSH, send, own_addresses=True)
