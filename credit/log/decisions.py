"""The decision log: what was asked, by which versions it was decided, and what was said.

Replay decides again from the stored inputs and versions and compares byte by byte.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from core.clock import civil_date, ensure_utc
from credit.engine.artefact import Artefact
from credit.engine.decision import Decision, Engine
from credit.errors import LogError
from credit.log.chain import ChainStore, Entry, append, entries
from credit.policy.rules import Policy, policy_by_hash
from credit.seals import canonical

FindModel = Callable[[str], Artefact]
"""Artefact by hash; raises where it is unknown."""


@dataclass(frozen=True)
class Replayed:
    """How many decisions came out the same, and the numbers of those that did not."""

    same: int
    different: tuple[int, ...]


def record(
    store: ChainStore, engine: Engine, application: Mapping[str, Any], at: datetime
) -> tuple[Decision, Entry]:
    """Decide and store in one step, so that no decision is without its entry."""
    on = civil_date(at)
    decision = engine.decide(application, on)
    payload = {
        "at": ensure_utc(at).isoformat(),
        "on": on.isoformat(),
        "application": dict(application),
        "champion": engine.champion.hash,
        "challengers": [other.hash for other in engine.challengers],
        "shadows": [other.hash for other in engine.shadows],
        "decision": decision.plain(),
    }
    return decision, append(store, payload)


def replay(store: ChainStore, find_model: FindModel, policies: Sequence[Policy]) -> Replayed:
    """Decide every entry again. Raises LogError for a broken chain or an unknown version."""
    engines: dict[tuple[Any, ...], Engine] = {}
    same, different = 0, []
    for entry in entries(store):
        payload = entry.payload
        try:
            engine = _engine(payload, find_model, policies, engines)
            again = engine.decide(payload["application"], date.fromisoformat(payload["on"]))
        except KeyError as error:
            raise LogError(f"entry {entry.number} cannot be replayed: {error}") from error
        if canonical(again.plain()) == canonical(payload["decision"]):
            same += 1
        else:
            different.append(entry.number)
    return Replayed(same, tuple(different))


def _engine(
    payload: Mapping[str, Any],
    find_model: FindModel,
    policies: Sequence[Policy],
    engines: dict[tuple[Any, ...], Engine],
) -> Engine:
    """The engine as it stood: the same models, and the policy version that was in force."""
    policy_hash = payload["decision"]["policy_hash"]
    key = (
        payload["champion"],
        tuple(payload["challengers"]),
        tuple(payload["shadows"]),
        policy_hash,
    )
    if key not in engines:
        engines[key] = Engine(
            find_model(key[0]),
            policy_by_hash(policies, policy_hash),
            tuple(find_model(name) for name in key[1]),
            tuple(find_model(name) for name in key[2]),
        )
    return engines[key]
