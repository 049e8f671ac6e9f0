"""A feed of outages in memory."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from shapely import box

from core.texts import Named
from core.upstream.records import Records
from modules.utilities.outages.domain import Outage, OutageKind, OutageStatus
from modules.utilities.outages.upstream import Feed
from tests.conftest import NOON
from tests.fakes import Silence


def make_outage(ref: str = "OT1", kind: OutageKind = OutageKind.WATER, **changes: Any) -> Outage:
    """Cut off around (36.6, 117), 800 m wide, for two hours from noon."""
    shape = box(116.996, 36.596, 117.004, 36.604)
    made = Outage(
        ref, kind, True, Named("管线改造", "Pipeline works"), NOON, NOON + timedelta(hours=2), None,
        OutageStatus.SCHEDULED, 700, NOON, shape,
    )  # fmt: skip
    return replace(made, **changes)


class FakeOutages(Silence):
    """A feed in memory."""

    name = "outages"

    def __init__(self) -> None:
        super().__init__()
        self.outages: list[Outage] = []

    async def fetch_feed(self, etag: str) -> Feed:
        """See its declaration."""
        self.answer("fetch_feed")
        return Feed("", Records(list(self.outages)))

    def restore(self) -> None:
        """Everything is over."""
        over = {"status": OutageStatus.RESTORED, "restored_at": NOON + timedelta(hours=1)}
        self.outages = [replace(outage, **over) for outage in self.outages]
