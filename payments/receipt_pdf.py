"""A receipt as PDF: what was paid, by whom, and what of it went back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.clock import civil_time
from core.money import capital_yuan, format_yuan
from core.standards.sheet import Line, Sheet
from core.texts import Named
from payments.receipts import Receipt
from payments.texts import RECEIPT_TITLE


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who issues the receipt, and to whom."""

    city: Named
    app: Named
    payer: str


def draw(receipt: Receipt, issuer: Issuer, note: Named) -> Sheet:
    """The page of a receipt."""
    return Sheet(
        title=Named(RECEIPT_TITLE.zh, RECEIPT_TITLE.en),
        number=receipt.receipt_no,
        city=issuer.city,
        issuer=issuer.app,
        lines=_lines(receipt, issuer),
        note=note,
    )


def _lines(receipt: Receipt, issuer: Issuer) -> Sequence[Line]:
    paid = receipt.payment
    left_fen = paid.captured_fen - paid.refunded_fen
    amount = f"¥{format_yuan(paid.amount_fen)}    {capital_yuan(paid.amount_fen)}"
    lines = [
        Line("付款人", "Payer", issuer.payer),
        Line("事项", "For", f"{paid.title_zh} / {paid.title_en}"),
        Line("金额", "Amount", amount),
        Line("付款时间", "Paid at", _clock_time(paid.paid_at)),
        Line("支付流水号", "Payment number", paid.psp_ref or ""),
        Line("收款单位凭证号", "Payee's number", paid.fulfilment_ref or ""),
        Line("开具时间", "Issued at", _clock_time(receipt.issued_at)),
    ]
    if paid.is_part:
        lines.insert(3, Line("缴费前未缴", "Open before", f"¥{format_yuan(paid.owed_fen or 0)}"))
    if paid.refunded_fen:
        back = f"¥{format_yuan(paid.refunded_fen)}    实付 / net ¥{format_yuan(left_fen)}"
        lines.insert(3, Line("已退款", "Refunded", back))
    return lines


def _clock_time(moment: datetime | None) -> str:
    return "" if moment is None else civil_time(moment)
