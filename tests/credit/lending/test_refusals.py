"""What the database refuses of lending, also to raw SQL by the application's own role; and random
histories of an application, after which nothing was chosen, signed or paid out twice."""

import os
import random
from datetime import timedelta

import asyncpg
import pytest
from tortoise.exceptions import BaseORMException

from core.clock import civil_date
from core.context.app import App
from core.database import connection, fetch_all, transaction
from core.errors import AppError
from credit.lending.api import Refusal
from credit.lending.companies import service as companies
from kinds.application import engine, versions
from kinds.application import service as cases
from kinds.application import store as case_store
from tests.credit.lending.town import (
    CITY,
    RURAL,
    SOURCES,
    Owner,
    approval,
    decide,
    disburse,
    key,
    lend,
)

RAW = [
    "UPDATE lending_loan_event SET body = '{}'",
    "DELETE FROM lending_loan_event",
    "UPDATE lending_loan SET principal_fen = 1",
    "DELETE FROM lending_loan",
    "UPDATE lending_loan SET status = 'FORGIVEN'",
    "UPDATE lending_application SET amount_fen = 1",
    "DELETE FROM lending_application",
    "UPDATE lending_application SET state = 'RECEIVED'",
    "UPDATE lending_contract SET sha256 = ''",
    "DELETE FROM lending_contract",
    "UPDATE lending_product_version SET body = '{}'",
    "UPDATE lending_product_version SET state = 'PROPOSED'",
    "UPDATE lending_company SET uscc = '913700001630477270'",
    "DELETE FROM lending_consent",
    "UPDATE lending_consent SET bank = 'rural-bank'",
    """INSERT INTO lending_loan SELECT gen_random_uuid(), no || 'x', gen_random_uuid(), company_id,
       person_id, bank, product, principal_fen, disbursed_on, terms, status, look_on, 1, created_at
       FROM lending_loan""",
    """INSERT INTO lending_loan_event SELECT gen_random_uuid(), loan_id, 'second', kind, value_on,
       body, NULL, recorded_at FROM lending_loan_event""",
    """INSERT INTO lending_product_version SELECT gen_random_uuid(), code, 9, bank, 'PUBLISHED',
       body, proposer, proposed_at, proposer, published_at FROM lending_product_version LIMIT 1""",
]
_STATE = """
SELECT (SELECT count(*) FROM lending_loan) AS loans,
       (SELECT count(*) FROM lending_loan_event) AS events,
       (SELECT count(*) FROM payments_journal) AS journals,
       (SELECT string_agg(state || sequence, ',' ORDER BY id) FROM lending_application) AS states
"""


async def test_raw_sql_changes_nothing_that_was_agreed_or_happened(app: App, owner: Owner) -> None:
    await lend(app, owner)
    before = await fetch_all(connection(), _STATE)
    for statement in RAW:
        with pytest.raises((BaseORMException, asyncpg.PostgresError)):
            async with transaction() as tx:
                await tx.execute_query(statement)
    assert await fetch_all(connection(), _STATE) == before


async def _history(app: App, owner: Owner, draw: random.Random) -> None:
    case = await owner.apply()
    rows = await owner.answers(case)
    for _ in range(draw.randint(3, 14)):
        bank = draw.choice([CITY, RURAL])
        row = rows[bank]
        step = draw.choice(
            ["offer", "refuse", "accept", "sign", "disburse", "again", "decline", "withdraw"]
        )
        try:
            match step:
                case "offer":
                    await decide(app, row, approval(app))
                case "refuse":
                    await decide(app, row, Refusal("PURPOSE"))
                case "accept":
                    await owner.accept(row.id)
                case "sign":
                    await owner.sign(row.id)
                case "disburse":
                    await disburse(app, row)
                case "again":
                    await cases.take_step(owner.call, case.id, "ask_again", "请复核", key())
                case "decline" | "withdraw":
                    if draw.random() < 0.2:
                        await cases.take_step(owner.call, case.id, step, "", key())
        except AppError:
            continue


_SOUND = """
SELECT count(*) FILTER (WHERE a.state IN ('ACCEPTED', 'SIGNED', 'DISBURSED')) AS chosen,
       count(l.id) AS loans, count(DISTINCT j.id) AS journals,
       bool_and((a.state = 'DISBURSED') = (l.id IS NOT NULL)) AS agree
  FROM lending_application a LEFT JOIN lending_loan l ON l.application_id = a.id
  LEFT JOIN payments_journal j ON j.key LIKE 'loan:' || l.id || ':%'
 GROUP BY a.case_id
"""


async def _end_open(app: App, owner: Owner) -> None:
    """End what a history has left open: there is room for the next."""
    listed = await cases.list_cases(
        owner.call, first=50, before=None, only_open=True, service="loan-apply"
    )
    for case in listed:
        for row in (await owner.answers(case)).values():
            if row.state == "SIGNED":
                await disburse(app, row)
        async with transaction() as tx:
            locked = await case_store.lock_case(tx, case.id)
            assert locked is not None
            event = _ENDS.get(locked.state)
            if event is not None:
                definition = await versions.get_stored(app, locked.definition_id)
                step = definition.find_step(locked.state, event)
                choices = engine.Choices("the history is over")
                await engine.take(app, tx, locked, definition, step, engine.SYSTEM, choices)


_ENDS = {
    "offered": "decline",
    "chosen": "decline",
    "with_banks": "withdraw",
    "refused": "accept_refusal",
    "second_look": "uphold",
}


async def _run_histories(app: App, owner: Owner, seed: int, count: int) -> int:
    for bank in (CITY, RURAL):
        await owner.consent(bank)
    for number in range(count):
        await _history(app, owner, random.Random(f"{seed}:{number}"))
        await _end_open(app, owner)
    found = await fetch_all(connection(), _SOUND)
    for one in found:
        assert one["chosen"] <= 1 and one["loans"] == one["journals"] and one["agree"], one
    return sum(one["loans"] for one in found)


async def test_no_history_chooses_or_pays_out_twice(app: App, owner: Owner) -> None:
    await _run_histories(app, owner, seed=24, count=4)


@pytest.mark.soak
async def test_many_histories(app: App, owner: Owner) -> None:
    seed = int(os.environ.get("HISTORY_SEED", "1"))
    count = int(os.environ.get("HISTORY_COUNT", "100000"))
    assert await _run_histories(app, owner, seed, count) > 0


async def test_a_lapsed_offer_cannot_be_accepted(app: App, owner: Owner) -> None:
    await owner.consent(CITY)
    case = await owner.apply(second_product="")
    row = (await owner.answers(case))[CITY]
    until = civil_date(app.clock.now()) + timedelta(days=1)
    await decide(app, row, approval(app, valid_until=until))
    app.clock.move(timedelta(days=2))  # type: ignore[attr-defined]
    with pytest.raises(AppError, match="LOAN_OFFER_ENDED"):
        await owner.accept(row.id)
    assert (await owner.answers(case))[CITY].state == "OFFERED"
    left = await companies.withdraw_consents(owner.call, owner.company_id, CITY, SOURCES, key())
    assert left == []
