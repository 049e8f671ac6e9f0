"""A person's statement of payments: its totals are the ledger's, and who may read whose."""

from datetime import date, timedelta
from io import BytesIO
from uuid import UUID

import pytest
from pypdf import PdfReader

from core.context.call import Call
from core.database import connection, fetch_one, transaction
from core.errors import InvalidInput, NotFound
from core.ids import new_id
from core.money import format_yuan
from modules.identity.models import Mandate
from payments import payer_statement, service
from payments.ledger import store as ledger
from payments.ledger.accounts import payer_funds
from payments.payer_statement import PayerStatement
from tests.asgi import Answer, Client
from tests.payments.world import World

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)


async def _pay(world: World, call: Call, total_fen: int, account_no: str) -> UUID:
    intent_id = await world.start(call, await world.bill(call, total_fen, account_no))
    world.psp.pay(intent_id)
    await world.call_back()
    await world.queue.run_for(timedelta(minutes=1))
    return intent_id


async def _refund(world: World, intent_id: UUID, fen: int) -> None:
    async with transaction() as tx:
        await service.refund(world.app, tx, intent_id, fen, reason="TEST", key=new_id().hex)
    await world.queue.run_due()


async def _of_ledger(call: Call) -> dict[str, int]:
    """What the payer's account says: by the kind of journal, all days."""
    row = await fetch_one(
        connection(),
        """SELECT coalesce(sum(e.amount_fen) FILTER (WHERE j.kind = 'settle'), 0)::bigint AS paid,
                  coalesce(sum(e.amount_fen) FILTER (WHERE j.kind = 'refund'), 0)::bigint AS back,
                  coalesce(sum(e.amount_fen) FILTER (WHERE j.kind = 'fulfil'), 0)::bigint AS passed,
                  coalesce(sum(e.amount_fen) FILTER (WHERE j.kind = 'reverse'), 0)::bigint AS taken
             FROM payments_entry e JOIN payments_account a ON a.id = e.account_id
             JOIN payments_journal j ON j.id = e.journal_id WHERE a.code = $1""",
        payer_funds(call.subject_id).code,
    )
    assert row is not None
    balance = await ledger.get_balance(payer_funds(call.subject_id))
    assert row["paid"] + row["taken"] - row["passed"] - row["back"] == balance.balance_fen
    return row


async def _fetch(client: Client, call: Call | None, query: str) -> Answer:
    headers = client.token(call.viewer) if call and call.viewer else {}
    return await client.request("GET", f"/payments/statement.pdf?{query}", headers=headers)


async def test_its_totals_are_the_ledger_s(world: World, client: Client) -> None:
    call, other = await world.citizen(), await world.citizen()
    amounts = [100 * n + 7 for n in range(1, 14)]
    paid = [await _pay(world, call, fen, "A0001") for fen in amounts]
    await _pay(world, other, 99_999, "B0001")
    await _refund(world, paid[3], 150)
    await _refund(world, paid[5], amounts[5])
    told = await payer_statement.read(call, FIRST, LAST)
    books = await _of_ledger(call)
    assert (told.paid_fen, told.refunded_fen) == (books["paid"], books["back"])
    assert (told.paid_fen, told.refunded_fen) == (sum(amounts), 150 + amounts[5])

    answer = await _fetch(client, call, f"from={FIRST}&to={LAST}")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["cache-control"] == "private, no-store"
    pages = [page.extract_text() for page in PdfReader(BytesIO(answer.body)).pages]
    assert len(pages) == 1 + 2  # fifteen movements, eleven a page
    for said in (
        *("缴费对账单", "Statement of payments", "付款合计", "Refunded", "2026-11-01 – 2026-11-30"),
        f"¥{format_yuan(told.paid_fen)}",
        f"¥{format_yuan(told.refunded_fen)}",
        f"¥{format_yuan(told.paid_fen - told.refunded_fen)}",
    ):
        assert said in pages[0], said
    rest = "".join(pages[1:])
    for fen in amounts:
        assert f"-¥{format_yuan(fen)}" in rest
    assert "+¥1.50" in rest and "999.99" not in rest
    assert (await _fetch(client, call, f"from={FIRST}&to={LAST}")).body == answer.body


