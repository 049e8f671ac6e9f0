"""A thousand releases: a script that sends a hundred attempts a second gains nothing by it."""

import hashlib
import math
import os
import random
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.security.keys import ensure_sandbox_keys
from kinds.booking import queue
from tests.kinds.booking.engine import MakeCall, broken_invariants
from tests.kinds.booking.releases import HANDS, SCRIPTS, SEATS, Worker, release_all, rush

SEED = int(os.environ.get("FAIR_SEED", "20261122"))
RELEASES = int(os.environ.get("FAIR_RELEASES", "1000"))
TOGETHER = 5
NOISE_MAX = 0.03


@pytest.fixture(scope="module")
def keys_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys of which the one that turns people into lots is known: a seed gives the same draws."""
    folder = tmp_path_factory.mktemp("known-keys")
    ensure_sandbox_keys(folder)
    (folder / "pii_index.key").write_text(hashlib.sha256(b"releases").hexdigest())
    return folder


async def wins(
    app: App, call: MakeCall, clock: ManualClock, chance: random.Random, releases: int
) -> list[tuple[int, int]]:
    """For each release, how many seats scripts and hands won; the rules held in every one."""
    worker, outcomes = Worker(app, clock), []
    for _ in range(releases // TOGETHER):
        rushes = [await rush(app, call, chance) for _ in range(TOGETHER)]
        await release_all(worker, clock, rushes)
        assert await broken_invariants([each.slot for each in rushes]) == []
        for each in rushes:
            seated = await each.seated()
            scripts = {script.viewer.subject_id for script in each.scripts} & seated
            hands = {hand.subject_id for hand in each.hands} & seated
            assert len(scripts) + len(hands) == SEATS == len(seated), "a seat was left over"
            assert {s.viewer.subject_id for s in each.scripts if s.has_won} == scripts
            outcomes.append((len(scripts), len(hands)))
    return outcomes


def ratio_of(outcomes: Sequence[tuple[int, int]]) -> tuple[float, float]:
    """What a script wins to what a hand wins, and the standard error of that, release by
    release."""
    pairs = [(scripts / SCRIPTS, hands / HANDS) for scripts, hands in outcomes]
    all_hands = sum(hand for _, hand in pairs)
    ratio = sum(script for script, _ in pairs) / all_hands
    off = sum((script - ratio * hand) ** 2 for script, hand in pairs)
    return ratio, math.sqrt(off) / all_hands


def known_lots(monkeypatch: pytest.MonkeyPatch, seed: int) -> random.Random:
    """Chance by a seed, for the people of the test and for the lots of the queue."""
    lots = SimpleNamespace(token_bytes=random.Random(seed).randbytes)
    monkeypatch.setattr(queue, "secrets", lots)
    return random.Random(seed + 1)


async def test_scripts_and_hands_at_a_few_releases(
    app: App, call: MakeCall, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = await wins(app, call, clock, known_lots(monkeypatch, SEED), TOGETHER)
    assert len(outcomes) == TOGETHER


@pytest.mark.soak
async def test_a_script_wins_no_more_than_a_hand_over_a_thousand_releases(
    app: App, call: MakeCall, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scripts and hands share four seats by lot: the ratio's standard error is about 2 %, so that
    the bounds of 0.9 and 1.1 are more than four of them away from a fair lot."""
    began_s = time.monotonic()
    outcomes = await wins(app, call, clock, known_lots(monkeypatch, SEED), RELEASES)
    ratio, error = ratio_of(outcomes)
    print(
        f"seed {SEED}: {len(outcomes)} releases in {time.monotonic() - began_s:.0f} s, scripts won "
        f"{sum(s for s, _ in outcomes)}, hands {sum(h for _, h in outcomes)}; a script to a hand "
        f"{ratio:.3f}, 95 % between {ratio - 1.96 * error:.3f} and {ratio + 1.96 * error:.3f}"
    )
    assert 0.9 <= ratio <= 1.1
    assert error <= NOISE_MAX or RELEASES < 1_000
