"""The log in PostgreSQL: a chain for each bank, one lock, keys that can be destroyed."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import asyncpg
import pytest

from core.context.app import App
from core.database import connection, parse_url, transaction
from core.ids import new_id
from core.people.data_rights import erase_person
from credit.api import (
    LogError,
    Subject,
    add_entry,
    decision_entry,
    forget_application,
    read_log,
    verify_chain,
)
from credit.log.replay import replay
from credit.policy.choice import shipped
from credit.policy.rules import policy_by_hash

from .conftest import engine_of, history

AT = datetime(2025, 6, 30, 1, 0, tzinfo=UTC)


def draft(champion, i, bank="one"):
    subject = Subject(f"app-{i}", f"key-{i}", bank, "loan")
    application = {name: values[i] for name, values in history().items()}
    return decision_entry(subject, engine_of(champion), application, AT)[1]


async def add(app, entry, person_id=None):
    async with transaction() as tx:
        return await add_entry(tx, app.vault, entry, app.clock.now(), person_id=person_id)


async def test_each_bank_has_its_own_chain_and_every_decision_replays(app: App, champion):
    drafts = [draft(champion, i, bank) for i in range(6) for bank in ("one", "two")]
    await asyncio.gather(*(add(app, entry) for entry in drafts))
    for bank in ("one", "two"):
        assert (await verify_chain(connection(), bank)).count == 6
        log = await read_log(connection(), app.vault, bank)
        result = replay(log, lambda _: champion, lambda h: policy_by_hash(shipped(), h))
        assert (result.same, result.different) == (6, ())
    assert (await verify_chain(connection(), "three")).count == 0


async def test_the_same_key_is_the_same_entry_and_not_another(app: App, champion):
    first = await add(app, draft(champion, 0))
    assert await add(app, draft(champion, 0)) == first
    other = replace(draft(champion, 1), payload=draft(champion, 1).payload | {"key": "key-0"})
    with pytest.raises(LogError, match="stands for another entry"):
        await add(app, other)
    assert (await verify_chain(connection(), "one")).count == 1


async def test_a_refused_command_leaves_no_entry(app: App, champion):
    with pytest.raises(RuntimeError):
        async with transaction() as tx:
            await add_entry(tx, app.vault, draft(champion, 0), app.clock.now())
            raise RuntimeError
    assert (await verify_chain(connection(), "one")).count == 0


async def test_destroying_a_key_leaves_the_chain_whole(app: App, champion):
    for i in range(3):
        await add(app, draft(champion, i))
    async with transaction() as tx:
        await forget_application(tx, "app-1")
    assert (await verify_chain(connection(), "one")).count == 3
    log = await read_log(connection(), app.vault, "one")
    assert [body is None for _, body in log] == [False, True, False]


async def test_an_erased_person_is_in_the_log_no_more(app: App, champion):
    person = new_id()
    await add(app, draft(champion, 0), person)
    await add(app, draft(champion, 1), new_id())
    async with transaction() as tx:
        await erase_person(app, tx, person)
    log = await read_log(connection(), app.vault, "one")
    assert [body is None for _, body in log] == [True, False]


async def test_an_entry_changed_past_the_code_is_found(app: App, champion, database):
    for i in range(3):
        await add(app, draft(champion, i))
    owner = await asyncpg.connect(**parse_url(database.owner))
    await owner.execute("ALTER TABLE credit_log_entry DISABLE TRIGGER USER")
    await owner.execute("DELETE FROM credit_log_entry WHERE number = 2")
    await owner.close()
    with pytest.raises(LogError, match="broken"):
        await verify_chain(connection(), "one")
