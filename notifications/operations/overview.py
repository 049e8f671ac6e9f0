"""How messages get on, in one look: counters and the oldest of each lane, no row is counted."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from core.context.app import App
from core.database import connection, fetch_all
from core.errors import InvalidInput
from core.texts import Locale
from notifications.channels.port import PROVIDERS
from notifications.operations import switches, tally
from notifications.templates.domain import SendLane
from notifications.templates.lanes import DELIVER
from notifications.templates.template import InvalidParameters, templates_of
from notifications.templates.texts import PREVIEW_PARAMS

_OLDEST = """
SELECT k.kind, extract(epoch FROM now() - job.since)::float8 AS age_s
  FROM unnest($1::text[]) AS k (kind) CROSS JOIN LATERAL (
    SELECT q.execute_after AS since FROM pgqueuer q
     WHERE q.entrypoint = k.kind AND q.status = 'queued' AND q.execute_after < now()
     ORDER BY q.execute_after LIMIT 1) job
"""


@dataclass(frozen=True, slots=True)
class LaneState:
    """A lane of messages."""

    name: Annotated[str, "What it is paused by: lane:normal."]
    paused: Annotated[bool, "Whether an operator has paused it."]
    oldest_due_s: Annotated[float, "How long its oldest due job waits; 0 where none does."]
    sent_per_minute: Annotated[float, "What left in it, on average of five minutes."]
    failed_per_minute: Annotated[float, "Attempts that came to nothing."]


@dataclass(frozen=True, slots=True)
class ProviderState:
    """A provider of a channel."""

    name: Annotated[str, "What it is paused by: provider:sms."]
    channel: Annotated[str, "Its channel."]
    set_up: Annotated[bool, "Whether this installation uses it."]
    paused: Annotated[bool, "Whether an operator has paused it."]
    sent_per_minute: Annotated[float, "What it took, on average of five minutes."]
    failed_per_minute: Annotated[float, "Attempts that came to nothing."]


@dataclass(frozen=True, slots=True)
class Overview:
    """How messages get on."""

    lanes: Annotated[Sequence[LaneState], "Every lane."]
    providers: Annotated[Sequence[ProviderState], "Every provider."]
    dead: Annotated[int, "Deliveries that were given up and wait for somebody."]


async def read(app: App) -> Overview:
    """The overview as it is now."""
    paused = await _paused(app)
    rates = await tally.list_rates(app)
    ages = await _ages()
    sums: dict[tuple[str, bool], float] = defaultdict(float)
    for rate in rates:
        for name in (f"lane:{rate.lane}", f"provider:{rate.provider}"):
            if rate.outcome in tally.TAKEN | tally.FAILED:
                sums[name, rate.outcome in tally.TAKEN] += rate.per_minute
    return Overview(
        lanes=[
            LaneState(
                name=(name := f"lane:{lane}"),
                paused=name in paused,
                oldest_due_s=ages.get(DELIVER[lane].kind, 0.0),
                sent_per_minute=sums[name, True],
                failed_per_minute=sums[name, False],
            )
            for lane in SendLane
        ],
        providers=[
            ProviderState(
                name=(name := f"provider:{provider.name}"),
                channel=provider.channel,
                set_up=provider.is_set_up(app),
                paused=name in paused,
                sent_per_minute=sums[name, True],
                failed_per_minute=sums[name, False],
            )
            for provider in app.extensions(PROVIDERS)
        ],
        dead=int(sum((await tally.find_dead(app)).values())),
    )


def preview(
    app: App, template_id: str, locale: Locale, values: Mapping[str, str]
) -> tuple[str, str]:
    """Title and body of a template; every parameter is shown as it is given.

    Raises InvalidInput for an unknown template, a parameter that is missing or too many.
    """
    template = templates_of(app).get(template_id)
    if template is None:
        raise InvalidInput(PREVIEW_PARAMS, "template", detail=template_id[:64])
    try:
        return template.sample(locale, values)
    except InvalidParameters as error:
        raise InvalidInput(PREVIEW_PARAMS, "parameters", detail=str(error)) from None


async def _paused(app: App) -> frozenset[str]:
    await switches.look(app)
    return await switches.find_paused(app)


async def _ages() -> Mapping[str, float]:
    rows = await fetch_all(connection(), _OLDEST, [kind.kind for kind in DELIVER.values()])
    return {row["kind"]: row["age_s"] for row in rows}
