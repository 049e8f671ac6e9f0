"""Both executors answer alike on drawn operations, variables and data full of flaws.

A failing case is reproduced by its number: it fixes the document, the variables and the data.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

import pytest
from graphql import validate

from tests.bff.compiler.town import SCHEMA, Town, town
from tests.bff.compiler.twins import Drawer, Twins

# Where a field fails, graphql-core cancels siblings that had not begun; they are never awaited.
pytestmark = pytest.mark.filterwarnings(
    "ignore:coroutine .* was never awaited:RuntimeWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)

FLAWS = ((0.0, 0.0), (0.02, 0.0), (0.0, 0.05), (0.02, 0.03), (0.15, 0.1), (0.0, 0.3), (0.05, 0.01))
"""Rates of wrong values and of late ones, for the cases of one document."""
SHORT = 220
VALIDATED_EVERY = 10
"""Validating a document costs more than running it: this looks after the drawing alone."""
SOAK = int(os.environ.get("SOAK_DOCUMENTS", "2000"))


def _world(case: int, flaw_rate: float, later_rate: float) -> tuple[None, Town]:
    return None, town(case, flaw_rate, later_rate)


async def _agree(seeds: Iterator[int]) -> tuple[int, int]:
    """Check the cases of each document; count cases and those with errors."""
    cases = with_errors = 0
    for seed in seeds:
        drawer = Drawer(SCHEMA, seed)
        document = drawer.operation()
        if seed % VALIDATED_EVERY == 0:
            assert validate(SCHEMA, document) == [], f"document {seed}"
        twins = Twins(SCHEMA, document)
        for number, (flaw_rate, later_rate) in enumerate(FLAWS):
            case = seed * 10 + number
            world = partial(_world, case, flaw_rate, later_rate)
            compiled, core = await twins.bodies(drawer.variables(), world)
            assert compiled == core, f"case {case}"
            cases += 1
            with_errors += b'"errors":' in compiled
    return cases, with_errors


async def test_a_slice_of_drawn_cases() -> None:
    cases, with_errors = await _agree(iter(range(SHORT)))
    assert cases == SHORT * len(FLAWS) >= 1_500
    assert cases * 0.2 < with_errors < cases * 0.9, "both kinds of case must be there"


@pytest.mark.soak
async def test_ten_thousand_drawn_cases() -> None:
    cases, _ = await _agree(iter(range(SHORT, SHORT + SOAK)))
    assert cases >= 10_000
