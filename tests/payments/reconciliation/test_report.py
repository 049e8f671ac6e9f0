"""The picture of a day tells what is known, in one file, and of nobody."""

import re
from datetime import date, timedelta
from xml.etree import ElementTree

from core.database import connection, fetch_all
from core.money import format_yuan
from payments.models import Intent
from payments.reconciliation import jobs, picture, report, service
from payments.reconciliation.cases import SYSTEM, list_cases, trail
from payments.reconciliation.domain import BreakKind, CorrectionKind
from payments.reconciliation.payouts import pay_out
from payments.reconciliation.sources import get_sources
from tests.payments.reconciliation.books import CHIEF, CLERK, PSP, Books, at, found

DAY = date(2026, 11, 22)


async def _a_day(books: Books) -> list[str]:
    """A day with a faithful payee, a wrong amount and a payment missing; our numbers of those."""
    for source in get_sources(books.app):
        await books.told(DAY, [], source.name)
    paid = [await books.paid(at(DAY, "14:30:00"), payee="gas") for _ in range(3)]
    lines = [await books.line(intent_id) for intent_id in paid]
    await books.told(DAY, [lines[0], lines[1]._replace(amount_fen=1)])
    books.go_to(at(DAY + timedelta(days=1), "11:00:00"))
    return [paid[1].hex, paid[2].hex]


async def test_it_tells_what_is_known(books: Books) -> None:
    wrong, missing = await _a_day(books)
    cases = {case.ref: case for case in await list_cases(on=DAY, source=PSP)}
    await books.corrected(cases[wrong].id, CorrectionKind.WRITE_OFF, "<b>by hand</b>")
    page = report.render(await report.gather(books.app, DAY))
    for text in (wrong, missing, "33.60", "1 differences are not settled", "none yet"):
        assert text in page, text
    assert "&lt;b&gt;by hand" in page and "<b>by hand" not in page
    assert not re.search(r"(src|href)=|url\(|@import|<script", page)
    drawing = page[page.index("<svg") : page.index("</svg>") + 6]
    dots = ElementTree.fromstring(drawing).findall("{http://www.w3.org/2000/svg}circle")
    assert [dot.get("fill") for dot in dots] == [
        picture.COLOURS[BreakKind.MISSING_THERE],
        picture.COLOURS[BreakKind.AMOUNT],
    ]


async def test_it_tells_of_nobody(books: Books) -> None:
    await _a_day(books)
    page = report.render(await report.gather(books.app, DAY))
    for intent in await Intent.all():
        assert str(intent.payer_id) not in page and intent.payer_id.hex not in page
        assert intent.client_address not in page and intent.subject_ref not in page


async def test_a_day_nobody_looked_at(books: Books) -> None:
    page = report.render(await report.gather(books.app, DAY))
    assert "No statement of this day is compared yet" in page


def test_the_axis_is_round_and_holds_the_day() -> None:
    for top_fen, shown in ((0, "1"), (399, "1"), (401, "2"), (5_547_28, "2,000")):
        drawing = picture.day([[top_fen, top_fen]] + [[0, 0]] * 23, [], {}, "day")
        assert f">{shown}</text>" in drawing
        heights = [float(h) for h in re.findall(r'<rect [^>]*height="([0-9.]+)"', drawing)]
        assert all(1 <= height <= 220 for height in heights)
        assert len(heights) == (2 if top_fen else 0)
        assert not top_fen or f"00:00 {format_yuan(top_fen)}" in drawing


async def test_the_morning_after(books: Books) -> None:
    await _a_day(books)
    await connection().execute_query("DELETE FROM pgqueuer")
    books.go_to(at(DAY + timedelta(days=1), "10:30:00"))
    await jobs.begin(books.app)
    await jobs.begin(books.app)
    rows = await fetch_all(connection(), "SELECT entrypoint FROM pgqueuer")
    assert [row["entrypoint"] for row in rows] == ["payments.reconcile_day"] * 6
    assert jobs.begin.every == "30 2 * * *", "in UTC: 10:30 in Shanghai"


async def test_what_is_resolved_is_paid_out_by_itself(books: Books) -> None:
    await _a_day(books)
    await jobs.pay_out(books.app, DAY)
    assert (await report.gather(books.app, DAY)).unpaid == ["gas"]
    for case in await list_cases(on=DAY):
        taken = await service.take_up(books.app, case.id, actor="clerk", note="asking them")
        assert taken.state == "investigating"
        await books.corrected(case.id, CorrectionKind.WRITE_OFF, "they have it")
        assert [(note.actor, note.event) for note in await trail(case.id)] == [
            (SYSTEM, "open"),
            ("clerk", "take"),
            (f"{CLERK.hex[:12]}+{CHIEF.hex[:12]}", "resolve"),
        ]
    rows = await fetch_all(
        connection(), "SELECT payload FROM pgqueuer WHERE entrypoint = 'payments.pay_out'"
    )
    assert len(rows) == 2, "a job a case: the last one comes after all are closed"
    await jobs.pay_out(books.app, DAY)
    after = await report.gather(books.app, DAY)
    assert (after.unpaid, [payout.amount_fen for payout in after.payouts]) == ([], [3 * 3360])
    assert await found() == set()
    page = report.render(after)
    assert "No case is open; statements and ledger differ by" in page
    assert "账账相符" not in page
    assert await pay_out(books.app, "gas", DAY) == after.payouts[0]
