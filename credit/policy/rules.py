"""Policy: versioned, dated rules as plain data, and the limit that follows from the risk.

A rule speaks of the probability (`pd`), the `score`, how many inputs lie outside the trained
range (`out_of_range`) or are of a kind never met (`unseen`), or of any input column. What a rule
needs and nobody knows makes it refer: silence never passes. Nothing here is learned.
"""

import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit.policy.limit import Limit
from credit.policy.price import Price
from credit.storage.errors import CreditError


class Outcome(StrEnum):
    """What the engine advises; a person has the last word on every `refer`."""

    APPROVE = "approve"
    REFER = "refer"
    DECLINE = "decline"


SEVERITY = (Outcome.APPROVE, Outcome.REFER, Outcome.DECLINE)
_APPROVE, _REFER, _DECLINE = range(3)

MODEL_FIELDS = ("pd", "score", "out_of_range", "unseen")
"""What the model itself contributes to the facts."""

Bools = NDArray[np.bool_]
Facts = Mapping[str, NDArray[Any]]
"""Field → values of every row: float64 with NaN, or texts with None, where nobody knows."""

Fact = float | str | None

_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MEMBERSHIPS = ("in", "not in")
OPERATORS = (*_COMPARISONS, *_MEMBERSHIPS)


@dataclass(frozen=True)
class Condition:
    """`field` compared with a number, or looked for among texts."""

    field: str
    is_: str
    value: float | tuple[str, ...]

    @property
    def on_text(self) -> bool:
        """True where the field is a text."""
        return self.is_ in _MEMBERSHIPS

    def holds(self, facts: Facts) -> tuple[Bools, Bools]:
        """(where it holds, where nobody knows); neither is where it fails."""
        values = facts[self.field]
        if isinstance(self.value, tuple):
            unknown = np.array([value is None for value in values.tolist()], dtype=bool)
            among = np.array([value in self.value for value in values.tolist()], dtype=bool)
            return (among if self.is_ == "in" else ~among) & ~unknown, unknown
        return _COMPARISONS[self.is_](values, self.value), np.isnan(values)


@dataclass(frozen=True)
class Rule:
    """All conditions together lead to the outcome. `trips` and `passes` are worked examples."""

    code: str
    when: tuple[Condition, ...]
    outcome: Outcome
    text: tuple[str, str]
    trips: Mapping[str, Fact]
    passes: Mapping[str, Fact]

    @property
    def rests_on_score(self) -> bool:
        """True where the model's own figures decide; its reasons are then the contributions."""
        return any(condition.field in ("pd", "score") for condition in self.when)

    def judge(self, facts: Facts, rows: int) -> tuple[Bools, Bools]:
        """(where it trips, where that cannot be known): a condition that fails settles it."""
        all_hold, none_fails = np.ones(rows, dtype=bool), np.ones(rows, dtype=bool)
        for condition in self.when:
            holds, unknown = condition.holds(facts)
            all_hold &= holds
            none_fails &= holds | unknown
        return all_hold, none_fails & ~all_hold


@dataclass(frozen=True, eq=False)
class Verdicts:
    """What a policy says of many applications; rule arrays have the shape (rules, rows).

    `outcome` numbers `SEVERITY`. `unsupported` rows lack an input that the model rests on.
    `limit` is 0 unless approved.
    """

    outcome: NDArray[np.int8]
    tripped: Bools
    unknown: Bools
    unsupported: Bools
    no_limit: Bools
    limit: NDArray[np.int64]


