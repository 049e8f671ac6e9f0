"""Random histories of an application, as a tree of which every node ends one.

A history's beginning is committed, step by step. From there on it branches: each step is taken in
a savepoint of one transaction and undone once all that may follow was tried, so that histories
share the steps they have in common. A savepoint never commits, so constraints that wait for the
end of a transaction are asked after each step that was taken. The ledger posts in no savepoint
(payments_apply_entries): loans are paid out among the committed steps alone, and what a bank or an
owner then tries again is in the branches.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tortoise.transactions import in_transaction

from core.database import connection, fetch_all, raw_connection, transaction
from core.errors import AppError
from credit.lending.api import Refusal
from credit.lending.records.models import BankApplication
from kinds.application import engine, versions
from kinds.application import service as cases
from kinds.application import store as case_store
from kinds.application.models import Case
from tests.credit.lending.town import CITY, RURAL, Owner, approval, decide, disburse, key

STEPS = (*4 * ("offer", "refuse", "accept", "sign", "disburse", "again"), "decline", "withdraw")
"""What is over early tells little: few are taken back."""
ONWARD = {"RECEIVED": "offer", "OFFERED": "accept", "ACCEPTED": "sign", "SIGNED": "disburse"}
"""The step by which a loan comes nearer. Half of the steps are such: of any at random few lend."""
COMMITTED_MOST = 8
_ENDS = {
    "offered": "decline",
    "chosen": "decline",
    "with_banks": "withdraw",
    "refused": "accept_refusal",
    "second_look": "uphold",
}
_STATE = """
SELECT c.state, c.sequence, a.bank, a.state AS at_bank, a.sequence AS sequence_at_bank,
       count(DISTINCT l.id) AS loans, count(DISTINCT j.id) AS journals,
       count(DISTINCT t.sha256) AS contracts,
       (SELECT count(*) FROM pgqueuer) AS jobs, (SELECT count(*) FROM applications_event) AS events
  FROM applications_case c JOIN lending_application a ON a.case_id = c.id
  LEFT JOIN lending_loan l ON l.application_id = a.id
  LEFT JOIN lending_contract t ON t.application_id = a.id
  LEFT JOIN payments_journal j ON j.key LIKE 'loan:' || l.id || ':%'
 WHERE c.id = $1 GROUP BY c.id, a.id ORDER BY a.bank
"""
_ASK_CONSTRAINTS = "SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED"
_CHOSEN = frozenset(("ACCEPTED", "SIGNED", "DISBURSED"))
Rows = list[dict[str, Any]]


@dataclass
class Application:
    """One application at both banks, and what was looked at of it."""

    owner: Owner
    draw: random.Random
    case: Case
    rows: Mapping[str, BankApplication]
    histories: int = 0
    lent: int = 0
    taken: Counter[str] = field(default_factory=Counter)

    async def look(self) -> Rows:
        """How it stands. Fails where something was chosen, paid or posted twice, or by halves."""
        found = await fetch_all(connection(), _STATE, self.case.id)
        assert sum(one["at_bank"] in _CHOSEN for one in found) <= 1, found
        for one in found:
            is_lent = one["at_bank"] == "DISBURSED"
            assert one["loans"] == one["journals"] == is_lent, found
            assert one["contracts"] == 1 or one["at_bank"] not in ("SIGNED", "DISBURSED"), found
        return found

    async def step(self, before: Rows, *, pays: bool = True) -> Rows:
        """Take a random step, or have it refused: then it changes nothing. `pays`: whether a loan
        may be paid out."""
        bank = self.draw.choice([CITY, RURAL])
        (stands,) = (one["at_bank"] for one in before if one["bank"] == bank)
        step = self.draw.choice(STEPS)
        if self.draw.random() < 0.5:
            step = ONWARD.get(stands, step)
        if (stands, step, pays) == ("SIGNED", "disburse", False):
            step = "sign"
        try:
            await self._take(step, self.rows[bank])
        except AppError:
            after = await self.look()
            assert after == before, step
            return after
        self.taken[step] += 1
        return await self.look()

    async def _take(self, step: str, row: BankApplication) -> None:
        app = self.owner.app
        match step:
            case "offer":
                await decide(app, row, approval(app))
            case "refuse":
                await decide(app, row, Refusal("PURPOSE"))
            case "accept":
                await self.owner.accept(row.id)
            case "sign":
                await self.owner.sign(row.id)
            case "disburse":
                await disburse(app, row)
            case "again":
                await cases.take_step(self.owner.call, self.case.id, "ask_again", "请复核", key())
            case _:
                await cases.take_step(self.owner.call, self.case.id, step, "", key())

    async def branch(self, before: Rows, depth: int) -> None:
        """Every history of so many steps more at most, two ways at each."""
        for _ in range(2):
            async with _undone():
                after = await self.step(before, pays=False)
                if after != before:
                    await raw_connection(connection()).execute(_ASK_CONSTRAINTS)
                self.histories += 1
                self.lent += any(one["loans"] for one in after)
                if depth > 1:
                    await self.branch(after, depth - 1)

    async def end(self) -> None:
        """End what was left open: there is room for the next."""
        app = self.owner.app
        for row in (await self.owner.answers(self.case)).values():
            if row.state == "SIGNED":
                await disburse(app, row)
        async with transaction() as tx:
            locked = await case_store.lock_case(tx, self.case.id)
            assert locked is not None
            event = _ENDS.get(locked.state)
            if event is not None:
                definition = await versions.get_stored(app, locked.definition_id)
                step = definition.find_step(locked.state, event)
                choices = engine.Choices("the history is over")
                await engine.take(app, tx, locked, definition, step, engine.SYSTEM, choices)


@asynccontextmanager
async def _undone() -> AsyncIterator[None]:
    """A savepoint of the open transaction, undone at the end."""
    savepoint = raw_connection(connection()).transaction()
    await savepoint.start()
    yield
    await savepoint.rollback()


class _OverError(Exception):
    """All histories of an application have been tried."""


async def run(owner: Owner, seed: str, depth: int) -> Application:
    """One application with all its histories."""
    draw = random.Random(seed)
    case = await owner.apply()
    one = Application(owner, draw, case, await owner.answers(case))
    before = await one.look()
    for _ in range(draw.randint(0, COMMITTED_MOST)):
        before = await one.step(before)
    try:
        async with in_transaction("default"):
            await one.branch(before, depth)
            raise _OverError
    except _OverError:
        assert await one.look() == before
    await one.end()
    await one.look()
    return one
