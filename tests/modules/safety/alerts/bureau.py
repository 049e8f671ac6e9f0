"""The emergency bureau in memory, and alerts as it signs them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.signer import XMLSigner

from core.context.app import App
from core.standards.cap import (
    CapAlert,
    CapArea,
    CapInfo,
    Certainty,
    MsgType,
    Reference,
    Scope,
    Severity,
    Status,
    Urgency,
)
from core.standards.cap_writer import write_alert
from core.standards.coordinates import GeoPoint
from core.upstream.records import Records
from modules.safety.alerts.ingest import Taken, receive
from modules.safety.alerts.notices import tell_alert
from modules.safety.alerts.upstream import Source
from sandbox.systems.emergency import identity
from tests.conftest import NOON
from tests.fakes import Silence
from tests.jobs import run_due

SENDER = "bureau@city.invalid"
SEED = 1
HOME, FAR = GeoPoint(36.6, 117.0), GeoPoint(36.8, 117.2)


def square(spot: GeoPoint, half: float = 0.005) -> Sequence[GeoPoint]:
    """A closed ring around a point."""
    corners = [(-half, -half), (-half, half), (half, half), (half, -half), (-half, -half)]
    return tuple(GeoPoint(spot.lat + north, spot.lon + east) for north, east in corners)


def around(spot: GeoPoint) -> CapArea:
    """The area around a point."""
    return CapArea("示范区", (square(spot),))


def info(language: str = "zh-CN", **changes: Any) -> CapInfo:
    """A severe rainstorm."""
    zh = language == "zh-CN"
    made = CapInfo(
        language=language,
        categories=("Met",),
        event="暴雨" if zh else "Rainstorm",
        urgency=Urgency.IMMEDIATE,
        severity=Severity.SEVERE,
        certainty=Certainty.OBSERVED,
        headline="暴雨红色预警" if zh else "Red rainstorm warning",
        description="三小时降雨一百毫米。" if zh else "100 mm in three hours.",
        instruction="请留在高处。" if zh else "Stay on high ground.",
        sender_name="应急管理局" if zh else "Emergency bureau",
        expires_at=NOON + timedelta(hours=6),
    )
    return replace(made, **changes)


def alert(identifier: str, *references: str, **changes: Any) -> CapAlert:
    """An alert for the surroundings of HOME; what it references by their identifiers."""
    areas = tuple(changes.pop("areas", [around(HOME)]))
    severity = changes.pop("severity", Severity.SEVERE)
    infos = tuple(info(one, areas=areas, severity=severity) for one in ("zh-CN", "en-US"))
    made = CapAlert(
        identifier=identifier,
        sender=SENDER,
        sent_at=NOON,
        status=Status.ACTUAL,
        msg_type=MsgType.ALERT,
        scope=Scope.PUBLIC,
        references=tuple(Reference(SENDER, one, NOON) for one in references),
        infos=infos,
    )
    return replace(made, **changes)


def signed(given: CapAlert | etree._Element, seed: int = SEED) -> bytes:
    """A document with an enveloped signature."""
    key, certificate = identity(seed)
    root = write_alert(given) if isinstance(given, CapAlert) else given
    signer = XMLSigner(signature_algorithm="ecdsa-sha256")
    document: bytes = etree.tostring(signer.sign(root, key=key, cert=[certificate]))
    return document


async def take(app: App, given: CapAlert) -> Taken:
    """An alert comes, and its jobs run."""
    taken = await receive(app, signed(given))
    await tell(app, taken.alert_id)
    return taken


async def tell(app: App, alert_id: UUID) -> None:
    """An alert's jobs run. Raises SweepIncomplete where somebody could not be told."""
    await tell_alert(app, alert_id)
    await run_due(app, "safety.tell_alert_places")


class FakeBureau(Silence):
    """Two sources, and the alerts that a test lets happen."""

    name = "emergency"

    def __init__(self) -> None:
        super().__init__()
        self.happened: list[CapAlert] = []
        self.bad: set[str] = set()
        """The senders whose records cannot be read."""

    async def fetch_sources(self) -> Records[Source]:
        """See modules.safety.alerts.upstream."""
        self.answer("fetch_sources")
        sources = [source_of(SENDER, SEED), source_of("other@city.invalid", 2)]
        good = [source for source in sources if source.sender not in self.bad]
        return Records(good, len(sources) - len(good))


def source_of(sender: str, seed: int) -> Source:
    """A sender and the certificate of a seed."""
    return Source(sender, identity(seed)[1].public_bytes(Encoding.PEM).decode())
