"""One decision: features → probability → score → rules → limit → reasons.

Champion, challengers and shadows all see every application. Only the champion's word counts; a
challenger's and a shadow's are recorded beside it, and nothing they do, failing included, changes
the decision. Price and tenor are the lender's, not the engine's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np

from credit.engine.artefact import Artefact, Observed
from credit.engine.assess import PROB_DIGITS, Assessed, Desk, Finding, input_names
from credit.engine.counterfactual import Counterfactual, find_counterfactual
from credit.engine.intake import Inputs, parse
from credit.engine.model import probability
from credit.engine.presence import TEXTS, Presence
from credit.engine.reasons import Reason, reasons_for
from credit.engine.schema import Column
from credit.policy.rules import Outcome, Policy

NOTICE = ("辅助决策，非信用报告", "Decision aid, not a credit report")


@dataclass(frozen=True)
class Absence:
    """An input of the model that was not known, and why."""

    feature: str
    presence: Presence
    text: tuple[str, str]

    def plain(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "feature": self.feature,
            "why": self.presence.name.lower(),
            "zh": self.text[0],
            "en": self.text[1],
        }


@dataclass(frozen=True)
class Decision:
    """The engine's advice on one application. `limit` is 0 unless approved.

    `pd_prob` is of default within the model's `horizon_months` (None: at any time); it is
    `pd_supported` unless inputs that it rests on are absent: a person decides then. `flags` are
    the features outside the trained range or of a kind never met.
    """

    outcome: Outcome
    pd_prob: float
    pd_supported: bool
    horizon_months: int | None
    log_odds: float
    score: int
    limit: int
    unit: str
    rules: tuple[Finding, ...]
    reasons: tuple[Reason, ...]
    absent: tuple[Absence, ...]
    base_log_odds: float
    contributions: Mapping[str, float]
    counterfactual: Counterfactual | None
    flags: tuple[str, ...]
    policy: str
    policy_hash: str
    model: str
    simulated: bool
    others: tuple[Mapping[str, Any], ...] = ()

    def plain(self) -> dict[str, Any]:
        """JSON-ready; everything a replay must reproduce."""
        return {
            "outcome": str(self.outcome),
            "pd_prob": self.pd_prob,
            "pd_supported": self.pd_supported,
            "horizon_months": self.horizon_months,
            "log_odds": self.log_odds,
            "score": self.score,
            "limit": self.limit,
            "unit": self.unit,
            "rules": [rule.plain() for rule in self.rules],
            "reasons": [reason.plain() for reason in self.reasons],
            "absent": [absence.plain() for absence in self.absent],
            "base_log_odds": self.base_log_odds,
            "contributions": dict(self.contributions),
            "counterfactual": self.counterfactual.plain() if self.counterfactual else None,
            "flags": list(self.flags),
            "policy": self.policy,
            "policy_hash": self.policy_hash,
            "model": self.model,
            "simulated": self.simulated,
            "others": [dict(other) for other in self.others],
            "notice": {"zh": NOTICE[0], "en": NOTICE[1]},
        }


@dataclass(frozen=True, eq=False)
class Engine:
    """A champion with its company under one policy, ready to decide.

    Raises CreditError where the policy needs an input that the champion does not have.
    """

    champion: Artefact
    policy: Policy
    challengers: tuple[Artefact, ...] = ()
    shadows: tuple[Artefact, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what could not decide."""
        _ = self.desk

    @cached_property
    def desk(self) -> Desk:
        """The champion under the policy."""
        return Desk(self.champion, self.policy)

    def decide(self, application: Mapping[str, Any], on: date) -> Decision:
        """Decide on one application, field → value, as of a day.

        Raises InputError naming each bad value.
        """
        decision = self._decide_alone(application, on)
        others = [_opinion("challenger", other, application, on) for other in self.challengers]
        others += [_opinion("shadow", other, application, on) for other in self.shadows]
        return replace(decision, others=tuple(others))

    def _decide_alone(self, application: Mapping[str, Any], on: date) -> Decision:
        artefact, desk = self.champion, self.desk
        inputs, observed = _one(artefact, desk.columns, application, on)
        row = observed.matrix[0]
        log_odds, parts = artefact.model.explain_one(row)
        assessed = desk.judge(inputs, observed, np.array([log_odds]))
        outcome, features = assessed.outcome(0), artefact.features
        adverse = outcome is not Outcome.APPROVE
        reasons = reasons_for(features, row, observed.presence[0], parts, raising=adverse)
        return Decision(
            outcome=outcome,
            pd_prob=float(assessed.pd[0]),
            pd_supported=not bool(assessed.verdicts.unsupported[0]),
            horizon_months=artefact.horizon_months,
            log_odds=float(assessed.log_odds[0]),
            score=int(assessed.score[0]),
            limit=int(assessed.verdicts.limit[0]),
            unit=self.policy.unit,
            rules=tuple(assessed.findings(0)),
            reasons=tuple(reasons),
            absent=_absences(assessed),
            base_log_odds=artefact.model.base + float(observed.shift[0]),
            contributions={f.name: float(part) for f, part in zip(features, parts, strict=True)},
            counterfactual=self._counterfactual(application, assessed) if adverse else None,
            flags=flags_of(assessed, 0),
            policy=self.policy.id,
            policy_hash=self.policy.hash,
            model=artefact.hash,
            simulated=artefact.simulated,
        )

    def _counterfactual(
        self, application: Mapping[str, Any], assessed: Assessed
    ) -> Counterfactual | None:
        verdicts = assessed.verdicts
        # what is missing must be asked for first; no other change mends that
        if verdicts.unsupported[0] or verdicts.unknown.any():
            return None
        return find_counterfactual(self.champion.levers, application, self.desk.approved)


def flags_of(assessed: Assessed, i: int) -> tuple[str, ...]:
    """Names of features outside what training saw, or of a kind it never met."""
    strange = assessed.outside[i] | (assessed.observed.presence[i] == Presence.UNSEEN)
    features = assessed.desk.artefact.features
    return tuple(features[j].name for j in np.flatnonzero(strange).tolist())


def _absences(assessed: Assessed) -> tuple[Absence, ...]:
    out = []
    for j, state in enumerate(assessed.observed.presence[0].tolist()):
        presence = Presence(state)
        if presence in TEXTS:
            name = assessed.desk.artefact.features[j].name
            out.append(Absence(name, presence, assessed.absence(j, 0)))
    return tuple(out)


def _one(
    artefact: Artefact, columns: Sequence[Column], application: Mapping[str, Any], on: date
) -> tuple[Inputs, Observed]:
    raw = {name: [application[name]] for name in input_names(columns) if name in application}
    inputs = parse(raw, columns, today=on)
    return inputs, artefact.observe(inputs)


def _opinion(
    role: str, artefact: Artefact, application: Mapping[str, Any], on: date
) -> dict[str, Any]:
    """What another model would say, or why it could not."""
    try:
        _, observed = _one(artefact, artefact.columns, application, on)
        log_odds = artefact.model.log_odds(observed.matrix) + observed.shift
        pd = np.round(probability(log_odds), PROB_DIGITS)
        score = artefact.scale.score(log_odds)
    except Exception as error:  # a broken shadow must never cost a decision
        return {"role": role, "model": artefact.hash, "error": type(error).__name__}
    return {
        "role": role,
        "model": artefact.hash,
        "pd_prob": float(pd[0]),
        "score": int(score[0]),
    }
