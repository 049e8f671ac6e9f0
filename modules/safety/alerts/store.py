"""Every query of alerts."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from tortoise.expressions import Q

from core.database import Transaction, connection, fetch_all, fetch_one, lock_name
from core.ids import new_id
from core.standards.cap import CapAlert, MsgType
from modules.safety.alerts import domain
from modules.safety.alerts.domain import AlertState
from modules.safety.alerts.models import AlertPlace, AlertRecipient, EmergencyAlert

LISTED_MAX = 100


async def lock_sender(tx: Transaction, sender: str) -> None:
    """Let one alert of a sender come at a time."""
    await lock_name(tx, f"alerts:{sender}")


async def find_alert(tx: Transaction, sender: str, identifier: str) -> EmergencyAlert | None:
    """The alert of this name."""
    return await EmergencyAlert.get_or_none(sender=sender, identifier=identifier, using_db=tx)


async def end_alerts(
    tx: Transaction, alert: CapAlert, identifiers: Collection[str], state: AlertState
) -> int:
    """Let those alerts of the same sender and status that still hold end so; how many are known."""
    mine = EmergencyAlert.filter(
        sender=alert.sender, status=alert.status, identifier__in=list(identifiers)
    ).using_db(tx)
    known = await mine.count()
    await mine.filter(state=AlertState.ACTIVE).update(state=state)
    return known


async def find_later(tx: Transaction, alert: CapAlert) -> EmergencyAlert | None:
    """What came before this alert although it references it: the network has turned them round."""
    row = await fetch_one(
        tx,
        """SELECT id FROM safety_alert
            WHERE sender = $1 AND status = $2 AND reference_ids ? $3 AND msg_type = ANY($4)
            ORDER BY msg_type LIMIT 1""",
        alert.sender,
        alert.status,
        alert.identifier,
        [MsgType.UPDATE, MsgType.CANCEL],
    )
    return await EmergencyAlert.get(id=row["id"], using_db=tx) if row else None


async def insert_alert(
    tx: Transaction,
    alert: CapAlert,
    body: bytes,
    digest: bytes,
    *,
    state: AlertState,
    of_unknown: bool,
    now: datetime,
) -> EmergencyAlert:
    """Keep an alert as it came."""
    return await EmergencyAlert.create(
        using_db=tx,
        id=new_id(),
        sender=alert.sender,
        identifier=alert.identifier,
        status=alert.status,
        msg_type=alert.msg_type,
        state=state,
        reference_ids=[one.identifier for one in alert.references],
        of_unknown=of_unknown,
        digest=digest,
        body=body,
        sent_at=alert.sent_at,
        expires_at=domain.expires_at(alert),
        received_at=now,
    )


async def holds(alert_id: UUID, now: datetime) -> bool:
    """Whether an alert has been neither superseded nor cancelled, and has not run out."""
    unexpired = Q(expires_at=None) | Q(expires_at__gt=now)
    return await EmergencyAlert.exists(unexpired, id=alert_id, state=AlertState.ACTIVE)


async def list_active(now: datetime) -> Sequence[EmergencyAlert]:
    """The alerts that hold now, the latest first."""
    unexpired = Q(expires_at=None) | Q(expires_at__gt=now)
    rows = EmergencyAlert.filter(unexpired, state=AlertState.ACTIVE)
    return await rows.order_by("-sent_at").limit(LISTED_MAX)


async def list_places(
    cells: Collection[str] | None, now: datetime, after: UUID, limit: int, *, drills: bool
) -> Sequence[AlertPlace]:
    """Places that an alert may concern, in the order of their ids; those that are over are not."""
    rows = AlertPlace.filter(Q(until_at=None) | Q(until_at__gt=now), id__gt=after)
    if cells is not None:
        rows = rows.filter(cell__in=[*cells, ""])
    if drills:
        rows = rows.filter(wants_drills=True)
    return await rows.order_by("id").limit(limit)


async def list_told(alert_id: UUID, citizen_ids: Collection[UUID]) -> Collection[UUID]:
    """Those of some people who were told of an alert."""
    rows = AlertRecipient.filter(alert_id=alert_id, citizen_id__in=list(citizen_ids))
    return {row.citizen_id for row in await rows.only("citizen_id")}


async def list_earlier_recipients(
    sender: str, status: str, identifiers: Collection[str], after: UUID, limit: int
) -> Sequence[AlertRecipient]:
    """Who was told of some alerts of a sender and status, in the order of the notes of it."""
    rows = await fetch_all(
        connection(),
        """SELECT r.id, r.alert_id, r.citizen_id FROM safety_alert_recipient r
             JOIN safety_alert a ON a.id = r.alert_id
            WHERE a.sender = $1 AND a.status = $2 AND a.identifier = ANY($3) AND r.id > $4
            ORDER BY r.id LIMIT $5""",
        sender,
        status,
        list(identifiers),
        after,
        limit,
    )
    return [AlertRecipient(**dict(row)) for row in rows]


async def insert_recipient(tx: Transaction, alert_id: UUID, citizen_id: UUID) -> bool:
    """Note that somebody is told of an alert; False where they were before."""
    row = await fetch_one(
        tx,
        """INSERT INTO safety_alert_recipient (id, alert_id, citizen_id) VALUES ($1, $2, $3)
           ON CONFLICT DO NOTHING RETURNING id""",
        new_id(),
        alert_id,
        citizen_id,
    )
    return row is not None


async def delete_over(now: datetime) -> None:
    """Forget where people were."""
    await AlertPlace.filter(until_at__lte=now).delete()
