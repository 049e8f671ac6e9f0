"""The emergency bureau: whose alerts are taken; see docs/upstreams/emergency.md."""

from dataclasses import dataclass
from datetime import timedelta

from cryptography.x509 import load_pem_x509_certificate

from core.context.app import App
from core.deadline import Deadline
from core.errors import Unavailable
from core.refusal_texts import UPSTREAM_UNAVAILABLE
from core.upstream.operation import Request, System, records_of
from core.upstream.records import Records
from core.upstream.registers import read_register
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


def _source(source: Source) -> Source:
    """Raises ValueError for a certificate that is none."""
    load_pem_x509_certificate(source.certificate_pem.encode())
    return source


async def find_source(app: App, deadline: Deadline, sender: str) -> Source | None:
    """The source of a sender, None for a stranger; what is silent or cannot be read is answered
    from memory for a week.

    Raises Unavailable, also where the source may be among those that cannot be read.
    """

    async def ask() -> Records[Source]:
        return fetch_sources.convert(app, await fetch_sources(app, deadline), _source)

    sources = await read_register(
        app.last_good, ("city", "alert sources"), ask, lambda source: source.sender,
        clock=app.clock, max_stale=_MAX_STALE, fresh=_FRESH,
    )  # fmt: skip
    if sources is None or sources.may_have(sender):
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.BUREAU)
    return sources.find(sender)
