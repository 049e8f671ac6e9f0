"""Deciding again: from the stored inputs and versions, compared byte by byte."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from credit.engine.artefact import Artefact
from credit.engine.decision import Engine
from credit.engine.version import engine_sha256
from credit.log.chain import Entry
from credit.log.entries import Kind
from credit.policy.rules import Policy
from credit.storage.errors import CreditError, LogError
from credit.storage.seals import canonical

FindModel = Callable[[str], Artefact]
FindPolicy = Callable[[str], Policy]
"""By hash; they raise where it is unknown."""

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Replayed:
    """How the decisions of a log came out again, by entry numbers.

    `changed_code` came out otherwise and were decided by another version of the code: a repair, as
    a rule. `destroyed` can be read by nobody. `others` are no decisions.
    """

    same: int
    different: tuple[int, ...]
    changed_code: tuple[int, ...]
    destroyed: int
    others: int


def replay(
    log: Iterable[tuple[Entry, Body | None]], find_model: FindModel, find_policy: FindPolicy
) -> Replayed:
    """Decide every decision again. Raises LogError for a broken chain or an unknown version."""
    engines: dict[tuple[Any, ...], Engine] = {}
    same, destroyed, others = 0, 0, 0
    different, changed_code = [], []
    for entry, body in log:
        payload = entry.payload
        if payload["kind"] != Kind.DECISION:
            others += 1
            continue
        if body is None:
            destroyed += 1
            continue
        try:
            engine = _engine(payload, find_model, find_policy, engines)
            again = engine.decide(body["application"], date.fromisoformat(payload["on"]))
        except (CreditError, KeyError) as error:
            raise LogError(f"entry {entry.number} cannot be replayed: {error}") from error
        if canonical(again.plain()) == canonical(body["decision"]):
            same += 1
        elif payload["code"] != engine_sha256():
            changed_code.append(entry.number)
        else:
            different.append(entry.number)
    return Replayed(same, tuple(different), tuple(changed_code), destroyed, others)


def _engine(
    payload: Mapping[str, Any],
    find_model: FindModel,
    find_policy: FindPolicy,
    engines: dict[tuple[Any, ...], Engine],
) -> Engine:
    """The engine as it stood: the same models, and the policy version that was in force."""
    names = (payload["champion"], *payload["challengers"], *payload["shadows"])
    key = (names, len(payload["challengers"]), payload["policy_hash"])
    if key not in engines:
        engines[key] = Engine(
            find_model(payload["champion"]),
            find_policy(payload["policy_hash"]),
            tuple(find_model(name) for name in payload["challengers"]),
            tuple(find_model(name) for name in payload["shadows"]),
        )
    return engines[key]
