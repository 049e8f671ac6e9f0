"""Alipay's trade bill: a ZIP with detail and summary in GBK, believed by its totals.

Alipay announces no digest: the ZIP's own checksum and the detail's footer stand in for one.
Source: opendocs.alipay.com, alipay.data.dataservice.bill.downloadurl.query.
"""

import re
import zipfile
from collections.abc import Iterator
from typing import BinaryIO, cast

from payments.reconciliation.statements import (
    Announced,
    Line,
    StatementRefused,
    above_zero,
    civil_time,
    fen,
    read_lines,
    ref_of,
)

NAME = "alipay"

_CELLS = 25
_DETAIL = "业务明细.csv"
_FOOTER = re.compile(r"#(交易|退款)合计：([0-9]+)笔，商家实收(?:退款)?共(-?[0-9.]+)元，.*")


def read(file: BinaryIO, announced: Announced) -> Iterator[Line]:
    """The lines of a trade bill; see payments.reconciliation.statements.Source."""
    try:
        with zipfile.ZipFile(file) as archive:
            detail = [name for name in archive.namelist() if name.endswith(_DETAIL)]
            if len(detail) != 1 or not detail[0].startswith(announced.account):
                raise StatementRefused(NAME, "malformed", "not one detail of this account")
            with archive.open(detail[0]) as content:
                yield from _read_detail(read_lines(NAME, cast(BinaryIO, content), "gbk"))
    except zipfile.BadZipFile:
        raise StatementRefused(NAME, "malformed", "BadZipFile") from None


def _read_detail(lines: Iterator[str]) -> Iterator[Line]:
    totals = {"交易": [0, 0], "退款": [0, 0]}
    told: dict[str, list[int]] = {}
    header = False
    for number, raw in enumerate(lines, 1):
        text = raw.removesuffix("\r")
        try:
            if text.startswith("#"):
                told |= _footer(text)
            elif not header:
                header = text.startswith("支付宝交易号,商户订单号,")
                if not header:
                    raise ValueError("another header")
            elif text:
                kind, line = _line(text)
                totals[kind][0] += 1
                totals[kind][1] += -line.amount_fen if line.is_refund else line.amount_fen
                yield line
        except (KeyError, ValueError):
            raise StatementRefused(NAME, "malformed", f"line {number}") from None
    if set(told) != set(totals):
        raise StatementRefused(NAME, "truncated", "no totals")
    if told != totals:
        raise StatementRefused(NAME, "totals")


def _line(text: str) -> tuple[str, Line]:
    """One line and its kind. Raises ValueError."""
    cells = [cell.strip() for cell in text.split(",")]
    if len(cells) != _CELLS:
        raise ValueError("not a line")
    kind, order_ref, at = cells[2], ref_of(cells[1]), civil_time(cells[5])
    amount_fen, fee_fen = fen(cells[12]), fen(cells[22])
    if kind == "退款":
        ref = ref_of(cells[21])
        return kind, Line(
            True, ref, order_ref, ref_of(cells[0]), above_zero(-amount_fen), fee_fen, at
        )
    return kind, Line(
        False, order_ref, order_ref, ref_of(cells[0]), above_zero(amount_fen), -fee_fen, at
    )


def _footer(text: str) -> dict[str, list[int]]:
    found = _FOOTER.fullmatch(text)
    return {} if found is None else {found[1]: [int(found[2]), fen(found[3])]}
