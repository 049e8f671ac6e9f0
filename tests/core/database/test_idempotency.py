"""Idempotency keys: one key, one effect, whoever sends it how often at once."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.database import connection, fetch_all, fetch_one, transaction
from core.database.idempotency import KEPT, Claim, claim, fingerprint, release
from core.errors import Conflict, InvalidInput
from core.ids import new_id
from core.processes.housekeeping import forget_expired

KEY = "key-00000001"


async def _act(app: App, *, key: str = KEY, subject: str = "me", **command: Any) -> Claim:
    """A command whose effect is a row: made once per key."""
    async with transaction() as tx:
        claimed = await claim(
            app.clock,
            tx,
            subject=subject,
            operation="act",
            key=key,
            command=command,
            effect_id=new_id(),
        )
        if not claimed.replayed:
            await tx.execute_query(
                "INSERT INTO core_rate_counter (key, count, ends_at) VALUES ($1, 1, now())",
                [str(claimed.effect_id)],
            )
        return claimed


async def _effects() -> set[str]:
    rows = await fetch_all(connection(), "SELECT key FROM core_rate_counter")
    return {row["key"] for row in rows}


async def test_fifty_at_once_make_one_effect(app: App) -> None:
    claims = await asyncio.gather(*(_act(app, amount_fen=100) for _ in range(50)))
    effect_ids = {str(claimed.effect_id) for claimed in claims}
    assert len(effect_ids) == 1
    assert effect_ids == await _effects()
    assert sum(not claimed.replayed for claimed in claims) == 1


async def test_the_same_key_with_other_input_is_refused_and_does_nothing(app: App) -> None:
    first = await _act(app, amount_fen=100)
    with pytest.raises(Conflict) as refused:
        await _act(app, amount_fen=101)
    assert refused.value.code == "KEY_REUSED"
    assert await _effects() == {str(first.effect_id)}
    assert (await _act(app, amount_fen=100)).effect_id == first.effect_id


async def test_the_order_of_the_inputs_members_does_not_matter(app: App) -> None:
    await _act(app, a=1, b={"x": 1, "y": 2})
    assert (await _act(app, b={"y": 2, "x": 1}, a=1)).replayed
    assert fingerprint({"a": 1}) != fingerprint({"a": "1"})


async def test_keys_of_two_people_never_meet(app: App) -> None:
    mine = await _act(app, subject="me", amount_fen=100)
    theirs = await _act(app, subject="them", amount_fen=200)
    assert not theirs.replayed
    assert mine.effect_id != theirs.effect_id


async def test_a_key_vanishes_with_its_rolled_back_effect(app: App) -> None:
    async def fail(effect_id: UUID) -> None:
        async with transaction() as tx:
            await claim(
                app.clock,
                tx,
                subject="me",
                operation="act",
                key=KEY,
                command={"amount_fen": 1},
                effect_id=effect_id,
            )
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail(new_id())
    assert not (await _act(app, amount_fen=2)).replayed


async def test_a_released_key_may_be_used_with_better_input(app: App) -> None:
    await _act(app, code="000000")
    async with transaction() as tx:
        await release(tx, "me", "act", KEY)
    assert not (await _act(app, code="123456")).replayed


@pytest.mark.parametrize(
    "key",
    [
        "",
        "short-1",
        "x" * 65,
        "with blank",
        "with\nbreak0",
        "钥匙钥匙钥匙钥匙",
        "nul\x00nul\x00nul",
        "é" * 8,
    ],
)
async def test_a_malformed_key_is_refused(app: App, key: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await _act(app, key=key)
    assert (refused.value.code, refused.value.field) == ("KEY_INVALID", "idempotencyKey")
    assert await fetch_all(connection(), "SELECT * FROM core_idempotency") == []


async def test_keys_are_kept_seven_days(app: App, clock: ManualClock) -> None:
    assert timedelta(days=7) == KEPT
    await _act(app, amount_fen=100)
    clock.move(KEPT - timedelta(seconds=1))
    await forget_expired(app)
    assert (await _act(app, amount_fen=100)).replayed
    clock.move(timedelta(seconds=2))
    await forget_expired(app)
    row = await fetch_one(connection(), "SELECT count(*) AS n FROM core_idempotency")
    assert row == {"n": 0}
    assert not (await _act(app, amount_fen=100)).replayed