async def test_its_days_are_those_of_booking_in_the_city(world: World) -> None:
    call = await world.citizen()
    start = world.clock.now().date()
    intent_id = await _pay(world, call, 5000, "A0001")
    world.clock.move(timedelta(days=1))
    await _refund(world, intent_id, 1200)
    next_day = start + timedelta(days=1)

    async def sums(first_on: date, last_on: date) -> tuple[int, int]:
        told = await payer_statement.read(call, first_on, last_on)
        return told.paid_fen, told.refunded_fen

    assert await sums(start, start) == (5000, 0)
    assert await sums(next_day, next_day) == (0, 1200)
    assert await sums(start, next_day) == (5000, 1200)


async def test_what_a_left_psp_took_and_returned_is_in_it_too(world: World) -> None:
    """A payment that came after its end is booked and goes back: both stand in the statement."""
    call = await world.citizen()
    intent_id = await world.start(call, await world.bill(call, 700))
    world.clock.move(timedelta(minutes=20))
    await world.queue.run_for(timedelta(minutes=1))
    world.psp.force_paid(intent_id)
    await world.call_back()
    await world.queue.run_for(timedelta(minutes=1))
    told = await payer_statement.read(call, FIRST, LAST)
    assert (told.paid_fen, told.refunded_fen) == (700, 700)
    assert await _of_ledger(call) == {"paid": 700, "back": 700, "passed": 0, "taken": 0}


async def _acts_for(world: World, actor: Call, subject: Call, services: list[str] | None) -> None:
    now = world.clock.now()
    await Mandate.create(
        id=new_id(), kind="guardian" if services is None else "proxy", actor_id=actor.subject_id,
        subject_id=subject.subject_id, state="active", services=services, proposed_at=now,
        confirmed_at=now, ends_at=now + timedelta(days=30),
    )  # fmt: skip


async def test_a_proxy_reads_what_the_elder_has_confirmed(world: World, client: Client) -> None:
    elder, stranger = await world.citizen(), await world.citizen()
    await _pay(world, elder, 5000, "A0001")
    subject = elder.subject_id

    async def read(call: Call) -> PayerStatement:
        return await payer_statement.read(call, FIRST, LAST, subject_id=subject)

    query = f"from={FIRST}&to={LAST}&onBehalfOf={subject}"
    for services, outcome in (
        ([], None),
        (["housing-fund-query"], None),
        (["medical-payment"], 0),  # and water bills are none of these
    ):
        proxy = await world.citizen()
        await _acts_for(world, proxy, elder, services)
        if outcome is None:
            with pytest.raises(NotFound):
                await read(proxy)
        else:
            assert (await read(proxy)).paid_fen == outcome
            assert (await _fetch(client, proxy, query)).status == 200
    guardian = await world.citizen()
    await _acts_for(world, guardian, elder, None)
    assert (await read(guardian)).paid_fen == 5000
    answer = await _fetch(client, stranger, query)
    assert (answer.status, answer.json["title"]) == (404, "NOT_FOUND")
    assert (await _fetch(client, None, query)).status == 401


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "PERIOD_INVALID"),
        ("from=2026-11-02&to=2026-11-01", "PERIOD_INVALID"),
        ("from=2025-11-01&to=2026-11-02", "PERIOD_INVALID"),
        ("from=2026-13-01&to=2026-11-02", "PERIOD_INVALID"),
        ("from=9999-12-31&to=9999-12-31", "PERIOD_INVALID"),
        ("from=2026-11-01&to=2026-11-02&onBehalfOf=x", "NOT_FOUND"),
        ("from=2026-11-01&to=2026-11-02&onBehalfOf=", "NOT_FOUND"),
    ],
)
async def test_a_period_that_makes_no_sense_is_refused(
    world: World, client: Client, query: str, code: str
) -> None:
    answer = await _fetch(client, await world.citizen(), query)
    assert answer.json["title"] == code and answer.status in (404, 422)


async def test_too_much_for_one_statement_is_refused_in_words(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = await world.citizen()
    for n in range(2):
        await _pay(world, call, 100 + n, f"A{n:04d}")
    monkeypatch.setattr(payer_statement, "LINES_MAX", 1)
    with pytest.raises(InvalidInput) as refused:
        await payer_statement.read(call, FIRST, LAST)
    assert refused.value.code == "PERIOD_TOO_LONG"
