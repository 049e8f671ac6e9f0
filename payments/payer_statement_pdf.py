"""A person's statement of payments as PDF: the sums, then each payment and refund."""

from collections.abc import Sequence
from datetime import datetime

from core.clock import civil_time
from core.money import format_yuan
from core.standards.sheet import Line, Sheet
from core.texts import Named
from payments.payer_statement import Movement, PayerStatement
from payments.receipt_pdf import Issuer
from payments.texts import STATEMENT_NOTE, STATEMENT_TITLE

_LINES = 11
"""So many fit on a page."""


def draw(statement: PayerStatement, issuer: Issuer, at: datetime) -> list[Sheet]:
    """The pages of a statement that is made at a moment."""
    pages = [_summary(statement, issuer, at)]
    pages += [
        [_line(movement) for movement in statement.movements[first : first + _LINES]]
        for first in range(0, len(statement.movements), _LINES)
    ]
    number = f"{statement.first_on:%Y%m%d}-{statement.last_on:%Y%m%d}"
    return [
        Sheet(
            title=Named(STATEMENT_TITLE.zh, STATEMENT_TITLE.en),
            number=f"{number} {page}/{len(pages)}",
            city=issuer.city,
            issuer=issuer.app,
            lines=lines,
            note=Named(STATEMENT_NOTE.zh, STATEMENT_NOTE.en),
        )
        for page, lines in enumerate(pages, 1)
    ]


def _summary(statement: PayerStatement, issuer: Issuer, at: datetime) -> Sequence[Line]:
    paid, refunded = statement.paid_fen, statement.refunded_fen
    refunds = sum(movement.is_refund for movement in statement.movements)
    return [
        Line("付款人", "Payer", issuer.payer),
        Line("起止日期", "Period", f"{statement.first_on} – {statement.last_on}"),
        Line("付款笔数", "Payments", str(len(statement.movements) - refunds)),
        Line("付款合计", "Paid", f"¥{format_yuan(paid)}"),
        Line("退款笔数", "Refunds", str(refunds)),
        Line("退款合计", "Refunded", f"¥{format_yuan(refunded)}"),
        Line("净额", "Net", f"¥{format_yuan(paid - refunded)}"),
        Line("截至", "As of", civil_time(at)),
    ]


def _line(movement: Movement) -> Line:
    what = ("退款", "Refund") if movement.is_refund else ("付款", "Payment")
    sign = "+" if movement.is_refund else "-"
    amount = f"{sign}¥{format_yuan(movement.amount_fen)}"
    title = f"{movement.title_zh} / {movement.title_en}"
    at = civil_time(movement.at)
    return Line(
        f"{what[0]} {at[:10]}", f"{what[1]} {at[11:]}", f"{amount}  {title}  {movement.ref}"
    )
