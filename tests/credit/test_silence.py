"""Silence is a fact: what nobody knows never passes, never accuses and never moves a score."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from credit.engine.decision import Engine
from credit.engine.model import NEUTRAL, AdditiveModel, Table, silence_gaps
from credit.engine.presence import STATUSES, Presence, status_field
from credit.policy.rules import Condition, Outcome, Rule
from credit.storage.errors import CreditError, InputError
from credit.training.simulate import loan_history
from credit.training.specs.jinan import JINAN
from credit.training.specs.sba import SBA

from .conftest import engine_of, example, history

ON = date(2025, 6, 30)
SOURCES = sorted({column.source for column in JINAN.columns} - {""})
WITHHELD = ["not_asked", "not_consented", "down", None]


def application(i: int) -> dict[str, object]:
    return {name: values[i] for name, values in history().items()}


def without(given, source, status):
    """An application of whose source nothing came, and why."""
    blank = {column.name: None for column in JINAN.columns if column.source == source}
    if status is None:
        return {k: v for k, v in {**given, **blank}.items() if k != status_field(source)}
    return {**given, **blank, status_field(source): status}


def firms_with(column, is_bad, count=400):
    loans = loan_history(5, 30_000)
    found = [i for i, value in enumerate(loans[column]) if value is not None and is_bad(value)]
    assert len(found) >= count
    return [{name: values[i] for name, values in loans.items()} for i in found[:count]]


@pytest.mark.parametrize("status", WITHHELD)
@pytest.mark.parametrize(
    ("source", "column", "is_bad"),
    [
        ("court", "court_enforcements_24m", lambda cases: cases >= 1),
        ("tax", "tax_grade_points", lambda points: points <= 1),
    ],
)
def test_withholding_a_source_approves_none_of_400(champion, source, column, is_bad, status):
    engine = engine_of(champion)
    applications = [without(firm, source, status) for firm in firms_with(column, is_bad)]
    assert not engine.desk.approved(applications).any()


@pytest.mark.parametrize("source", SOURCES)
def test_blank_fields_of_a_source_that_answered_approve_nobody_a_rule_would_have_to_see(
    champion, source
):
    """A field blank although its source answered is "not on record": the rule on it refers."""
    engine = engine_of(champion)
    read = {condition.field for rule in engine.policy.rules for condition in rule.when}
    blank = {c.name: None for c in JINAN.columns if c.source == source and c.name in read}
    outcomes = {engine.decide({**application(i), **blank}, ON).outcome for i in range(60)}
    if blank:
        assert Outcome.APPROVE not in outcomes


@pytest.mark.parametrize("status", WITHHELD)
@pytest.mark.parametrize("source", SOURCES)
def test_no_source_may_be_withheld_unless_the_policy_can_do_without(champion, source, status):
    engine = engine_of(champion)
    applications = [without(application(i), source, status) for i in range(300)]
    assert not engine.desk.approved(applications).any()
    free = Engine(champion, replace(engine.policy, optional_sources=frozenset({source})))
    decision = free.decide(applications[0], ON)
    features = [f for f in champion.features if touches(f, source)]
    # what was withheld is named, and speaks neither for nor against
    assert {a.feature for a in decision.absent} >= {f.name for f in features}
    for feature in features:
        assert abs(decision.contributions[feature.name]) < 1e-12
    if source == "utilities":
        assert free.desk.approved(applications).any()


def touches(feature, source):
    columns = {column.name: column for column in JINAN.columns}
    return any(columns[name].source == source for name in feature.derivation.sources())


def test_a_blank_application_is_referred_and_accused_of_nothing(champion):
    blank = dict.fromkeys(engine_of(champion).desk.input_names)
    decision = engine_of(champion).decide({**blank, "loan_no": "1", "applied_on": "2025-06-30"}, ON)
    assert decision.outcome is Outcome.REFER
    assert not decision.pd_supported
    said = [text for r in (*decision.reasons, *decision.rules) for text in r.text]
    forbidden = {t for f in JINAN.features for t in (*f.reason, *f.strength)}
    forbidden |= {t for r in example("jinan").rules for t in r.text}
    assert not [text for text in said if any(claim in text for claim in forbidden)]
    assert {rule.code for rule in decision.rules} >= {
        "TAX_GRADE_D_UNKNOWN", "ENFORCEMENT_CASE_UNKNOWN", "INPUT_ABSENT",
    }  # fmt: skip
    assert decision.counterfactual is None


def test_each_kind_of_silence_has_its_own_word(champion):
    engine = engine_of(champion)
    words = {}
    for status in ("not_asked", "not_consented", "down"):
        decision = engine.decide(without(application(0), "court", status), ON)
        (rule,) = [r for r in decision.rules if r.code == "ENFORCEMENT_CASE_UNKNOWN"]
        words[status] = rule.text
        assert {a.presence.name.lower() for a in decision.absent} >= {status}
    assert len(set(words.values())) == 3


def test_asked_and_none_on_record_is_a_fact(champion):
    """No court case on record is zero cases; no housing-fund account is not zero arrears."""
    engine = engine_of(champion)
    clean = {**application(3), "court_cases_24m": 0, "court_enforcements_24m": 0}
    none = without(clean, "court", "none")
    assert engine.decide(none, ON).plain() == engine.decide(clean, ON).plain()
    trader = without(application(3), "housing_fund", "none")
    (absent,) = [a for a in engine.decide(trader, ON).absent if a.feature == "fund_arrears"]
    assert absent.presence is Presence.NONE
    assert absent.text[0] == "公积金缴存记录：已查询，无记录"


@pytest.mark.parametrize("status", sorted(set(STATUSES) - {"answered"}))
def test_a_value_from_a_source_that_gave_none_is_refused(champion, status):
    given = {**application(0), "court_cases_24m": 2, status_field("court"): status}
    with pytest.raises(
        InputError, match=f"column court_cases_24m: .*court is said to be: {status}"
    ):
        engine_of(champion).decide(given, ON)


def test_an_unknown_status_is_refused(champion):
    given = {**application(0), status_field("court"): "perhaps"}
    with pytest.raises(InputError, match="column source:court: 'perhaps' is none of"):
        engine_of(champion).decide(given, ON)


def test_nothing_is_approved_for_nothing(champion):
    """No approval of a limit of 0: without the turnover, or below the least amount, it refers."""
    engine = engine_of(champion)
    good = next(
        i for i in range(200) if engine.decide(application(i), ON).outcome is Outcome.APPROVE
    )
    for changed in (
        {"invoiced_12m_fen": None},
        {"requested_amount_fen": None},
        {"requested_amount_fen": 1_000},
    ):
        decision = engine.decide({**application(good), **changed}, ON)
        assert decision.outcome is Outcome.REFER
        assert decision.limit == 0
        assert decision.rules


def test_a_policy_that_needs_what_the_model_lacks_is_not_loaded(champion):
    policy = example("jinan")
    strange = Rule(
        "X", (Condition("criminal_record", ">", 0),), Outcome.DECLINE, ("x", "x"), {}, {}
    )
    with pytest.raises(CreditError, match="does not have: criminal_record"):
        Engine(champion, replace(policy, rules=(*policy.rules, strange)))
    with pytest.raises(CreditError, match="is for sba, not jinan"):
        Engine(champion, example("sba"))
    text_as_number = Rule(
        "X", (Condition("industry", ">", 0),), Outcome.DECLINE, ("x", "x"), {}, {}
    )
    with pytest.raises(CreditError, match="compares in the wrong way: industry"):
        Engine(champion, replace(policy, rules=(text_as_number,)))


def test_a_policy_may_read_a_column_that_the_model_leaves_aside(champion):
    """Then an application must have it, and its absence refers like any other."""
    policy = example("jinan")
    rule = Rule(
        "FORM", (Condition("legal_form", "in", ("partnership",)),), Outcome.DECLINE,
        ("合伙企业", "A partnership"), {"legal_form": "partnership"}, {"legal_form": "company"},
    )  # fmt: skip
    engine = Engine(champion, replace(policy, rules=(*policy.rules, rule)))
    codes = {}
    for form in ("partnership", "company", None):
        decision = engine.decide({**application(3), "legal_form": form}, ON)
        codes[form] = {r.code for r in decision.rules} & {"FORM", "FORM_UNKNOWN"}
    assert codes == {"partnership": {"FORM"}, "company": set(), None: {"FORM_UNKNOWN"}}


def test_a_gap_that_training_never_met_proves_nothing(champion):
    """Not the branch that trees take by default: the mean, a flag, and a person."""
    j = next(i for i, f in enumerate(champion.features) if f.name == "electricity_change")
    assert champion.content["missing_rows"][j] == 0
    given = {**application(3), "electricity_ratio": None}
    decision = engine_of(champion).decide(given, ON)
    assert abs(decision.contributions["electricity_change"]) < 1e-12
    assert not decision.pd_supported
    assert decision.outcome is not Outcome.APPROVE


def test_silencing_a_gap_by_hand():
    edges = (np.array([1.0], dtype=np.float32), np.array([], dtype=np.float32))
    table = Table((0, 1), np.array([[1.0, 5.0], [3.0, 7.0], [90.0, 90.0]]))
    model = AdditiveModel(
        edges, (table,), (np.array([0.5, 0.5, 0.0]), np.array([0.75, 0.25])), 1, 0
    )
    quiet = silence_gaps(model, [0, 50])
    assert quiet.tables[0].values.tolist() == [[1, 5], [3, 7], [2, 6]]
    row = np.array([[NEUTRAL, 0.0], [np.nan, 0.0]])
    assert quiet.log_odds(row).tolist() == [2.0, 2.0]
    _, parts = model.contributions(row[:1])
    assert abs(parts[0, 0]) < 1e-12


def test_every_shipped_feature_can_be_named_without_being_asserted():
    for spec in (JINAN, SBA):
        for feature in spec.features:
            assert all(feature.subject)
            assert not set(feature.subject) & {*feature.reason, *feature.strength}
