"""Every query on intents, refunds and callbacks."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from core.bus import bus
from core.database import (
    Transaction,
    connection,
    fetch_all,
    fetch_model,
    fetch_models,
    fetch_one,
    mark_notifying,
)
from core.people.merged_accounts import list_accounts
from payments.domain import OPEN, TO_FULFIL, Evidence
from payments.models import Intent, LeftOrder, Refund
from payments.payable import Paid


async def find_intent(intent_id: UUID) -> Intent | None:
    """An intent by id."""
    return await fetch_model(connection(), Intent, "WHERE id = $1", intent_id)


async def get_intent(intent_id: UUID) -> Intent:
    """An intent by an id that is known to be one."""
    intent = await find_intent(intent_id)
    assert intent is not None
    return intent


async def list_by_ids(intent_ids: Collection[UUID]) -> Sequence[Intent]:
    """These intents, in no order."""
    return await Intent.filter(id__in=list(intent_ids))


async def lock_intent(tx: Transaction, intent_id: UUID) -> Intent | None:
    """An intent by id, locked until the transaction ends."""
    return await fetch_model(tx, Intent, "WHERE id = $1 FOR UPDATE", intent_id)


async def write_intent(
    tx: Transaction, intent: Intent, columns: Sequence[str], notice: str
) -> None:
    """Write some columns of a locked intent, and a notice to the bus with it."""
    settings = ", ".join(f"{column} = ${n}" for n, column in enumerate(columns, 4))
    mark_notifying()
    await tx.execute_query(
        f"UPDATE payments_intent SET {settings} WHERE id = $1 RETURNING pg_notify($2, $3)",  # noqa: S608
        [intent.id, bus.CHANNEL, notice, *(getattr(intent, column) for column in columns)],
    )


async def show_cashier(intent: Intent, state: str, url: str | None, notice: str) -> bool:
    """Note the cashier of an intent that is still as it was read, in a transaction of its own.

    False, and nothing done, where its state or PSP is another by now.
    """
    shown = await fetch_one(
        connection(),
        """UPDATE payments_intent SET state = $4, cashier_url = $5
            WHERE id = $1 AND psp = $2 AND state = $3 RETURNING pg_notify($6, $7)""",
        intent.id,
        intent.psp,
        intent.state,
        state,
        url,
        bus.CHANNEL,
        notice,
    )
    return shown is not None


async def lock_unnumbered(tx: Transaction, intent_ids: Sequence[UUID]) -> Mapping[UUID, str]:
    """Those of these intents that are booked by their payee and lack a receipt, locked.

    Returns their states.
    """
    rows = await fetch_all(
        tx,
        """SELECT id, state FROM payments_intent
            WHERE id = ANY($1::uuid[]) AND fulfilment_ref IS NOT NULL AND receipt_no IS NULL
            ORDER BY id FOR UPDATE""",
        list(intent_ids),
    )
    return {row["id"]: row["state"] for row in rows}


async def number_receipts(
    tx: Transaction, numbers: Mapping[UUID, str], notices: Sequence[str], now: datetime
) -> None:
    """Write receipt numbers into locked intents, and a notice of each to the bus."""
    await tx.execute_query(
        """UPDATE payments_intent i SET receipt_no = n.receipt_no, receipt_issued_at = $4
             FROM unnest($1::uuid[], $2::text[], $3::text[]) AS n (id, receipt_no, notice)
            WHERE i.id = n.id RETURNING pg_notify($5, n.notice)""",
        [list(numbers), list(numbers.values()), list(notices), now, bus.CHANNEL],
    )


async def list_live_intents(
    tx: Transaction, kind: str, subject_ref: str, owed_turn: int | None
) -> Sequence[Intent]:
    """The intents that pay this subject, or paid it whole, locked, by id.

    Of one that takes parts: those under way, and what its payee accepted after `owed_turn`. See the
    index payments_intent_live and the trigger payments_intent_parts.
    """
    return await fetch_models(
        tx,
        Intent,
        """WHERE kind = $1 AND subject_ref = $2 AND (
             state = ANY($3::text[])
             OR ($4::bigint IS NULL AND owed_fen IS NULL AND state = 'fulfilled')
             OR accepted_turn > $4)
           ORDER BY id FOR UPDATE""",
        kind,
        subject_ref,
        list(OPEN | TO_FULFIL),
        owed_turn,
    )


async def filter_own(person_id: UUID, intents: Sequence[Intent]) -> Sequence[Intent]:
    """Those of these intents that a person made, under this account or one merged into it."""
    if all(intent.payer_id == person_id for intent in intents):
        return intents
    accounts = await list_accounts(person_id)
    return [intent for intent in intents if intent.payer_id in accounts]


async def lock_open_intents(
    tx: Transaction, kind: str, subject_refs: Collection[str]
) -> Sequence[Intent]:
    """The unpaid intents of these subjects that no contract deducts, locked."""
    intents = Intent.filter(
        kind=kind, subject_ref__in=list(subject_refs), state__in=list(OPEN), contract_id=None
    )
    return await intents.using_db(tx).order_by("id").select_for_update()


async def has_lapsed(
    tx: Transaction, payer_id: UUID, kind: str, subject_ref: str, since: datetime
) -> bool:
    """Whether a payer has begun to pay this and let it be, since a moment."""
    row = await fetch_one(
        tx,
        """SELECT EXISTS (SELECT FROM payments_intent
             WHERE kind = $1 AND subject_ref = $2 AND payer_id = $3 AND created_at >= $4
               AND state IN ('expired', 'cancelling')) AS lapsed""",
        kind,
        subject_ref,
        payer_id,
        since,
    )
    assert row is not None
    return bool(row["lapsed"])


async def announce_order(intent_id: UUID, psp: str, states: Collection[str]) -> int | None:
    """Count a try to order before it is sent, in a transaction of its own; returns the count.

    None, and nothing counted, where the intent has left the PSP or these states.
    """
    row = await fetch_one(
        connection(),
        """UPDATE payments_intent SET order_tries = order_tries + 1
            WHERE id = $1 AND psp = $2 AND state = ANY($3::text[]) RETURNING order_tries""",
        intent_id,
        psp,
        list(states),
    )
    return None if row is None else int(row["order_tries"])


async def find_left_order(tx: Transaction, intent_id: UUID, psp: str) -> LeftOrder | None:
    """The order that an intent has left at a PSP. Lock the intent first to change it."""
    return await LeftOrder.filter(intent_id=intent_id, psp=psp).using_db(tx).first()


async def list_left_for_good(tx: Transaction, intent_id: UUID) -> set[str]:
    """The PSPs to which an intent cannot return: its number was or may be used there."""
    rows = await LeftOrder.filter(intent_id=intent_id).using_db(tx)
    return {row.psp for row in rows if row.evidence != Evidence.UNSENT or row.captured_fen}


async def list_overdue_left_orders(
    before: datetime, after: UUID, limit: int
) -> Sequence[LeftOrder]:
    """Left orders that nobody looked at when it was due, in the order of their ids."""
    return await LeftOrder.filter(due_at__lt=before, id__gt=after).order_by("id").limit(limit)


async def begin_fulfilment(
    intent_id: UUID, states: Collection[str], due_before: datetime
) -> Paid | None:
    """Count a try to pass a payment on before it is made, and return what is to be passed on.

    After a crash the next try knows by the count that this one may have arrived. None, and nothing
    counted, where the payment is in none of the states or due later. A statement and commit of its
    own.
    """
    row = await fetch_one(
        connection(),
        """UPDATE payments_intent SET attempts = attempts + 1
            WHERE id = $1 AND state = ANY($2::text[]) AND (due_at IS NULL OR due_at <= $3)
           RETURNING payer_id, kind, subject_ref, amount_fen, paid_at, attempts - 1 AS attempt""",
        intent_id,
        list(states),
        due_before,
    )
    return None if row is None else Paid(intent_id, **row)


async def list_intents(
    payer_ids: Sequence[UUID], *, first: int, before: UUID | None
) -> Sequence[Intent]:
    """The intents of some accounts, newest first."""
    intents = Intent.filter(payer_id__in=payer_ids)
    if before is not None:
        intents = intents.filter(id__lt=before)
    return await intents.order_by("-id").limit(first)


async def find_refund_by_key(tx: Transaction, key: str) -> Refund | None:
    """A refund by its business key. Lock its intent first."""
    return await Refund.filter(key=key).using_db(tx).first()


async def lock_refund(tx: Transaction, refund_id: UUID) -> Refund | None:
    """A refund by id, locked until the transaction ends. Lock its intent first."""
    return await Refund.filter(id=refund_id).using_db(tx).select_for_update().first()


async def find_refund(refund_id: UUID, tx: Transaction | None = None) -> Refund | None:
    """A refund by id, as it is committed or as `tx` sees it."""
    return await Refund.get_or_none(id=refund_id, using_db=tx)


async def has_open_refund(intent_id: UUID, since: datetime) -> bool:
    """Whether a refund of a payment, asked for since a moment, is not made."""
    refunds = Refund.filter(intent_id=intent_id, created_at__gt=since)
    return await refunds.exclude(state="succeeded").exists()


async def list_overdue_intents(before: datetime, after: UUID, limit: int) -> Sequence[Intent]:
    """Intents that nobody looked at when it was due, in the order of their ids."""
    return await Intent.filter(due_at__lt=before, id__gt=after).order_by("id").limit(limit)


async def list_overdue_refunds(before: datetime, after: UUID, limit: int) -> Sequence[Refund]:
    """Refunds that nobody looked at when it was due, in the order of their ids."""
    return await Refund.filter(due_at__lt=before, id__gt=after).order_by("id").limit(limit)


async def hear_nonce(tx: Transaction, nonce: str, now: datetime) -> bool:
    """Note a callback's nonce; False where it was heard before. The same one at the same moment
    waits until `tx` ends."""
    row = await fetch_one(
        tx,
        """INSERT INTO payments_callback_nonce (id, heard_at) VALUES ($1, $2)
           ON CONFLICT (id) DO NOTHING RETURNING true""",
        nonce,
        now,
    )
    return row is not None


async def forget_nonce(tx: Transaction, nonce: str) -> None:
    """Take back that a callback's nonce was heard."""
    await tx.execute_query("DELETE FROM payments_callback_nonce WHERE id = $1", [nonce])


async def forget_nonces(before: datetime) -> None:
    """Drop nonces of callbacks that would be refused for their age anyway."""
    await connection().execute_query(
        "DELETE FROM payments_callback_nonce WHERE heard_at < $1", [before]
    )


async def forget_usage(before: date) -> None:
    """Drop the counters of limits of days before this one."""
    await connection().execute_query("DELETE FROM payments_usage WHERE used_on < $1", [before])
