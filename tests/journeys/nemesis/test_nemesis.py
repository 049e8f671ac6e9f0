"""A nemesis over a running house: what stops, skews, locks, lies, falls silent and comes back.

`make nemesis SEED=…` runs one seed; a failing one reproduces with the same number. A soak draws
POINTS points from each of SEEDS seeds.
"""

import os
import random
import time

import pytest
from journeys.nemesis import faults
from journeys.nemesis.driver import in_use, planned, torment
from journeys.nemesis.stage import stage

SEED = int(os.environ.get("NEMESIS_SEED", "20261128"))
SEEDS = int(os.environ.get("NEMESIS_SEEDS", "20"))
POINTS = int(os.environ.get("NEMESIS_POINTS", "25"))

_SHORT = (
    lambda draw: faults.pause(draw, "database", 4.5),
    lambda draw: faults.half_open(draw, "quancheng_bus", 3.0),
    faults.clock,
    lambda draw: faults.full_disk(draw, 4.5),
    lambda draw: faults.kill(draw, "worker"),
    lambda draw: faults.kill(draw, "api"),
    lambda draw: faults.kill(draw, "postgres"),
)


async def test_a_house_survives_one_fault_of_the_gravest_kinds() -> None:
    async with stage() as house, in_use(house, SEED) as run:
        for fault in planned(_SHORT, SEED):
            await run.point([fault])
    assert run.points == len(_SHORT)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(SEED, SEED + SEEDS))
async def test_a_house_survives_whatever_is_drawn(seed: int) -> None:
    started_s = time.monotonic()
    async with stage() as house:
        run = await torment(house, seed, POINTS)
    print(
        f"seed {seed}: {run.points} points, {len(run.load.paid)} payments, "
        f"{len(run.witness.answers)} answers, longest rest {run.slowest_rest_s:.1f} s, "
        f"{time.monotonic() - started_s:.0f} s in all"
    )


def test_a_seed_draws_the_same_faults_again() -> None:
    def drawn() -> list[tuple[str, str, float]]:
        draw = random.Random(SEED)
        each = [faults.draw_fault(draw) for _ in range(200)]
        return [(fault.kind, fault.told, fault.lasts_s) for fault in each]

    assert drawn() == drawn()
    assert {kind for kind, _, _ in drawn()} == set(faults.KINDS)
