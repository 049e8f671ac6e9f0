"""The short form of a claim: who acts, what it stands for, what a stranger may not."""

from collections.abc import Callable

import pytest

from core.context.call import Call
from core.context.commands import claim_key
from core.database import connection, fetch_all, transaction
from core.errors import Conflict, LoginRequired
from core.ids import new_id


async def test_the_viewer_acts_unless_another_subject_is_given(call: Callable[..., Call]) -> None:
    me, effect_id = call(level=1), new_id()
    async with transaction() as tx:
        first = await claim_key(me, tx, "op", "the-one-key", {"a": 1})
        other = await claim_key(
            me, tx, "op", "the-one-key", {"a": 2}, subject="s", effect_id=effect_id
        )
    assert not first.replayed and not other.replayed and other.effect_id == effect_id
    rows = await fetch_all(connection(), "SELECT subject FROM core_idempotency")
    assert {row["subject"] for row in rows} == {str(me.subject_id), "s"}
    async with transaction() as tx:
        again = await claim_key(me, tx, "op", "the-one-key", {"a": 1})
        assert again.replayed and again.effect_id == first.effect_id
        with pytest.raises(Conflict, match="KEY_REUSED"):
            await claim_key(me, tx, "op", "the-one-key", {"a": 3})


async def test_a_stranger_claims_nothing(call: Callable[..., Call]) -> None:
    with pytest.raises(LoginRequired):
        async with transaction() as tx:
            await claim_key(call(), tx, "op", "the-one-key", {})
    assert await fetch_all(connection(), "SELECT subject FROM core_idempotency") == []
