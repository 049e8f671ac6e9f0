"""One decision: features → probability → score → rules → limit and price → reasons.

Champion, challengers and shadows all see every application. Only the champion's word counts; a
challenger's and a shadow's are recorded beside it, and nothing they do, failing included, changes
the decision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from credit.engine.artefact import Artefact
from credit.engine.features import Floats
from credit.engine.intake import parse
from credit.engine.model import probability
from credit.engine.reasons import Counterfactual, Reason, find_counterfactual, reasons_for
from credit.engine.schema import Kind
from credit.policy.rules import Outcome, Policy, Rule, facts_of, policy_on
from credit.policy.shipped import POLICIES

NOTICE = ("辅助决策，非信用报告", "Decision aid, not a credit report")
PROB_DIGITS = 12


@dataclass(frozen=True)
class Decision:
    """The engine's advice on one application. `rate_bps` and `limit` are 0 unless approved."""

    outcome: Outcome
    pd_prob: float
    log_odds: float
    score: int
    limit: int
    rate_bps: int
    unit: str
    rules: tuple[Rule, ...]
    reasons: tuple[Reason, ...]
    base_log_odds: float
    contributions: Mapping[str, float]
    counterfactual: Counterfactual | None
    flags: tuple[str, ...]
    policy: str
    model: str
    simulated: bool
    others: tuple[Mapping[str, Any], ...] = ()

    def plain(self) -> dict[str, Any]:
        """JSON-ready; everything a replay must reproduce."""
        return {
            "outcome": str(self.outcome),
            "pd_prob": self.pd_prob,
            "log_odds": self.log_odds,
            "score": self.score,
            "limit": self.limit,
            "rate_bps": self.rate_bps,
            "unit": self.unit,
            "rules": [
                {"code": rule.code, "zh": rule.text[0], "en": rule.text[1]} for rule in self.rules
            ],
            "reasons": [reason.plain() for reason in self.reasons],
            "base_log_odds": self.base_log_odds,
            "contributions": dict(self.contributions),
            "counterfactual": self.counterfactual.plain() if self.counterfactual else None,
            "flags": list(self.flags),
            "policy": self.policy,
            "model": self.model,
            "simulated": self.simulated,
            "others": [dict(other) for other in self.others],
            "notice": {"zh": NOTICE[0], "en": NOTICE[1]},
        }


@dataclass(frozen=True, eq=False)
class Engine:
    """A champion with its company, ready to decide."""

    champion: Artefact
    challengers: tuple[Artefact, ...] = ()
    shadows: tuple[Artefact, ...] = ()
    policies: Sequence[Policy] = POLICIES

    def decide(self, application: Mapping[str, Any], on: date) -> Decision:
        """Decide on one application, column name → value, under the policy in force on a day.

        Raises InputError naming each bad value.
        """
        decision = self._decide_alone(application, on)
        others = [_opinion("challenger", other, application) for other in self.challengers]
        others += [_opinion("shadow", other, application) for other in self.shadows]
        return Decision(**{**vars(decision), "others": tuple(others)})

    def _decide_alone(self, application: Mapping[str, Any], on: date) -> Decision:
        artefact = self.champion
        policy = policy_on(self.policies, artefact.policy, on)
        inputs, row = _one(artefact, application)
        log_odds, parts = artefact.model.explain_one(row)
        pd, score = _pd_and_score(artefact, np.array([log_odds]))
        flags = range_flags(artefact, row)
        facts = facts_of(float(pd[0]), int(score[0]), len(flags), inputs)
        outcome, rules = policy.apply(facts)
        limit, rate = offer(policy, facts, outcome)
        raising = outcome is not Outcome.APPROVE
        features = artefact.features
        return Decision(
            outcome=outcome,
            pd_prob=float(pd[0]),
            log_odds=log_odds,
            score=int(score[0]),
            limit=limit,
            rate_bps=rate,
            unit=policy.terms.unit,
            rules=tuple(rules),
            reasons=tuple(reasons_for(features, row, parts, raising=raising)),
            base_log_odds=artefact.model.base,
            contributions={f.name: float(part) for f, part in zip(features, parts, strict=True)},
            counterfactual=self._counterfactual(application, policy) if raising else None,
            flags=flags,
            policy=policy.id,
            model=artefact.hash,
            simulated=artefact.simulated,
        )

    def _counterfactual(
        self, application: Mapping[str, Any], policy: Policy
    ) -> Counterfactual | None:
        def approves(candidates: list[Mapping[str, Any]]) -> NDArray[np.bool_]:
            return approved(self.champion, policy, candidates)

        return find_counterfactual(self.champion.levers, application, approves)


def approved(
    artefact: Artefact, policy: Policy, applications: Sequence[Mapping[str, Any]]
) -> NDArray[np.bool_]:
    """Which of many applications would be approved outright."""
    raw = {c.name: [a.get(c.name) for a in applications] for c in artefact.columns}
    columns = parse(raw, artefact.columns)
    matrix = artefact.matrix(columns, len(applications))
    pd, score = _pd_and_score(artefact, artefact.model.log_odds(matrix))
    out = np.zeros(len(applications), dtype=bool)
    for i in range(len(applications)):
        inputs = {name: values[i] for name, values in columns.items()}
        facts = facts_of(float(pd[i]), int(score[i]), len(range_flags(artefact, matrix[i])), inputs)
        out[i] = policy.apply(facts)[0] is Outcome.APPROVE
    return out


def offer(policy: Policy, facts: Mapping[str, float], outcome: Outcome) -> tuple[int, int]:
    """(limit, yearly rate in basis points) of an approval; zeros otherwise."""
    if outcome is not Outcome.APPROVE:
        return 0, 0
    terms = policy.terms
    nan = float("nan")
    turnover = facts.get(terms.turnover_column, nan) if terms.turnover_column else nan
    limit = terms.limit(facts["pd"], facts.get(terms.amount_column, nan), turnover)
    return (limit, terms.rate_bps(facts["pd"])) if limit else (0, 0)


def range_flags(artefact: Artefact, row: Floats) -> tuple[str, ...]:
    """Names of features outside what training saw: scored all the same, but said."""
    flags = []
    for feature, value, (low, high) in zip(
        artefact.features, row.tolist(), artefact.content["ranges"], strict=True
    ):
        if low is not None and not low <= value <= high and value == value:
            flags.append(feature.name)
    return tuple(flags)


def _one(artefact: Artefact, application: Mapping[str, Any]) -> tuple[dict[str, Any], Floats]:
    raw = {c.name: [application[c.name]] for c in artefact.columns if c.name in application}
    columns = parse(raw, artefact.columns)
    inputs = {c.name: columns[c.name][0] for c in artefact.columns if c.kind is Kind.NUMBER}
    return inputs, artefact.matrix(columns, 1)[0]


def _pd_and_score(artefact: Artefact, log_odds: Floats) -> tuple[Floats, NDArray[np.int64]]:
    # the last bits of exp differ between processors; twelve digits do not
    return np.round(probability(log_odds), PROB_DIGITS), artefact.scale.score(log_odds)


def _opinion(role: str, artefact: Artefact, application: Mapping[str, Any]) -> dict[str, Any]:
    """What another model would say, or why it could not."""
    try:
        row = _one(artefact, application)[1]
        pd, score = _pd_and_score(artefact, artefact.model.log_odds(row.reshape(1, -1)))
    except Exception as error:  # a broken shadow must never cost a decision
        return {"role": role, "model": artefact.hash, "error": type(error).__name__}
    return {
        "role": role,
        "model": artefact.hash,
        "pd_prob": float(pd[0]),
        "score": int(score[0]),
    }
