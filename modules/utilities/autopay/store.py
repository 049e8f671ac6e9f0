"""Every query of autopay."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from tortoise.expressions import Q

from core.database import Transaction, connection, fetch_all, fetch_one
from core.ids import new_id
from modules.utilities.autopay.domain import AUTOPAY, CHARGE, COUNTED
from modules.utilities.autopay.models import Autopay, AutopayCharge


async def find_live(tx: Transaction, link_id: UUID) -> Autopay | None:
    """The consent of an account that has not ended, locked."""
    live = Autopay.filter(link_id=link_id, state__in=["signing", "active"])
    return await live.using_db(tx).select_for_update().first()


async def lock(tx: Transaction, autopay_id: UUID) -> Autopay:
    """A consent, locked until the transaction ends: one charge of it at a time is decided."""
    return await Autopay.filter(id=autopay_id).using_db(tx).select_for_update().get()


async def list_of(citizen_id: UUID, limit: int = 50) -> Sequence[Autopay]:
    """A citizen's consents, newest first, ended ones included."""
    return await Autopay.filter(citizen_id=citizen_id).order_by("-id").limit(limit)


async def move(tx: Transaction, autopay: Autopay, event: str, **changes: object) -> None:
    """Take an edge of a locked consent's machine. Raises IllegalTransition."""
    autopay.state = AUTOPAY.next_state(autopay.state, event)
    autopay.update_from_dict(changes)
    await autopay.save(using_db=tx, update_fields=["state", *changes])


async def list_signing(after: UUID, limit: int) -> Sequence[Autopay]:
    """Consents whose contract is not signed yet, by id."""
    return await Autopay.filter(state="signing", id__gt=after).order_by("id").limit(limit)


async def list_unlooked(today: date, after: UUID, limit: int) -> Sequence[Autopay]:
    """Active consents whose accounts were not looked at today, by id."""
    unlooked = Q(looked_on=None) | Q(looked_on__lt=today)
    return await Autopay.filter(unlooked, state="active", id__gt=after).order_by("id").limit(limit)


async def spent_fen(tx: Transaction, autopay_id: UUID, month: date) -> int:
    """What a consent has paid or announced for a month."""
    row = await fetch_one(
        tx,
        """SELECT coalesce(sum(amount_fen), 0)::bigint AS fen FROM bills_autopay_charge
            WHERE autopay_id = $1 AND month_on = $2 AND state = ANY($3)""",
        autopay_id,
        month,
        list(COUNTED),
    )
    assert row is not None
    return int(row["fen"])


async def spent_by(autopay_ids: Collection[UUID], month: date) -> Mapping[UUID, int]:
    """What these consents have paid or announced for a month, in fen; none is missing."""
    rows = await fetch_all(
        connection(),
        """SELECT autopay_id, sum(amount_fen)::bigint AS fen FROM bills_autopay_charge
            WHERE autopay_id = ANY($1::uuid[]) AND month_on = $2 AND state = ANY($3)
            GROUP BY autopay_id""",
        list(autopay_ids),
        month,
        list(COUNTED),
    )
    return dict.fromkeys(autopay_ids, 0) | {row["autopay_id"]: row["fen"] for row in rows}


async def find_charge(tx: Transaction, autopay_id: UUID, bill_id: UUID) -> AutopayCharge | None:
    """The charge of a bill that was announced or passed over already. Lock its consent first."""
    return await AutopayCharge.filter(autopay_id=autopay_id, bill_id=bill_id).using_db(tx).first()


async def is_taken(tx: Transaction, bill_id: UUID) -> bool:
    """Whether some consent, perhaps another's, pays or has paid a bill."""
    live = AutopayCharge.filter(bill_id=bill_id, state__in=list(COUNTED))
    return await live.using_db(tx).exists()


async def insert_charge(
    tx: Transaction,
    autopay: Autopay,
    bill_id: UUID,
    *,
    amount_fen: int,
    month: date,
    now: datetime,
    pay_at: datetime,
    reason: str | None,
) -> AutopayCharge:
    """Announce a bill's payment, or with a reason note that it is passed over."""
    return await AutopayCharge.create(
        using_db=tx,
        id=new_id(),
        autopay_id=autopay.id,
        bill_id=bill_id,
        amount_fen=amount_fen,
        month_on=month,
        announced_at=now,
        pay_at=pay_at,
        state="stopped" if reason else "announced",
        reason=reason,
    )


async def charges_by(
    autopay_ids: Collection[UUID], limit: int
) -> Mapping[UUID, Sequence[AutopayCharge]]:
    """The newest charges of each of these consents, newest first; none is missing."""
    rows = await fetch_all(
        connection(),
        """SELECT charge.id FROM unnest($1::uuid[]) AS consent (id)
            CROSS JOIN LATERAL (SELECT id FROM bills_autopay_charge
                                 WHERE autopay_id = consent.id ORDER BY id DESC LIMIT $2) charge""",
        list(autopay_ids),
        limit,
    )
    found: dict[UUID, list[AutopayCharge]] = {one: [] for one in autopay_ids}
    for charge in await AutopayCharge.filter(id__in=[row["id"] for row in rows]).order_by("-id"):
        found[charge.autopay_id].append(charge)
    return found


async def list_due(now: datetime, after: UUID, limit: int) -> Sequence[AutopayCharge]:
    """Announced charges whose time has come, by id."""
    rows = AutopayCharge.filter(state="announced", pay_at__lte=now, id__gt=after)
    return await rows.order_by("id").limit(limit)


async def list_paying(after: UUID, limit: int) -> Sequence[AutopayCharge]:
    """Charges whose payment is under way, by id."""
    return await AutopayCharge.filter(state="paying", id__gt=after).order_by("id").limit(limit)


async def lock_charge(tx: Transaction, charge_id: UUID) -> AutopayCharge:
    """A charge, locked until the transaction ends."""
    return await AutopayCharge.filter(id=charge_id).using_db(tx).select_for_update().get()


async def move_charge(
    tx: Transaction, charge: AutopayCharge, event: str, **changes: object
) -> None:
    """Take an edge of a locked charge's machine. Raises IllegalTransition."""
    charge.state = CHARGE.next_state(charge.state, event)
    charge.update_from_dict(changes)
    await charge.save(using_db=tx, update_fields=["state", *changes])


async def cancel_announced(tx: Transaction, autopay_id: UUID, reason: str) -> None:
    """Take back what is announced and not begun."""
    rows = AutopayCharge.filter(autopay_id=autopay_id, state="announced").using_db(tx)
    await rows.update(state="cancelled", reason=reason)
