"""What a model and a policy say of many applications at once: the one place where they meet.

One application, a million, and the candidates of a counterfactual all come through here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit.engine.artefact import Artefact, Observed
from credit.engine.features import Floats
from credit.engine.intake import Inputs, States, parse
from credit.engine.model import probability
from credit.engine.presence import WITHHELD, Presence, absence_text, status_field
from credit.engine.schema import Column, Kind
from credit.policy.rules import SEVERITY, Outcome, Policy, Verdicts
from credit.storage.errors import CreditError

PROB_DIGITS = 12

INPUT_ABSENT = "INPUT_ABSENT"
NO_LIMIT = "NO_LIMIT"
UNKNOWN_SUFFIX = "_UNKNOWN"
"""Of a rule's code where what it needs is not known."""


@dataclass(frozen=True)
class Finding:
    """One thing that settled an outcome: a rule that tripped, or what stood in the way of one."""

    code: str
    outcome: Outcome
    text: tuple[str, str]
    rests_on_score: bool = False

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "code": self.code,
            "outcome": str(self.outcome),
            "zh": self.text[0],
            "en": self.text[1],
        }


@dataclass(frozen=True, eq=False)
class Desk:
    """A model under a policy. Raises CreditError if the policy needs what the model lacks."""

    artefact: Artefact
    policy: Policy

    def __post_init__(self) -> None:
        """Refuse a policy that could not be applied."""
        if self.policy.spec not in ("*", self.artefact.spec):
            raise CreditError(
                f"policy {self.policy.id} is for {self.policy.spec}, not {self.artefact.spec}"
            )
        known = (*self.artefact.columns, *self.artefact.spare_columns)
        self.policy.check_fields(
            [c.name for c in known if c.kind is Kind.NUMBER],
            [c.name for c in known if c.kind is Kind.TEXT],
        )

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """What an application must have: the model's columns and those of the policy's rules."""
        read = self.policy.fields()
        spare = [column for column in self.artefact.spare_columns if column.name in read]
        return (*self.artefact.columns, *spare)

    def assess(self, inputs: Inputs) -> "Assessed":
        """Score rows and judge them."""
        observed = self.artefact.observe(inputs)
        log_odds = self.artefact.model.log_odds(observed.matrix)
        return self.judge(inputs, observed, log_odds)

    def judge(self, inputs: Inputs, observed: Observed, log_odds: Floats) -> "Assessed":
        """Judge rows that the model gave these log-odds, before the trend is added."""
        log_odds = log_odds + observed.shift
        # the last bits of exp differ between processors; twelve digits do not
        pd = np.round(probability(log_odds), PROB_DIGITS)
        score = self.artefact.scale.score(log_odds)
        outside = self._outside(observed.matrix)
        unseen = observed.presence == Presence.UNSEEN
        facts = {name: inputs.columns[name] for name in self.policy.fields()} | {
            "pd": pd,
            "score": score.astype(np.float64),
            "out_of_range": outside.sum(axis=1).astype(np.float64),
            "unseen": unseen.sum(axis=1).astype(np.float64),
        }
        needed = observed.unsupported & ~self._may_lack(observed)
        lacking: NDArray[np.bool_] = np.any(needed, axis=1)
        verdicts = self.policy.judge(facts, lacking)
        return Assessed(self, inputs, observed, log_odds, pd, score, outside, needed, verdicts)

    def _outside(self, matrix: Floats) -> NDArray[np.bool_]:
        low, high = self._ranges
        return np.isfinite(matrix) & ((matrix < low) | (matrix > high))

    def _may_lack(self, observed: Observed) -> NDArray[np.bool_]:
        """Where a value was withheld by sources that the policy can do without."""
        return self._optional[None, :] & (observed.presence >= WITHHELD)

    @cached_property
    def _ranges(self) -> tuple[Floats, Floats]:
        ranges = self.artefact.content["ranges"]
        low = np.array([-np.inf if pair[0] is None else pair[0] for pair in ranges])
        high = np.array([np.inf if pair[1] is None else pair[1] for pair in ranges])
        return low, high

    @cached_property
    def _optional(self) -> NDArray[np.bool_]:
        columns, free = self.artefact.columns_by_name, self.policy.optional_sources
        out = []
        for feature in self.artefact.features:
            sources = {columns[name].source for name in feature.derivation.sources()} - {""}
            out.append(bool(sources) and sources <= free)
        return np.array(out, dtype=bool)

    def approved(self, applications: Sequence[Mapping[str, Any]]) -> NDArray[np.bool_]:
        """Which of many applications would be approved outright."""
        names = self.input_names
        raw = {n: [a.get(n) for a in applications] for n in names if n in applications[0]}
        outcome = self.assess(parse(raw, self.columns)).verdicts.outcome
        return np.asarray(outcome == SEVERITY.index(Outcome.APPROVE))

    @cached_property
    def input_names(self) -> tuple[str, ...]:
        """The fields that an application may have: columns, and the status of each source."""
        return input_names(self.columns)


