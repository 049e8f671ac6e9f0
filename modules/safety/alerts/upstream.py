"""The emergency bureau: whose alerts are taken; see docs/upstreams/emergency.md."""

from dataclasses import dataclass
from functools import partial
from operator import attrgetter

from cryptography.x509 import load_pem_x509_certificate

from core.context.app import App
from core.deadline import Deadline
from core.errors import Unavailable
from core.refusal_texts import UPSTREAM_UNAVAILABLE
from core.upstream.operation import Request, System, records_of
from core.upstream.registers import read_register
from modules.safety.alerts import texts

BUREAU = System("emergency")


@dataclass(frozen=True, slots=True)
class Source:
    """A sender of alerts (CAP's `sender`) and the certificate by which its signatures are known."""

    sender: str
    certificate_pem: str

    def __post_init__(self) -> None:
        load_pem_x509_certificate(self.certificate_pem.encode())  # ValueError: it cannot be read


@BUREAU.operation("GET", "/sources", answers=records_of(Source, "sources"), probe=())
def fetch_sources() -> Request:
    """Everybody whose alerts concern the city."""
    return Request()


async def find_source(app: App, deadline: Deadline, sender: str) -> Source | None:
    """The source of a sender, None for a stranger; what is silent or cannot be read is answered
    from memory for a week.

    Raises Unavailable, also where the source may be among those that cannot be read.
    """
    name, ask = ("city", "alert sources"), partial(fetch_sources, app, deadline)
    key = attrgetter("sender")
    sources = await read_register(app.last_good, name, ask, key, clock=app.clock)
    if sources is None or sources.may_have(sender):
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.BUREAU)
    return sources.find(sender)