@dataclass(frozen=True)
class Policy:
    """One version of a bank's policy for a product, in force from a date to the next version's.

    `spec` names the data set whose models it is for ("*": any). Inputs of `optional_sources` may
    be absent without a person's review: they then speak neither for nor against anybody.
    """

    bank: str
    product: str
    version: int
    spec: str
    effective_from: date
    unit: str
    rules: tuple[Rule, ...]
    limit: Limit | None = None
    price: Price | None = None
    optional_sources: frozenset[str] = frozenset()
    hash: str = ""

    @property
    def id(self) -> str:
        """Bank, product and version: what a decision records, with the hash."""
        return f"{self.bank}/{self.product}/{self.version}"

    def fields(self) -> frozenset[str]:
        """Input columns that its rules and its limit read."""
        used = {condition.field for rule in self.rules for condition in rule.when}
        if self.limit:
            used |= {self.limit.amount_column, self.limit.turnover_column} - {""}
        return frozenset(used - set(MODEL_FIELDS))

    def check_fields(self, numbers: Collection[str], texts: Collection[str]) -> None:
        """Raises CreditError naming every field that a model does not have, or not as a number."""
        absent = sorted(self.fields() - set(numbers) - set(texts))
        if absent:
            raise CreditError(
                f"policy {self.id} speaks of what the model does not have: {', '.join(absent)}"
            )
        on_text = {c.field for rule in self.rules for c in rule.when if c.on_text}
        wrong = sorted((on_text & set(numbers)) | ((self.fields() - on_text) & set(texts)))
        if wrong:
            raise CreditError(f"policy {self.id} compares in the wrong way: {', '.join(wrong)}")

    def judge(self, facts: Facts, unsupported: Bools) -> Verdicts:
        """The severest outcome of the rules on every row, and the limit of what is approved."""
        rows = len(unsupported)
        outcome = np.where(unsupported, _REFER, _APPROVE).astype(np.int8)
        tripped = np.zeros((len(self.rules), rows), dtype=bool)
        unknown = np.zeros((len(self.rules), rows), dtype=bool)
        for r, rule in enumerate(self.rules):
            trips, open_ = rule.judge(facts, rows)
            if rule.rests_on_score:
                # a probability that lacks its inputs decides nothing; the row is referred
                trips, open_ = trips & ~unsupported, open_ & ~unsupported
            tripped[r], unknown[r] = trips, open_
            outcome = np.maximum(outcome, np.where(trips, SEVERITY.index(rule.outcome), 0))
            outcome = np.maximum(outcome, np.where(open_, _REFER, 0)).astype(np.int8)
        limit = np.zeros(rows, dtype=np.int64)
        no_limit = np.zeros(rows, dtype=bool)
        if self.limit:
            limit = np.where(outcome == _APPROVE, self.limit.amounts(facts), 0)
            no_limit = (outcome == _APPROVE) & (limit == 0)
            outcome[no_limit] = _REFER
        return Verdicts(outcome, tripped, unknown, unsupported, no_limit, limit)

    def apply(self, facts: Mapping[str, Fact]) -> tuple[Outcome, list[str], int]:
        """(outcome, codes of the rules that trip, limit) of one set of facts: for examples.

        A field that the facts do not hold is unknown.
        """
        fields = [*self.fields(), *MODEL_FIELDS]
        columns = {name: _one(facts.get(name), self._is_text(name)) for name in fields}
        verdicts = self.judge(columns, np.zeros(1, dtype=bool))
        codes = [r.code for r, trips in zip(self.rules, verdicts.tripped, strict=True) if trips[0]]
        return SEVERITY[int(verdicts.outcome[0])], codes, int(verdicts.limit[0])

    def _is_text(self, name: str) -> bool:
        return any(c.on_text for rule in self.rules for c in rule.when if c.field == name)


def _one(value: Fact, is_text: bool) -> NDArray[Any]:
    if is_text:
        return np.array([value], dtype=object)
    return np.array([np.nan if value is None else value], dtype=np.float64)


def policy_on(policies: Sequence[Policy], bank: str, product: str, on: date) -> Policy:
    """The version in force on a day. Raises CreditError where there is none."""
    versions = [
        p for p in policies if (p.bank, p.product) == (bank, product) and p.effective_from <= on
    ]
    if not versions:
        raise CreditError(f"no policy of {bank} for {product} is in force on {on}")
    return max(versions, key=lambda policy: (policy.effective_from, policy.version))


def policy_by_hash(policies: Sequence[Policy], digest: str) -> Policy:
    """A policy version by its recorded hash. Raises CreditError where it is unknown."""
    for policy in policies:
        if policy.hash == digest:
            return policy
    raise CreditError(f"unknown policy {digest[:12]!r}")
