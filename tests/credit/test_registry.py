"""The registry: legal steps only, two pairs of eyes, fairness gate, nothing written on refusal."""

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from credit.errors import RegistryError
from credit.log.chain import MemoryStore
from credit.registry.registry import EDGES, Registry, State, Waiver

AT = datetime(2025, 6, 30, tzinfo=UTC)
A, B = "a" * 64, "b" * 64
OFFICER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
FINDING = "region=370126 (0.71)"


@pytest.fixture
def registry():
    return Registry(MemoryStore(), [OFFICER.public_key()])


def validated(registry, model=A, blocked=()):
    registry.register(model, "jinan", "author", AT)
    registry.validate(model, "validator", AT, blocked=blocked)


def serve(registry, model, state):
    registry.propose(model, state, "first", AT)
    registry.approve(model, "second", AT)


def refused(registry, match, call):
    before = list(registry.store.lines())
    with pytest.raises(RegistryError, match=match):
        call()
    assert list(registry.store.lines()) == before


def test_from_draft_to_champion(registry):
    validated(registry)
    assert registry.standings()[A].state is State.VALIDATED
    serve(registry, A, State.CHAMPION)
    assert registry.serving("jinan")[State.CHAMPION] == [A]
    assert registry.serving("sba")[State.CHAMPION] == []


def test_one_person_cannot_promote_alone(registry):
    validated(registry)
    registry.propose(A, State.CHAMPION, "first", AT)
    refused(registry, "someone else", lambda: registry.approve(A, "first", AT))
    assert registry.standings()[A].state is State.VALIDATED


def test_the_author_does_not_validate(registry):
    registry.register(A, "jinan", "author", AT)
    refused(registry, "other than its author", lambda: registry.validate(A, "author", AT))


def test_a_new_champion_retires_the_old_one(registry):
    for model in (A, B):
        validated(registry, model)
        serve(registry, model, State.CHAMPION)
    assert registry.serving("jinan")[State.CHAMPION] == [B]
    assert registry.standings()[A].state is State.RETIRED


def test_shadow_and_challenger_may_be_promoted(registry):
    validated(registry)
    serve(registry, A, State.SHADOW)
    serve(registry, A, State.CHALLENGER)
    serve(registry, A, State.CHAMPION)
    assert registry.standings()[A].state is State.CHAMPION


@pytest.mark.parametrize("state", [s for s in State if s not in EDGES[State.DRAFT]])
def test_a_draft_serves_nowhere(registry, state):
    registry.register(A, "jinan", "author", AT)
    refused(registry, "cannot become", lambda: registry.propose(A, state, "first", AT))


def test_the_retired_stay_retired(registry):
    validated(registry)
    serve(registry, A, State.RETIRED)
    for state in State:
        refused(registry, "cannot become", lambda s=state: registry.propose(A, s, "first", AT))


def test_open_fairness_findings_block_until_waived(registry):
    validated(registry, blocked=[FINDING])
    propose = lambda: registry.propose(A, State.CHAMPION, "first", AT)  # noqa: E731
    refused(registry, "open fairness findings", propose)
    stranger = Waiver.sign(A, [FINDING], "because", Ed25519PrivateKey.generate())
    refused(registry, "not signed by a risk officer", lambda: registry.waive(stranger, "o", AT))
    other = Waiver.sign(B, [FINDING], "because", OFFICER)
    moved = Waiver(A, other.findings, other.reason, other.signer, other.signature)
    refused(registry, "does not hold", lambda: registry.waive(moved, "o", AT))
    partial = Waiver.sign(A, [], "because", OFFICER)
    refused(registry, "exactly the open findings", lambda: registry.waive(partial, "o", AT))
    registry.waive(Waiver.sign(A, [FINDING], "few loans there yet", OFFICER), "officer", AT)
    serve(registry, A, State.CHAMPION)
    assert registry.standings()[A].waived


def test_nothing_happens_twice_or_to_strangers(registry):
    registry.register(A, "jinan", "author", AT)
    refused(registry, "already", lambda: registry.register(A, "jinan", "author", AT))
    refused(registry, "not registered", lambda: registry.validate(B, "v", AT))
    refused(registry, "nothing is proposed", lambda: registry.approve(A, "second", AT))
    refused(registry, "actor must be named", lambda: registry.register(B, "jinan", " ", AT))
