"""What the application's role may say of decisions with plain SQL: a correction is posted by the
transaction that decides it and by no other, and what is decided stays so."""

from collections.abc import AsyncIterator
from datetime import date, timedelta

import asyncpg
import pytest

from core.database import connection, fetch_all, parse_url
from core.ids import new_id
from core.processes.embedded import DatabaseUrls
from payments.ledger import verify
from payments.reconciliation import corrections
from payments.reconciliation.domain import CorrectionKind
from payments.reconciliation.models import Case, Correction
from tests.payments.reconciliation.books import CHIEF, PSP, Books, at, check_ledger

KIND = CorrectionKind
DAY = date(2026, 11, 20)

_POST = """SELECT payments_post(gen_random_uuid(), 'correct', $1, $2, $3,
             ARRAY['difference:wechatpay', 'psp:wechatpay'], ARRAY['D', 'C'],
             ARRAY[10, 10]::bigint[])"""


@pytest.fixture
async def sql(database: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the application's own role, past all our code."""
    connection = await asyncpg.connect(**parse_url(database.app))
    yield connection
    await connection.close()


async def _proposed(books: Books) -> Correction:
    """A payment that the bill has with 990 fen instead of 1,000, to be written off."""
    paid = await books.paid(at(DAY, "12:00:00"), 1000)
    await books.told(DAY, [(await books.line(paid))._replace(amount_fen=990)])
    books.go_to(at(DAY + timedelta(days=1), "10:30:00"))
    return await books.proposed((await Case.get()).id, KIND.WRITE_OFF)


async def _posted() -> set[str]:
    rows = await fetch_all(connection(), "SELECT key FROM payments_journal WHERE kind = 'correct'")
    return {row["key"] for row in rows}


async def _refused(sql: asyncpg.Connection, statement: str, *values: object) -> str:
    with pytest.raises(asyncpg.IntegrityConstraintViolationError) as refused:
        await sql.execute(statement, *values)
        pytest.fail(f"not refused: {statement} {values}")
    return refused.value.constraint_name or ""


@pytest.mark.parametrize("state", ["made up", "proposed", "rejected", "approved"])
@pytest.mark.parametrize("step", ["", ":undo", ":more"])
async def test_no_correction_is_posted_but_by_its_decision(
    books: Books, sql: asyncpg.Connection, state: str, step: str
) -> None:
    made = await _proposed(books)
    if state == "rejected":
        made = await corrections.reject(books.app, made.id, staff_id=CHIEF)
    if state == "approved":  # and has posted nothing, or all that it may
        made = await corrections.approve(books.app, made.id, staff_id=CHIEF)
    before = await _posted()
    id_ = new_id() if state == "made up" else made.id
    intent_id = (await Case.get()).intent_id
    for moment in {made.decided_at or books.clock.now(), books.clock.now()}:
        wrong = await _refused(sql, _POST, f"correct:{id_}{step}", intent_id, moment)
        is_own = state == "approved" and step == ""
        assert wrong == ("payments_journal_key_key" if is_own else "payments_correction_journal")
    assert await _posted() == before
    await check_ledger()


async def _decide(sql: asyncpg.Connection, made: Correction, moment: object) -> None:
    await sql.execute(
        """UPDATE payments_correction SET state = 'approved', decided_by = $2, decided_at = $3
            WHERE id = $1""",
        made.id,
        CHIEF,
        moment,
    )


@pytest.mark.parametrize("wrong", ["payment", "moment", "account", "nothing"])
async def test_a_correction_s_journal_is_of_its_case(
    books: Books, sql: asyncpg.Connection, wrong: str
) -> None:
    made = await _proposed(books)
    now, intent_id = books.clock.now(), (await Case.get()).intent_id
    post = _POST.replace("difference:", "cost:") if wrong == "account" else _POST
    moment = now - timedelta(seconds=1) if wrong == "moment" else now
    intent = None if wrong == "payment" else intent_id

    async def decide_and_post() -> None:
        async with sql.transaction():
            await _decide(sql, made, now)
            await sql.execute(post, f"correct:{made.id}", intent, moment)

    if wrong == "nothing":
        await decide_and_post()
        assert await _posted() == {f"correct:{made.id}"}
    else:
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await decide_and_post()
        assert refused.value.constraint_name == "payments_correction_journal"
        assert await _posted() == set()
        assert (await Correction.get(id=made.id)).state == "proposed"
    await check_ledger()
    assert (await verify.verify()).faults == []


async def test_what_is_decided_stays_and_is_decided_on_the_case_s_figures(
    books: Books, sql: asyncpg.Connection
) -> None:
    made = await _proposed(books)
    await sql.execute("UPDATE payments_case SET their_fen = 980")
    approve = "UPDATE payments_correction SET state = 'approved', decided_by = $1, decided_at = $2"
    now = books.clock.now()
    assert await _refused(sql, approve, CHIEF, now) == "payments_correction_figures"
    await sql.execute("UPDATE payments_case SET their_fen = 990")
    await corrections.approve(books.app, made.id, staff_id=CHIEF)
    again = "UPDATE payments_correction SET decided_at = now(), decided_by = gen_random_uuid()"
    assert await _refused(sql, again) == "payments_correction_final"
    figures = "UPDATE payments_case SET our_fen = 1"
    assert await _refused(sql, figures) == "payments_case_figures"
    insert = """INSERT INTO payments_correction (id, case_id, kind, note, state, proposed_by,
      proposed_at, our_fen, their_fen) SELECT gen_random_uuid(), case_id, kind, note, 'proposed',
      proposed_by, proposed_at, our_fen, 1 FROM payments_correction"""
    assert await _refused(sql, insert) == "payments_correction_figures"
    assert await Correction.all().count() == 1
    assert (await Case.get(source=PSP)).their_fen == 990
