"""The jobs that deliver, by lane: their names, for files that their functions import."""

from collections.abc import Mapping
from uuid import UUID

from core.queue.jobs import JobKind
from notifications.templates.domain import SendLane

CHUNK = 100
"""Deliveries of one job."""

DELIVER_SECURITY = JobKind[list[UUID]]("notifications.deliver_security")
DELIVER_CRITICAL = JobKind[list[UUID]]("notifications.deliver_critical")
DELIVER_NORMAL = JobKind[list[UUID]]("notifications.deliver_normal")
DELIVER_BULK = JobKind[list[UUID]]("notifications.deliver_bulk")
DELIVER_DIGEST = JobKind[list[UUID]]("notifications.deliver_digest")

DELIVER: Mapping[SendLane, JobKind[list[UUID]]] = {
    SendLane.SECURITY: DELIVER_SECURITY,
    SendLane.CRITICAL: DELIVER_CRITICAL,
    SendLane.NORMAL: DELIVER_NORMAL,
    SendLane.BULK: DELIVER_BULK,
    SendLane.DIGEST: DELIVER_DIGEST,
}
