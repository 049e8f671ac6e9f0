"""Every query of parking."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from core.database import Transaction, connection, fetch_all
from core.ids import new_id
from kinds.owned import OwnedList
from modules.mobility.models import ParkingCharge, Plate
from modules.mobility.parking import texts
from modules.mobility.parking.domain import Session

PLATES = OwnedList(Plate, most=5, too_many=texts.TOO_MANY_PLATES, same=("plate_index",))


async def mark_verified(tx: Transaction, plate_id: UUID, now: datetime) -> None:
    """Note that a plate is its citizen's own."""
    await Plate.filter(id=plate_id).using_db(tx).update(verified_at=now)


async def note_charges(
    tx: Transaction, index: bytes, sessions: Sequence[Session], now: datetime
) -> Mapping[str, UUID]:
    """Keep what the operator told of stays; returns the ids of their charges by stay.

    What was told earlier never replaces what was told later.
    """
    rows = await fetch_all(
        tx,
        """INSERT INTO mobility_parking_charge AS c
             (id, session_ref, paid_before_fen, plate_index, entered_at, amount_fen,
              quote_holds_until, seen_at)
           SELECT DISTINCT ON (s, p) i, s, p, $1, e, a, h, $8
             FROM unnest($2::uuid[], $3::text[], $4::bigint[], $5::timestamptz[], $6::bigint[],
                         $7::timestamptz[]) AS told (i, s, p, e, a, h)
            ORDER BY s, p
           ON CONFLICT (session_ref, paid_before_fen) DO UPDATE
              SET amount_fen = CASE WHEN c.seen_at <= $8 THEN EXCLUDED.amount_fen
                                    ELSE c.amount_fen END,
                  quote_holds_until = greatest(c.quote_holds_until, EXCLUDED.quote_holds_until),
                  seen_at = greatest(c.seen_at, $8)
           RETURNING id, session_ref""",
        index,
        [new_id() for _ in sessions],
        [session.session_id for session in sessions],
        [session.paid_fen for session in sessions],
        [session.entered_at for session in sessions],
        [session.amount_due_fen for session in sessions],
        [session.quote_holds_until for session in sessions],
        now,
    )
    return {row["session_ref"]: row["id"] for row in rows}


async def find_charge(charge_id: UUID) -> ParkingCharge | None:
    """A charge by id."""
    return await ParkingCharge.get_or_none(id=charge_id)


async def lock_charge(tx: Transaction, charge_id: UUID) -> ParkingCharge | None:
    """A charge by id, locked until the transaction ends."""
    return await ParkingCharge.filter(id=charge_id).using_db(tx).select_for_update().first()


async def has_later_charge(tx: Transaction, charge: ParkingCharge) -> bool:
    """Whether something was paid for the stay since: the charge is settled."""
    return (
        await ParkingCharge.filter(
            session_ref=charge.session_ref, paid_before_fen__gt=charge.paid_before_fen
        )
        .using_db(tx)
        .exists()
    )


async def note_intent(tx: Transaction, charge_id: UUID, intent_id: UUID) -> None:
    """Note the payment that was begun for a charge."""
    await ParkingCharge.filter(id=charge_id).using_db(tx).update(intent_id=intent_id)


async def note_exit_by(tx: Transaction, charge_id: UUID, exit_by: datetime | None) -> None:
    """Note until when a paid car may drive out."""
    await ParkingCharge.filter(id=charge_id).using_db(tx).update(exit_by=exit_by)


async def list_intents(session_refs: Sequence[str]) -> Mapping[str, UUID]:
    """The last payment that was begun for each stay, where there is one."""
    rows = await fetch_all(
        connection(),
        """SELECT DISTINCT ON (session_ref) session_ref, intent_id FROM mobility_parking_charge
            WHERE session_ref = ANY($1) AND intent_id IS NOT NULL
            ORDER BY session_ref, paid_before_fen DESC""",
        list(session_refs),
    )
    return {row["session_ref"]: row["intent_id"] for row in rows}
