"""What the database refuses of lending, also to raw SQL by the application's own role; and random
histories of an application, after which nothing was chosen, signed or paid out twice."""

import os
from collections import Counter
from datetime import timedelta

import asyncpg
import pytest
from tortoise.exceptions import BaseORMException

from core.clock import civil_date
from core.context.app import App
from core.database import connection, fetch_all, transaction
from core.errors import AppError
from credit.lending.companies import service as companies
from credit.lending.records import store
from tests.credit.lending.histories import run
from tests.credit.lending.town import (
    CITY,
    RURAL,
    SOURCES,
    Owner,
    approval,
    decide,
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


async def _run_histories(owner: Owner, seed: int, count: int, depth: int) -> str:
    """Run at least `count` histories; what they were."""
    for bank in (CITY, RURAL):
        await owner.consent(bank)
    histories = applications = lent = 0
    taken: Counter[str] = Counter()
    while histories < count:
        one = await run(owner, f"{seed}:{applications}", depth)
        applications, histories = applications + 1, histories + one.histories
        lent, taken = lent + one.lent, taken + one.taken
    return f"{histories} histories of {applications} applications, {lent} lent, steps {taken}"


async def test_no_history_chooses_or_pays_out_twice(owner: Owner) -> None:
    await _run_histories(owner, seed=24, count=24, depth=3)


@pytest.mark.soak
async def test_many_histories(owner: Owner) -> None:
    seed = int(os.environ.get("HISTORY_SEED", "1"))
    count = int(os.environ.get("HISTORY_COUNT", "100000"))
    print(await _run_histories(owner, seed, count, depth=6))


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
    await companies.withdraw_consents(owner.call, owner.company_id, CITY, SOURCES, key())
    assert await store.list_live_consents(owner.company_id) == []
