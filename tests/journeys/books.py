"""The books of both sides of a house that was broken: ours, and those of PSPs and water company.

What the city's outside says is read from the sandbox's own file, not through anything of ours.
"""

import asyncio
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from journeys.house import House
from journeys.load import Load, stubbornly

_RESTS_WITHIN_S = 900.0  # the ladder's longest wait is ten minutes


async def come_to_rest(house: House) -> float:
    """Wait until nothing paid is under way any more; returns how long that took, in seconds."""
    started_s = time.monotonic()
    while left := await under_way(house):
        waited_s = time.monotonic() - started_s
        assert waited_s < _RESTS_WITHIN_S, left
        await asyncio.sleep(0.5)
    return time.monotonic() - started_s


async def under_way(house: House) -> list[Mapping[str, Any]]:
    """Payments that are neither settled, receipted and told, nor refunded and told."""
    sql = """SELECT id, psp, state, captured_fen, checks, attempts, due_at, receipt_no,
                    (SELECT string_agg(q.entrypoint || ' ' || q.status, ', ') FROM pgqueuer q
                      WHERE convert_from(q.payload, 'UTF8') LIKE '%' || i.id || '%') AS jobs,
                    (SELECT string_agg(concat_ws(' ', r.id, r.psp, r.state, r.attempts, r.due_at,
                                                 q.status, q.execute_after, q.attempts), ', ')
                       FROM payments_refund r
                       LEFT JOIN pgqueuer q
                         ON convert_from(q.payload, 'UTF8') LIKE '%' || r.id || '%'
                      WHERE r.intent_id = i.id) AS refunds
               FROM payments_intent i
              WHERE state IN ('paid', 'fulfilment_unknown', 'refunding', 'created',
                              'order_unknown', 'leaving')
                 OR (state = 'fulfilled' AND receipt_no IS NULL)
                 OR (captured_fen > 0 AND NOT EXISTS (
                      SELECT FROM notifications_message m WHERE m.key = concat('bill-',
                        CASE state WHEN 'refunded' THEN 'refused' ELSE 'paid' END, ':', i.id)))
                 OR (captured_fen = 0 AND id = ANY($1::uuid[]))"""
    paid = [order.intent_id for order in read_outside(house).orders]
    return await stubbornly(lambda: house.query(sql, paid))


@dataclass(frozen=True, slots=True)
class Order:
    """An order that the PSP took money for."""

    intent_id: UUID
    total_fen: int
    refunded_fen: int


@dataclass(frozen=True, slots=True)
class Outside:
    """The books of both PSPs and of the water company."""

    orders: Sequence[Order]
    write_offs: Mapping[UUID, tuple[str, int]]
    """By payment: the bill's number and the amount in fen."""


def read_outside(house: House) -> Outside:
    """Read from the sandbox city's own file, not through anything of ours."""
    file = house.data_dir / "sandbox.sqlite3"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as books:
        orders = books.execute(
            """SELECT out_trade_no, total, coalesce((SELECT sum(refund) FROM wechat_refund r
                 WHERE r.out_trade_no = o.out_trade_no AND r.status = 'SUCCESS'), 0)
                 FROM wechat_order o WHERE success_time IS NOT NULL
               UNION ALL
               SELECT out_trade_no, total_fen, refunded_fen FROM alipay_trade
                WHERE paid_at IS NOT NULL"""
        ).fetchall()
        written = books.execute(
            "SELECT payment_ref, bill_no, amount_fen FROM biller_write_off WHERE kind = 'water'"
        ).fetchall()
    return Outside(
        [Order(UUID(number), total, refunded) for number, total, refunded in orders],
        {UUID(ref): (bill_no, amount) for ref, bill_no, amount in written},
    )


async def compare(house: House, load: Load) -> None:
    """Both sides say the same of every single payment, and of their sums."""
    outside = read_outside(house)
    rows = await house.query(
        """SELECT i.*, b.bill_no FROM payments_intent i
             LEFT JOIN bills_bill b ON b.id::text = i.subject_ref"""
    )
    ours = {row["id"]: row for row in rows}
    charged_for = [order.intent_id for order in outside.orders]
    assert len(charged_for) == len(set(charged_for)), "two PSPs charged for one payment"
    for order in outside.orders:
        _settled_or_refunded(ours[order.intent_id], order, outside.write_offs)
    fulfilled = {row["id"] for row in rows if row["state"] == "fulfilled"}
    assert outside.write_offs.keys() == fulfilled, "a write-off without its payment"
    charged = [row["subject_ref"] for row in rows if row["captured_fen"] > row["refunded_fen"]]
    assert len(charged) == len(set(charged)), "a bill was charged twice"
    assert {row["id"] for row in rows if row["captured_fen"]} == {
        order.intent_id for order in outside.orders
    }, "captured here and not there"
    assert load.paid == {str(intent_id) for intent_id in fulfilled}
    assert load.withdrawn == {str(row["id"]) for row in rows if row["state"] == "refunded"}
    assert all(ours[UUID(payment_id)]["captured_fen"] == 0 for payment_id in load.unpaid)
    await _sums_agree(house, outside)
    numbers = sorted(int(row["receipt_no"][4:]) for row in rows if row["receipt_no"])
    assert numbers == list(range(1, len(fulfilled) + 1)), "a receipt's number is missing"
    for command in (("ledger", "verify"), ("ledger", "trial-balance")):
        done = house.run(*command)
        assert done.returncode == 0, done.stdout + done.stderr


def _settled_or_refunded(
    intent: Mapping[str, Any], order: Order, write_offs: Mapping[UUID, tuple[str, int]]
) -> None:
    told = {name: intent[name] for name in ("id", "state", "captured_fen", "refunded_fen")}
    assert intent["captured_fen"] == order.total_fen, told
    assert intent["refunded_fen"] == order.refunded_fen, told
    if intent["state"] == "fulfilled":
        assert order.refunded_fen == 0, told
        assert write_offs[intent["id"]] == (intent["bill_no"], order.total_fen), told
    else:
        assert (intent["state"], order.refunded_fen) == ("refunded", order.total_fen), told
        assert intent["id"] not in write_offs, told


async def _sums_agree(house: House, outside: Outside) -> None:
    """The accounts of PSP, payee and payers hold what the outside says, to the fen."""
    rows = await house.query(
        """SELECT split_part(a.code, ':', 1) AS place,
                  sum(CASE a.normal WHEN 'D' THEN b.debit_fen - b.credit_fen
                                    ELSE b.credit_fen - b.debit_fen END)::bigint AS fen,
                  sum(b.held_fen)::bigint AS held_fen
             FROM payments_account a JOIN payments_balance b ON b.account_id = a.id GROUP BY 1"""
    )
    places = {row["place"]: (row["fen"], row["held_fen"]) for row in rows}
    kept_fen = sum(order.total_fen - order.refunded_fen for order in outside.orders)
    assert places["psp"] == (kept_fen, 0)
    assert places["payee"] == (sum(fen for _, fen in outside.write_offs.values()), 0)
    assert places["payer"] == (0, 0)