def input_names(columns: Sequence[Column]) -> tuple[str, ...]:
    """The fields to read for some columns: they, and the status of each of their sources."""
    sources = sorted({column.source for column in columns} - {""})
    names = [column.name for column in columns]
    return (*names, *(status_field(source) for source in sources))


@dataclass(frozen=True, eq=False)
class Assessed:
    """Rows scored and judged. `needed` marks inputs that a row's probability lacks.

    `log_odds` have the trend in them.
    """

    desk: Desk
    inputs: Inputs
    observed: Observed
    log_odds: Floats
    pd: Floats
    score: NDArray[np.int64]
    outside: NDArray[np.bool_]
    needed: NDArray[np.bool_]
    verdicts: Verdicts

    def outcome(self, i: int) -> Outcome:
        """The outcome of one row."""
        return SEVERITY[int(self.verdicts.outcome[i])]

    def findings(self, i: int) -> list[Finding]:
        """What settled one row's outcome, rules in the policy's order."""
        found = []
        verdicts = self.verdicts
        for r, rule in enumerate(self.desk.policy.rules):
            if verdicts.tripped[r, i]:
                found.append(Finding(rule.code, rule.outcome, rule.text, rule.rests_on_score))
            elif verdicts.unknown[r, i]:
                fields = tuple(condition.field for condition in rule.when)
                text = _listed(self._absent_columns(fields, i), "无法核实：", "Cannot be checked: ")
                found.append(Finding(rule.code + UNKNOWN_SUFFIX, Outcome.REFER, text))
        if verdicts.unsupported[i]:
            texts = [self.absence(j, i) for j in np.flatnonzero(self.needed[i]).tolist()]
            text = _listed(texts, "资料不全，转人工复核：", "A person decides, for want of: ")
            found.append(Finding(INPUT_ABSENT, Outcome.REFER, text))
        if verdicts.no_limit[i]:
            text = (
                "可核定额度低于产品起点，转人工复核",
                "The limit that can be worked out is below the product's least amount",
            )
            found.append(Finding(NO_LIMIT, Outcome.REFER, text))
        return found

    def absence(self, j: int, i: int) -> tuple[str, str]:
        """What may be said of a feature whose value is not known."""
        feature = self.desk.artefact.features[j]
        return absence_text(feature.about, Presence(int(self.observed.presence[i, j])))

    @cached_property
    def _presences(self) -> Mapping[str, States]:
        read = self.desk.policy.fields()
        return {c.name: self.inputs.presence(c) for c in self.desk.columns if c.name in read}

    def _absent_columns(self, names: tuple[str, ...], i: int) -> list[tuple[str, str]]:
        out = []
        for column in self.desk.columns:
            if column.name in names and self._presences[column.name][i]:
                presence = Presence(int(self._presences[column.name][i]))
                out.append(absence_text(column.about, presence))
        return out


def _listed(texts: list[tuple[str, str]], zh: str, en: str) -> tuple[str, str]:
    return (zh + "；".join(text[0] for text in texts), en + "; ".join(text[1] for text in texts))
