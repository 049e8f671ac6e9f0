"""A decision end to end: rules, limit, price, reasons, counterfactual, and its company."""

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from credit.engine.artefact import Artefact
from credit.policy.choice import shipped
from credit.policy.rules import Outcome, policy_on
from credit.storage.errors import CreditError, InputError

from .conftest import desk_of, engine_of, example, history

ON = date(2025, 6, 30)
JINAN_POLICY = example("jinan")
MAX_SME_CREDIT_FEN = 1_000_000_000


def application(i: int) -> dict[str, object]:
    return {name: values[i] for name, values in history().items()}


@pytest.fixture(scope="module")
def decisions(champion):
    engine = engine_of(champion)
    return [engine.decide(application(i), ON) for i in range(1500)]


RULES = [
    pytest.param(policy, rule, id=f"{policy.id}-{rule.code}")
    for policy in shipped()
    for rule in policy.rules
]


@pytest.mark.parametrize(("policy", "rule"), RULES)
def test_every_rule_trips_and_passes_on_its_examples(policy, rule):
    alone = replace(policy, rules=(rule,), limit=None)
    assert alone.apply(rule.trips) == (rule.outcome, [rule.code], 0)
    assert alone.apply(rule.passes) == (Outcome.APPROVE, [], 0)
    # what nobody knows never passes
    assert alone.apply({}) == (Outcome.REFER, [], 0)
    assert all(rule.text)


def test_the_severest_outcome_wins_and_rules_are_named():
    outcome, codes, _ = JINAN_POLICY.apply({"pd": 0.10, "tax_grade_points": 1.0})
    assert outcome is Outcome.DECLINE
    assert codes == ["TAX_GRADE_D", "PD_BORDERLINE"]


def test_policies_are_dated():
    newer = replace(JINAN_POLICY, version=2, effective_from=date(2026, 1, 1))
    both = [*shipped(), newer]
    name = (JINAN_POLICY.bank, JINAN_POLICY.product)
    assert policy_on(both, *name, date(2025, 12, 31)).version == 1
    assert policy_on(both, *name, date(2026, 1, 1)).version == 2
    with pytest.raises(CreditError, match="no policy"):
        policy_on(shipped(), *name, date(2000, 1, 1))


def test_all_three_outcomes_occur(decisions):
    assert {d.outcome for d in decisions} == set(Outcome)


def test_approvals_carry_a_limit_and_nothing_else_does(decisions):
    limit = JINAN_POLICY.limit
    for i, decision in enumerate(decisions):
        if decision.outcome is not Outcome.APPROVE:
            assert decision.limit == 0
            continue
        asked = application(i)["requested_amount_fen"]
        assert limit.least_amount <= decision.limit <= min(asked, MAX_SME_CREDIT_FEN)
        assert decision.limit % limit.round_to == 0


def test_riskier_is_never_cheaper_nor_lent_more():
    price, limit = JINAN_POLICY.price, JINAN_POLICY.limit
    probs = np.linspace(0.001, 0.6, 300)
    rates = [price.rate_bps(p, 12, 300) for p in probs]
    assert rates == sorted(rates)
    assert price.rate_bps(0.99, 12, 300) == price.most_bps
    facts = {"pd": probs, "requested_amount_fen": np.full(300, 5e7)}
    limits = limit.amounts(facts | {"invoiced_12m_fen": np.full(300, 3e8)}).tolist()
    assert limits == sorted(limits, reverse=True)
    assert not limit.amounts(facts | {"invoiced_12m_fen": np.full(300, np.nan)}).any()


def test_a_risk_over_more_years_costs_less_a_year():
    """PD 20 % over ten years is a hazard of 2.2 % a year, not a loss of 20 % of it."""
    price = JINAN_POLICY.price
    yearly = 1 - 0.8 ** (1 / 10)
    expected = 300 + price.margin_bps + yearly / (1 - yearly) * price.loss_given_default_bps
    assert 0 <= price.rate_bps(0.20, 120, 300) - expected < price.grid_bps
    with pytest.raises(CreditError, match="no horizon"):
        price.rate_bps(0.20, None, 300)


def test_reasons_are_the_largest_contributions_in_the_right_direction(decisions):
    for decision in decisions:
        raising = decision.outcome is not Outcome.APPROVE
        sign = 1 if raising else -1
        sizes = [sign * reason.contribution for reason in decision.reasons]
        assert sizes == sorted(sizes, reverse=True)
        assert len(sizes) <= 4
        assert all(size >= 0.02 for size in sizes)
        largest = sorted((sign * c for c in decision.contributions.values()), reverse=True)
        assert sizes == largest[: len(sizes)]
        for reason in decision.reasons:
            assert decision.contributions[reason.code] == reason.contribution
            assert all(reason.text)


