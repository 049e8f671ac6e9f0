"""The emergency bureau: whose alerts are taken; see docs/upstreams/emergency.md."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from core.context.app import App
from core.deadline import Deadline
from core.errors import Unavailable
from core.refusal_texts import UPSTREAM_UNAVAILABLE
from core.upstream.operation import Request, System, records_of
from modules.safety.alerts import texts

BUREAU = System("emergency")
_MAX_STALE, _FRESH = timedelta(days=7), timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Source:
    """A sender of alerts (CAP's `sender`) and the certificate by which its signatures are known."""

    sender: str
    certificate_pem: str


@BUREAU.operation("GET", "/sources", answers=records_of(Source, "sources"), probe=())
def fetch_sources() -> Request:
    """Everybody whose alerts concern the city."""
    return Request()


async def list_sources(app: App, deadline: Deadline) -> Mapping[str, Source]:
    """Every source by its sender; answered from memory for a week while the bureau is silent.

    Raises Unavailable.
    """

    async def ask() -> Mapping[str, Source]:
        return {s.sender: s for s in (await fetch_sources(app, deadline)).items}

    reading = await app.last_good.read_through(
        ("city", "alert sources"), ask, clock=app.clock, max_stale=_MAX_STALE, fresh=_FRESH
    )
    if reading.value is None:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.BUREAU)
    return reading.value
