"""The report of a day: one self-contained HTML page, Chinese and English side by side.

Nothing in it tells of a person: sums, counts, and the numbers of payments that differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from html import escape

from core.clock import SHANGHAI
from core.context.app import App
from core.money import format_yuan
from core.texts import Locale, Text
from payments.domain import Side
from payments.reconciliation import cases, payouts, picture, texts
from payments.reconciliation.domain import UNSETTLED
from payments.reconciliation.models import Case, CaseNote, Payout, Statement
from payments.reconciliation.sources import get_sources

CASES_SHOWN = 500

_STYLE = """
:root{color-scheme:light}body{font:15px/1.5 system-ui,"PingFang SC","Noto Sans CJK SC",sans-serif;
color:#222;max-width:1180px;margin:24px auto;padding:0 16px}h1{font-size:24px;margin:0}
h2{font-size:18px;margin:32px 0 8px;border-bottom:1px solid #ddd}.w{overflow-x:auto}
table{border-collapse:collapse;margin:8px 0;width:100%}td,th{padding:4px 10px;
border-bottom:1px solid #e5e5e5;text-align:right;white-space:nowrap}th{font-weight:600;
vertical-align:bottom}td:first-child,th:first-child,.l{text-align:left}
svg{width:100%;height:auto;border:1px solid #eee;border-radius:6px}svg text{font-family:inherit}
.a{font-size:11px;fill:#555}.e{text-anchor:end}.m{text-anchor:middle}.g{stroke:#e8e8e8}
.n{font-size:12px;font-weight:700}.small{color:#555;font-size:13px}
.good{background:#e8f5ee;border-left:5px solid #009e73;padding:10px 14px;margin:12px 0}
.bad{background:#fde8e8;border-left:5px solid #d55e00;padding:10px 14px;margin:12px 0}
.key{display:inline-block;width:12px;height:12px;margin:0 5px 0 14px;vertical-align:-1px}
.stop{display:inline-block;width:11px;height:11px;border-radius:3px;background:#b00020;
margin-left:6px;vertical-align:-1px}.why{white-space:normal;min-width:120px}.dot{display:inline-block;width:9px;height:9px;border-radius:50%;margin-right:7px}
code{font-size:12px;overflow-wrap:anywhere}.not{color:#b00020}
"""
_STOP = "<span class='stop'></span>"


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the page tells."""

    on: date
    statements: Sequence[Statement]
    cases: Sequence[Case]
    last_notes: dict[int, CaseNote]
    payouts: Sequence[Payout]
    unpaid: Sequence[str]
    """Payees of the day without a payout."""
    psps: frozenset[str]


async def gather(app: App, on: date) -> Report:
    """Read what is known of a day."""
    statements = await Statement.filter(booked_on=on).order_by("source")
    found = await cases.list_cases(on=on, unsettled=False)
    notes = await CaseNote.filter(case_id__in=[case.id for case in found[:CASES_SHOWN]])
    paid = await Payout.filter(settled_on=on).order_by("payee")
    done = {payout.payee for payout in paid}
    return Report(
        on,
        statements,
        found,
        {note.case_id: note for note in sorted(notes, key=lambda note: note.id)},
        paid,
        [payee for payee in await payouts.list_payees(on) if payee not in done],
        frozenset(source.name for source in get_sources(app) if source.side is Side.PSP),
    )


def render(report: Report) -> str:
    """The page."""
    title = _both(texts.TITLE)
    return (
        "<!doctype html><html lang='zh'><head><meta charset='utf-8'>"
        f"<title>{title} {report.on}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{title}</h1><p>{report.on} · Asia/Shanghai</p>"
        + _verdict(report)
        + _picture(report)
        + _statements(report)
        + _cases(report)
        + _payouts(report)
        + "</body></html>"
    )


def _verdict(report: Report) -> str:
    if not report.statements:
        return f"<p class='bad'>{_both(texts.NOTHING_YET)}</p>"
    unsettled = sum(case.state in UNSETTLED for case in report.cases)
    apart_fen = sum(
        abs(s.their_paid_fen - s.our_paid_fen) + abs(s.their_refunded_fen - s.our_refunded_fen)
        for s in report.statements
        if s.source in report.psps
    )
    text = texts.UNSETTLED_CASES if unsettled else texts.ALL_SETTLED
    if not unsettled and apart_fen:
        text = texts.SETTLED_WITH_DIFFERENCES
    css = "bad" if unsettled or apart_fen else "good"
    yuan = format_yuan(apart_fen)
    return f"<p class='{css}'><b>{_both(text, count=unsettled, yuan=yuan)}</b></p>"


def _picture(report: Report) -> str:
    hours = [[0, 0] for _ in range(24)]
    for statement in report.statements:
        if statement.source in report.psps:
            for hour, (theirs, ours) in enumerate(statement.hours):
                hours[hour][0] += theirs
                hours[hour][1] += ours
    breaks = [(case.kind, _hour(case)) for case in report.cases]
    names = {kind: f"{text.zh} {text.en}" for kind, text in texts.KINDS.items()}
    label = _both(texts.PICTURE)
    return (
        f"<h2>{label}</h2><p class='small'>"
        f"<span class='key' style='background:{picture.THEIRS}'></span>{_both(texts.THEIRS)}"
        f"<span class='key' style='background:{picture.OURS}'></span>{_both(texts.OURS)}"
        f"</p>{picture.day(hours, breaks, names, label)}"
    )


def _hour(case: Case) -> int:
    at = case.our_at or case.their_at
    assert at is not None, "one side has it"
    return at.astimezone(SHANGHAI).hour


def _statements(report: Report) -> str:
    rows = [
        [
            f"<b>{escape(s.source)}</b>",
            f"{s.lines:,}",
            f"{s.matched:,}",
            f"{s.awaited:,}",
            _yuan(s.their_paid_fen),
            _yuan(s.our_paid_fen),
            _difference(s.their_paid_fen - s.our_paid_fen),
            _yuan(s.their_refunded_fen),
            _yuan(s.their_fee_fen),
            f"{s.duration_ms / 1000:.1f}",
        ]
        for s in report.statements
    ]
    digests = "".join(
        f"<br>{escape(s.source)} <code>{escape(s.digest)}</code>"
        for s in report.statements
        if s.digest
    )
    return (
        f"<h2>{_both(texts.STATEMENTS)}</h2>"
        + _table(texts.STATEMENT_COLUMNS, rows)
        + (f"<p class='small'>{_both(texts.DIGESTS)}{digests}</p>" if digests else "")
    )


def _cases(report: Report) -> str:
    if not report.cases:
        return ""
    rows = []
    for case in report.cases[:CASES_SHOWN]:
        note = report.last_notes.get(case.id)
        why = f"{note.resolution or ''} {note.actor}: {note.note}" if note and note.note else ""
        rows.append(
            [
                f"{case.id}",
                f"<span class='dot' style='background:{picture.COLOURS[case.kind]}'></span>"
                f"{_both(texts.KINDS[case.kind])}",
                escape(case.source),
                f"<code>{escape(case.ref)}</code>",
                _maybe(case.our_fen),
                _maybe(case.their_fen),
                _both(texts.STATES[case.state]) + (_STOP if _holds(case) else ""),
                f"<div class='small why'>{escape(why.strip())}</div>",
            ]
        )
    more = len(report.cases) - len(rows)
    rest = f"<p>{_both(texts.MORE_CASES, count=more)}</p>" if more else ""
    legend = f"<p class='small'>{_STOP} {_both(texts.HOLDS_BACK)}</p>"
    return (
        f"<h2>{_both(texts.CASES)} ({len(report.cases):,})</h2>"
        + _table(texts.CASE_COLUMNS, rows, left=(1, 2, 3, 6, 7))
        + rest
        + legend
    )


def _holds(case: Case) -> bool:
    return bool(case.blocking) and case.state in UNSETTLED


def _payouts(report: Report) -> str:
    rows = [
        [
            f"<b>{escape(p.payee)}</b>",
            f"{p.payments:,}",
            _yuan(p.fulfilled_fen),
            _yuan(p.reversed_fen),
            _yuan(p.claimed_fen),
            _yuan(p.fee_fen),
            f"<b>{_yuan(p.amount_fen)}</b>",
        ]
        for p in report.payouts
    ]
    rows += [
        [f"<b>{escape(payee)}</b>", *[""] * 5, f"<span class='not'>{_both(texts.NO_PAYOUT)}</span>"]
        for payee in report.unpaid
    ]
    return f"<h2>{_both(texts.PAYOUTS)}</h2>" + _table(texts.PAYOUT_COLUMNS, rows)


def _table(columns: Sequence[Text], rows: Sequence[Sequence[str]], left: Sequence[int] = ()) -> str:
    head = "".join(
        f"<th{_left(n in left)}>{column.zh}<br><span class='small'>{column.en}</span></th>"
        for n, column in enumerate(columns)
    )
    body = "".join(
        "<tr>"
        + "".join(f"<td{_left(n in left)}>{cell}</td>" for n, cell in enumerate(row))
        + "</tr>"
        for row in rows
    )
    return f"<div class='w'><table><tr>{head}</tr>{body}</table></div>"


def _left(is_left: bool) -> str:
    return " class='l'" if is_left else ""


def _both(text: Text, **values: object) -> str:
    return escape(f"{text.say(Locale.ZH, **values)} · {text.say(Locale.EN, **values)}")


def _yuan(amount_fen: int) -> str:
    whole, _, cents = format_yuan(amount_fen).partition(".")
    return f"{int(whole):,}.{cents}" if whole != "-0" else f"-0.{cents}"


def _maybe(amount_fen: int | None) -> str:
    return "–" if amount_fen is None else _yuan(amount_fen)


def _difference(amount_fen: int) -> str:
    return "0.00" if amount_fen == 0 else f"<span class='not'>{_yuan(amount_fen)}</span>"
