"""Policy: versioned, dated rules as plain data, and the terms that follow from the risk.

A rule speaks of the probability (`pd`), the `score`, how many inputs lie outside the trained
range (`out_of_range`) or any input column. It carries one example that trips it and one that does
not, and the tests run both. Nothing here is learned.
"""

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from credit.errors import CreditError


class Outcome(StrEnum):
    """What the engine advises; a person has the last word on every `refer`."""

    APPROVE = "approve"
    REFER = "refer"
    DECLINE = "decline"


_SEVERITY = (Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE)

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Condition:
    """`field` compared with a value; an input that is missing never satisfies a condition."""

    field: str
    is_: str
    value: float

    def holds(self, facts: Mapping[str, float]) -> bool:
        """True where the fact is known and compares so."""
        fact = facts.get(self.field, math.nan)
        return not math.isnan(fact) and _OPERATORS[self.is_](fact, self.value)


@dataclass(frozen=True)
class Rule:
    """All conditions together lead to the outcome."""

    code: str
    when: tuple[Condition, ...]
    outcome: Outcome
    text: tuple[str, str]
    trips: Mapping[str, float]
    passes: Mapping[str, float]

    @property
    def rests_on_score(self) -> bool:
        """True where the model's own figures decide; its reasons are then the contributions."""
        return any(condition.field in ("pd", "score") for condition in self.when)


@dataclass(frozen=True)
class Band:
    """Up to this probability, at most these shares of the request and of the yearly turnover."""

    up_to_prob: float
    request_share_bps: int
    turnover_share_bps: int


@dataclass(frozen=True)
class Terms:
    """How limit and price follow from the risk. Amounts in the policy's own unit.

    Price = reference rate + operating margin + expected loss per year of what is repaid,
    rounded up to the grid.
    """

    unit: str
    amount_column: str
    turnover_column: str | None
    least_amount: int
    most_amount: int
    round_to: int
    bands: tuple[Band, ...]
    reference_bps: int
    reference_name: tuple[str, str]
    margin_bps: int
    loss_given_default_bps: int
    grid_bps: int
    most_bps: int

    def limit(self, pd: float, requested: float, turnover: float) -> int:
        """The largest amount to offer; 0 where the request or the turnover bears none."""
        band = next((band for band in self.bands if pd <= band.up_to_prob), None)
        if band is None or math.isnan(requested):
            return 0
        ceiling = min(requested * band.request_share_bps / 10_000, float(self.most_amount))
        if self.turnover_column is not None:
            known = 0.0 if math.isnan(turnover) else turnover
            ceiling = min(ceiling, known * band.turnover_share_bps / 10_000)
        whole = int(ceiling // self.round_to) * self.round_to
        return whole if whole >= self.least_amount else 0

    def rate_bps(self, pd: float) -> int:
        """Yearly rate in basis points, not above what may be charged."""
        loss = pd / max(1 - pd, 1e-9) * self.loss_given_default_bps
        rate = self.reference_bps + self.margin_bps + loss
        return min(math.ceil(rate / self.grid_bps) * self.grid_bps, self.most_bps)


@dataclass(frozen=True)
class Policy:
    """One version of a policy, in force from a date until the next version's."""

    name: str
    version: int
    effective_from: date
    rules: tuple[Rule, ...]
    terms: Terms

    @property
    def id(self) -> str:
        """Name and version: what a decision records."""
        return f"{self.name}/{self.version}"

    def apply(self, facts: Mapping[str, float]) -> tuple[Outcome, list[Rule]]:
        """The severest outcome of the rules that trip, and those rules in their order."""
        tripped = [r for r in self.rules if all(c.holds(facts) for c in r.when)]
        outcomes = [rule.outcome for rule in tripped]
        return max([Outcome.APPROVE, *outcomes], key=_SEVERITY.index), tripped


def policy_on(policies: Sequence[Policy], name: str, on: date) -> Policy:
    """The version in force on a day. Raises CreditError where there is none."""
    versions = [p for p in policies if p.name == name and p.effective_from <= on]
    if not versions:
        raise CreditError(f"no policy {name!r} is in force on {on}")
    return max(versions, key=lambda policy: (policy.effective_from, policy.version))


def policy_by_id(policies: Sequence[Policy], policy_id: str) -> Policy:
    """A policy version by its recorded id. Raises CreditError where it is unknown."""
    for policy in policies:
        if policy.id == policy_id:
            return policy
    raise CreditError(f"unknown policy {policy_id!r}")


def facts_of(
    pd: float, score: int, out_of_range: int, inputs: Mapping[str, Any]
) -> dict[str, float]:
    """What rules may speak of, as numbers."""
    facts = {k: float(v) for k, v in inputs.items() if isinstance(v, int | float)}
    return facts | {"pd": pd, "score": float(score), "out_of_range": float(out_of_range)}