def test_contributions_sum_to_the_decisions_log_odds(decisions):
    for decision in decisions:
        total = decision.base_log_odds + sum(decision.contributions.values())
        assert abs(total - decision.log_odds) < 1e-6
        assert decision.pd_prob == pytest.approx(1 / (1 + math.exp(-decision.log_odds)))


def test_a_counterfactual_changes_one_thing_and_leads_to_an_approval(champion, decisions):
    engine = engine_of(champion)
    found = [(i, d) for i, d in enumerate(decisions) if d.counterfactual]
    assert len(found) > 30
    for i, decision in found[:60]:
        change = decision.counterfactual
        again = engine.decide({**application(i), change.column: change.after}, ON)
        assert decision.outcome is not Outcome.APPROVE
        assert again.outcome is Outcome.APPROVE
        lever = next(item for item in champion.levers if item.column == change.column)
        assert lever.minimum <= change.after <= lever.maximum
        assert (change.after - change.before) * lever.direction > 0
        shift = abs(change.after - change.before)
        assert shift <= max(abs(change.before) * lever.whole_share, lever.step) + 1e-9


def test_what_a_lever_scales_moves_in_proportion(champion):
    """As a guarantee stays the same share of a smaller loan."""
    levers = [
        lever | {"scales": ["tax_late_12m"]}
        for lever in champion.content["levers"]
        if lever["column"] == "utility_late_12m"
    ]
    engine = engine_of(Artefact("", champion.content | {"levers": levers}))
    late = [i for i, number in enumerate(history()["tax_late_12m"][:1500]) if float(number or 0)]
    found = [(i, engine.decide(application(i), ON).counterfactual) for i in late]
    changes = [(i, change) for i, change in found if change is not None]
    assert changes
    for i, change in changes:
        before = float(application(i)["tax_late_12m"])
        scaled = math.floor(before * change.after / change.before)
        assert change.with_ == {"tax_late_12m": scaled}
        again = application(i) | {change.column: change.after} | change.with_
        assert engine.decide(again, ON).outcome is Outcome.APPROVE


def test_no_counterfactual_where_a_rule_does_not_depend_on_levers(champion):
    barred = {**application(0), "court_enforcements_24m": 2}
    decision = engine_of(champion).decide(barred, ON)
    assert decision.outcome is Outcome.DECLINE
    assert "ENFORCEMENT_CASE" in [rule.code for rule in decision.rules]
    assert decision.counterfactual is None


def test_outside_the_trained_range_is_scored_and_flagged(champion):
    far = {**application(3), "invoiced_12m_fen": 10**15, "months_registered": 2900}
    decision = engine_of(champion).decide(far, ON)
    assert {"turnover", "age"} <= set(decision.flags)
    assert 0 < decision.pd_prob < 1


def test_a_new_category_is_scored(champion):
    decision = engine_of(champion).decide({**application(3), "industry": "ZZ"}, ON)
    assert 0 < decision.pd_prob < 1
    assert decision.flags == ("industry",)


def test_simulated_models_say_so(decisions):
    plain = decisions[0].plain()
    assert plain["simulated"] is True
    assert plain["notice"]["en"] == "Decision aid, not a credit report"


def test_shadow_and_challenger_are_recorded_and_change_nothing(champion, challenger, decisions):
    engine = engine_of(champion, challengers=(challenger,), shadows=(challenger,))
    for i in range(200):
        full = engine.decide(application(i), ON)
        assert [other["role"] for other in full.others] == ["challenger", "shadow"]
        assert 0 < full.others[1]["pd_prob"] < 1
        assert replace(full, others=()) == decisions[i]


def test_a_broken_shadow_costs_no_decision(champion, decisions):
    broken = Artefact("broken", {**champion.content, "features": [], "lookups": {}})
    decision = engine_of(champion, shadows=(broken,)).decide(application(0), ON)
    assert "error" in decision.others[0]
    assert replace(decision, others=()) == decisions[0]


def test_bad_input_names_the_column(champion):
    with pytest.raises(InputError, match="column months_registered: -3 is below"):
        engine_of(champion).decide({**application(0), "months_registered": -3}, ON)
    short = application(0)
    del short["industry"]
    with pytest.raises(InputError, match=r"missing column.*industry"):
        engine_of(champion).decide(short, ON)


def test_many_at_once_agree_with_one_at_a_time(champion, decisions):
    many = desk_of(champion).approved([application(i) for i in range(300)])
    assert many.tolist() == [d.outcome is Outcome.APPROVE for d in decisions[:300]]
