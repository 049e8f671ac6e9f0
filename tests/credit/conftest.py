"""Shared ground of the credit tests: where the real data lie, and small models trained once."""

from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from credit.engine.artefact import Artefact
from credit.engine.assess import Desk
from credit.engine.decision import Engine
from credit.policy.choice import policy_for
from credit.policy.rules import Policy
from credit.storage.seals import canonical, fingerprint
from credit.training.data import Dataset, build, read
from credit.training.provenance import Order
from credit.training.simulate import Records, loan_history
from credit.training.specs.jinan import JINAN
from credit.training.specs.sba import SBA
from credit.training.specs.spec import Spec
from credit.training.train import train
from tests import shared_data

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
"""A fixed key, for tests alone."""

SMALL_JINAN = replace(JINAN, fit=replace(JINAN.fit, rounds=60))
HISTORY_ROWS = 6_000


def shared(name: str) -> Path:
    """A file of the shared data folder; skips the test where it is absent."""
    return shared_data.shared(f"credit/{name}")


def opened(content: dict[str, object]) -> Artefact:
    """An artefact from its content, as the loader would give it back."""
    data = canonical(content)
    return Artefact(fingerprint(data), orjson.loads(data))


@cache
def history() -> Records:
    """Simulated loans."""
    return loan_history(11, HISTORY_ROWS)


@cache
def jinan_data() -> Dataset:
    """The simulated loans as training data."""
    return build(history(), SMALL_JINAN, today=None)


@cache
def jinan_contents() -> dict[str, dict[str, object]]:
    """Champion and challenger trained on simulated loans through 2023."""
    data = jinan_data()
    window = data.where(data.year <= 2023)
    return train(SMALL_JINAN, window, Order(2023, 1, "0" * 64, "simulated"))


@cache
def sba_data() -> Dataset:
    """The real loans."""
    return read(shared("sba_loans_to_fy2004.csv.xz"), SBA, today=None)


@cache
def sba_artefact(through: int = 2001) -> Artefact:
    """The shipped spec, trained as shipped."""
    data = sba_data()
    window = data.where(data.year <= through)
    return opened(train(SBA, window, Order(through, 0, "0" * 64, "sba"))["champion"])


def small(spec: Spec, rounds: int) -> Spec:
    """A spec with a shorter fit, where a test is not about figures."""
    return replace(spec, fit=replace(spec.fit, rounds=rounds, bags=1))


def example(spec: str) -> Policy:
    """The shipped example policy for a data set."""
    return policy_for(spec, None, date(2025, 6, 30))


def desk_of(artefact: Artefact) -> Desk:
    """An artefact under its example policy."""
    return Desk(artefact, example(artefact.spec))


def engine_of(artefact: Artefact, **company: tuple[Artefact, ...]) -> Engine:
    """An engine under the example policy."""
    return Engine(artefact, example(artefact.spec), **company)


@pytest.fixture(scope="session")
def champion() -> Artefact:
    """A small model of simulated loans."""
    return opened(jinan_contents()["champion"])


@pytest.fixture(scope="session")
def challenger() -> Artefact:
    """The champion's scorecard rival."""
    return opened(jinan_contents()["challenger"])
