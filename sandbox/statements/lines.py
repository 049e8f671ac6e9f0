"""The lines of a statement: real ones, invented ones in bulk, and breaks planted among them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, NamedTuple

FEE_BPS = 60
"""What a payment platform keeps: 0.6 % of each payment, given back with what is refunded."""

SYNTHETIC_REFUND_EVERY = 50

BreakKind = Literal["missing_row", "extra_row", "amount", "fee", "date", "duplicate", "refund"]


class Line(NamedTuple):
    """One payment or refund of a day; `at` is Beijing time, `yyyy-mm-dd hh:mm:ss`.

    `trade_ref` and `refund_ref` are the reporting side's numbers, `order_no` and `refund_no` the
    other's. Amount and fee are positive; of a refund, the fee is what is given back.
    """

    at: str
    order_no: str
    trade_ref: str
    amount_fen: int
    fee_fen: int
    title: str
    product: str = ""
    refund_no: str = ""
    refund_ref: str = ""
    merchant: str = ""
    """Whose payment it is, where it is not the reader's own."""

    @property
    def is_refund(self) -> bool:
        """Whether money went back."""
        return bool(self.refund_no)


@dataclass(frozen=True)
class Break:
    """What is wrong in a statement on purpose; without order_no, at the next sound payment."""

    break_id: int
    kind: BreakKind
    order_no: str | None


def fee_of(amount_fen: int) -> int:
    """The platform's fee for an amount, to the fen, half up: core.money's rule in whole numbers."""
    return (amount_fen * FEE_BPS + 5_000) // 10_000


def synthetic(day: date, count: int) -> Iterator[Line]:
    """`count` invented lines, by a rule that others can repeat (docs/upstreams/bills.md)."""
    dense, dashed = f"{day:%Y%m%d}", day.isoformat()
    for k in range(count):
        refunds = k % SYNTHETIC_REFUND_EVERY == SYNTHETIC_REFUND_EVERY - 1
        n = k - 1 if refunds else k
        amount_fen = 100 + n * 7919 % 100_000
        minute, second = divmod(k % 86_400, 60)
        yield Line(
            at=f"{dashed} {minute // 60:02d}:{minute % 60:02d}:{second:02d}",
            order_no=f"SYN{dense}{n:09d}",
            trade_ref=f"42000099{dense}{n:012d}",
            amount_fen=amount_fen,
            fee_fen=fee_of(amount_fen),
            title="synthetic",
            product="MWEB",
            refund_no=f"SYNR{dense}{n:09d}" if refunds else "",
            refund_ref=f"50300099{dense}{n:012d}" if refunds else "",
        )


def planted(
    lines: Iterable[Line], breaks: Sequence[Break], day: date, hits: dict[int, str]
) -> Iterator[Line]:
    """The lines with the breaks in them; `hits` learns which order each break struck."""
    named = {b.order_no: b for b in breaks if b.order_no and b.kind != "extra_row"}
    loose = [b for b in breaks if not b.order_no and b.kind != "extra_row"]
    for line in lines:
        found = None if line.is_refund else named.pop(line.order_no, None)
        if found is None and loose and not line.is_refund:
            found = loose.pop(0)
        if found is None:
            yield line
        else:
            hits[found.break_id] = line.order_no
            yield from _broken(line, found.kind)
    for extra in (b for b in breaks if b.kind == "extra_row"):
        line = _invented(extra, day)
        hits[extra.break_id] = line.order_no
        yield line


def _broken(line: Line, kind: BreakKind) -> Iterator[Line]:
    if kind == "missing_row":
        return
    if kind == "amount":
        yield line._replace(amount_fen=line.amount_fen + 100)
    elif kind == "fee":
        yield line._replace(fee_fen=line.fee_fen + 1)
    elif kind == "date":
        before = date.fromisoformat(line.at[:10]) - timedelta(days=1)
        yield line._replace(at=f"{before}{line.at[10:]}")
    elif kind == "duplicate":
        yield from (line, line)
    else:  # a refund that nobody asked for
        unasked_no = f"UNASKED{line.order_no}"[:64]
        yield from (line, line._replace(refund_no=unasked_no, refund_ref=f"U{line.trade_ref}"))


def _invented(extra: Break, day: date) -> Line:
    order_no = extra.order_no or f"SANDBOXEXTRA{extra.break_id:06d}"
    return Line(
        at=f"{day} 12:00:00",
        order_no=order_no,
        trade_ref=f"42000098{day:%Y%m%d}{extra.break_id:012d}",
        amount_fen=1234,
        fee_fen=fee_of(1234),
        title="sandbox extra",
        product="MWEB",
    )
