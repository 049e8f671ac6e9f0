"""The books as tables: balances by subject, an account's statement, payouts, the bank's bookings.

Written as CSV (with a byte order mark, so that spreadsheets read the Chinese) or as Excel.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import xlsxwriter

from core.clock import SHANGHAI
from core.money import format_yuan
from payments.bank.models import BankEntry, Transfer
from payments.finance import Finance
from payments.ledger.accounts import Side
from payments.ledger.closing import AccountStatement, PeriodBalance
from payments.reconciliation.claims import BOUNDS, Claim

Cell = str | int | date
"""A text, an amount in fen, or a day."""

LINES_MAX = 1_000_000
"""What an Excel sheet holds, near enough."""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows; whole numbers are fen and are written as yuan."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def balances(finance: Finance, rows: Sequence[PeriodBalance]) -> Table:
    """科目余额表: every account with its subject, the last line being the sums."""
    lines: list[Sequence[Cell]] = []
    for row in rows:
        subject = finance.subject_of(row.code)
        side = "借" if row.normal is Side.DEBIT else "贷"
        amounts = (row.opening_fen, row.debit_fen, row.credit_fen, row.closing_fen)
        lines.append((subject.code, subject.name.zh, row.code, side, *amounts))
    lines.sort(key=lambda line: (str(line[0]), str(line[2])))
    debit, credit = (sum(r.debit_fen for r in rows), sum(r.credit_fen for r in rows))
    lines.append(("", "合计", "", "", "", debit, credit, ""))
    columns = (
        "科目编码",
        "科目名称",
        "账户",
        "方向",
        "期初余额",
        "本期借方",
        "本期贷方",
        "期末余额",
    )
    return Table("科目余额表", columns, lines)


def statement(finance: Finance, account: AccountStatement) -> Table:
    """明细账: an account's postings with the balance after each."""
    balance = account.opening_fen
    rows: list[Sequence[Cell]] = [("", "期初余额", "", "", balance)]
    for line in account.lines:
        balance += account.signed_fen(line)
        is_debit = line.side is Side.DEBIT
        rows.append(
            (
                f"{line.posted_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}",
                line.key,
                line.amount_fen if is_debit else "",
                "" if is_debit else line.amount_fen,
                balance,
            )
        )
    subject = finance.subject_of(account.code)
    columns = ("时间", "凭证", "借方", "贷方", "余额")
    return Table(f"{subject.code} {subject.name.zh} {account.code}", columns, rows)


def transfers(rows: Sequence[Transfer]) -> Table:
    """付款清单: payouts to payees' accounts and what has become of them."""
    columns = ("付款编号", "收款方", "金额", "状态", "批次", "原因", "日期")
    return Table(
        "付款清单",
        columns,
        [
            (
                *(row.id.hex, row.payee, row.amount_fen, row.state),
                *(row.order_ref or "", row.reason or ""),
                f"{row.created_at.astimezone(SHANGHAI):%Y-%m-%d}",
            )
            for row in rows
        ],
    )


def claims(rows: Sequence[Claim]) -> Table:
    """应收款账龄表: what payees owe us, by how long they have."""
    columns = ("收款单位", "应收合计", *(f"超过 {days} 天" for days in BOUNDS))
    lines: list[Sequence[Cell]] = [(row.payee, row.total_fen, *row.older_fen) for row in rows]
    return Table("应收款账龄表", columns, lines)


def bank_entries(rows: Sequence[BankEntry]) -> Table:
    """银行存款日记账: the bank's bookings and what each was taken for."""
    columns = ("记账日期", "银行流水号", "收入", "支出", "用途", "对象", "摘要")
    return Table(
        "银行存款日记账",
        columns,
        [
            (
                *(row.booked_on, row.ref),
                *((row.amount_fen, "") if row.amount_fen > 0 else ("", -row.amount_fen)),
                *(row.kind, row.target, row.text),
            )
            for row in rows
        ],
    )


def write(table: Table, path: Path) -> None:
    """Write a file by its ending, .csv or .xlsx. Raises ValueError for another."""
    writer = _WRITERS.get(path.suffix)
    if writer is None:
        raise ValueError("a file ends in .csv or .xlsx")
    path.write_bytes(writer(table))


def to_csv(table: Table) -> bytes:
    """The table as CSV (RFC 4180)."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(table.columns)
    writer.writerows([_text(cell) for cell in row] for row in table.rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def to_xlsx(table: Table) -> bytes:
    """The table as an Excel sheet; amounts are numbers. No text is ever taken for a formula."""
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet(table.title[:31].replace("/", " ").replace(":", " "))
        head, money = book.add_format({"bold": True}), book.add_format({"num_format": "#,##0.00"})
        for column, name in enumerate(table.columns):
            sheet.write_string(0, column, name, head)
        for place, row in enumerate(table.rows, 1):
            for column, cell in enumerate(row):
                if isinstance(cell, int):
                    sheet.write_number(place, column, Decimal(cell) / 100, money)
                else:
                    sheet.write_string(place, column, str(cell))
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(table.columns) - 1, 20)
    return out.getvalue()


_WRITERS: dict[str, Callable[[Table], bytes]] = {".csv": to_csv, ".xlsx": to_xlsx}


def _text(cell: Cell) -> str:
    """A cell of a CSV; what a spreadsheet would take for a formula is set off by an apostrophe."""
    if isinstance(cell, int):
        return format_yuan(cell)
    text = str(cell)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text
