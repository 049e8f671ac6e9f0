"""Random histories: a short slice in every run, ten thousand in `make soak`.

HISTORY_SEED and HISTORY_COUNT choose others: a failing seed reproduces its history.
"""

import os

import pytest

from payments.ledger.verify import verify
from tests.payments.histories import History
from tests.payments.world import World

_FIRST = int(os.environ.get("HISTORY_SEED", "1"))
_COUNT = int(os.environ.get("HISTORY_COUNT", "10000"))
_BATCH = 50
"""Histories that share a database: later ones run among the rows of earlier ones."""


@pytest.mark.parametrize("seed", range(1, 11))
async def test_a_history_keeps_the_books(world: World, seed: int) -> None:
    await History(world, seed).run()
    assert (await verify()).sound


@pytest.mark.soak
@pytest.mark.parametrize("first", range(_FIRST, _FIRST + _COUNT, _BATCH))
async def test_ten_thousand_histories_keep_the_books(world: World, first: int) -> None:
    for seed in range(first, min(first + _BATCH, _FIRST + _COUNT)):
        try:
            await History(world, seed).run()
        except BaseException as error:
            error.add_note(f"reproduce with HISTORY_SEED={seed} HISTORY_COUNT=1")
            raise
    assert (await verify()).sound
