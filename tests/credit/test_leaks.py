"""The leak guard: what is known too late is refused by name, and what knows too much by measure."""

from dataclasses import replace

import numpy as np
import pytest

from credit.engine.schema import Column, Kind, Known
from credit.training.data import build
from credit.training.leaks import suspicions, text_suspicions
from credit.training.provenance import Order
from credit.training.specs.jinan import JINAN
from credit.training.specs.sba import SBA
from credit.training.specs.spec import LeakError, check
from credit.training.train import train

from .conftest import history, sba_data, shared, small

CONTAMINATED = [
    "term", "real_estate", "recession", "daysterm", "xx", "disbursement_date",
    "disbursement_gross", "balance_gross", "chg_off_date", "chg_off_prin_gr", "loan_nr_chk_dgt",
    "mis_status", "approval_date", "approval_fy", "weight", "source",
]  # fmt: skip


@pytest.mark.parametrize("name", CONTAMINATED)
def test_a_column_known_too_late_is_refused_by_name(name):
    with pytest.raises(LeakError, match=rf"column {name}\b"):
        SBA.with_columns([name])


def test_an_undeclared_column_is_refused_by_name():
    with pytest.raises(LeakError, match="column mystery is not declared"):
        SBA.with_columns(["mystery"])


def test_an_honest_column_is_taken():
    wider = SBA.with_columns(["create_job"])
    assert wider.features[-1].name == "create_job"


def test_the_shipped_specs_pass():
    check(SBA)
    check(JINAN)


def test_term_under_a_false_declaration_is_caught_by_its_divisibility():
    """Somebody declares `term` as known at application: the data give it away."""
    from credit.storage.files import read_whole

    columns = tuple(
        Column("term", Kind.NUMBER, Known.APPLICATION) if c.name == "term" else c
        for c in SBA.columns
    )
    lying = small(replace(SBA, columns=columns), 5).with_columns(["term"])
    wanted = frozenset(c.name for c in lying.training_columns())
    raw = read_whole(shared("sba_loans_to_fy2004.csv.xz"), wanted)
    data = build(raw, lying, today=None)
    with pytest.raises(LeakError, match=r"term \(its divisibility by 12\) alone has AUC 0\.8"):
        train(lying, data, Order(None, 0, "", ""))


def test_no_honest_sba_column_is_suspected():
    data = sba_data()
    names = [n for n, v in data.columns.items() if n in SBA.needed() and v.dtype == np.float64]
    assert names
    assert suspicions({n: data.columns[n] for n in names}, data) == []
    texts = {n: v for n, v in data.columns.items() if n in SBA.needed() and n not in names}
    assert text_suspicions(texts, data) == []


def test_a_gap_that_knows_the_outcome_is_suspected():
    data = build(history(), JINAN, today=None)
    telling = np.where(data.bad == 1, np.nan, 7.0)
    found = suspicions({"gap": telling}, data)
    assert {case.how for case in found} >= {"whether it is recorded"}


def test_a_suspect_may_be_accepted_by_name_only():
    spec = small(JINAN, 5)
    data = build(history(), spec, today=None)
    data.columns["court_cases_24m"][:] = data.bad * 3
    with pytest.raises(LeakError, match="court_cases"):
        train(spec, data, Order(None, 0, "", ""))
    accepted = frozenset({"court_cases_24m", "court_cases"})
    contents = train(spec, data, Order(None, 0, "", "", accepted_suspects=accepted))
    assert contents["champion"]["training"]["accepted_suspects"] == sorted(accepted)


def outcome_told_by(data, rng, sure=0.97):
    """A collection stage: a text that nearly always gives the outcome away."""
    right = rng.random(len(data)) < sure
    return np.where((data.bad == 1) == right, "stage 3", "stage 0").astype(object)


def test_a_text_that_knows_the_outcome_is_refused():
    """As a category it is no better hidden than as a number."""
    spec = small(JINAN, 5)
    columns = (*spec.columns, Column("collection_stage", Kind.TEXT, Known.APPLICATION))
    lying = replace(spec, columns=columns)
    data = build(history() | {"collection_stage": ["x"] * 6_000}, lying, today=None)
    data.columns["collection_stage"][:] = outcome_told_by(data, np.random.default_rng(0))
    wider = lying.with_columns(["collection_stage"])
    with pytest.raises(LeakError, match=r"collection_stage \(its categories, out of fold\)"):
        train(wider, data, Order(None, 0, "", ""))


def test_term_as_a_category_is_refused():
    from credit.storage.files import read_whole

    columns = tuple(
        Column("term", Kind.TEXT, Known.APPLICATION) if c.name == "term" else c for c in SBA.columns
    )
    lying = small(replace(SBA, columns=columns), 5).with_columns(["term"])
    raw = read_whole(shared("sba_loans_to_fy2004.csv.xz"), lying.fields())
    data = build(raw, lying, today=None)
    with pytest.raises(LeakError, match=r"term \(its categories"):
        train(lying, data, Order(None, 0, "", ""))


@pytest.mark.parametrize("rows", [300, 1_500, 6_500])
def test_the_simulated_city_is_not_suspected(rows):
    from credit.training.leaks import guard
    from credit.training.simulate import loan_history

    guard(JINAN, build(loan_history(rows, rows), JINAN, today=None), frozenset())


def test_a_handful_of_bad_loans_proves_nothing():
    data = build({n: v[:400] for n, v in history().items()}, JINAN, today=None)
    data.bad[:] = 0
    data.bad[:3] = 1
    lucky = np.arange(400, 0, -1).astype(np.float64)
    assert suspicions({"late": lucky}, data) == []


def test_zero_inflated_counts_are_no_whole_years():
    data = build(history(), JINAN, today=None)
    rng = np.random.default_rng(0)
    counts = np.where(data.bad == 1, rng.poisson(3, len(data)) + 1, 0).astype(np.float64)
    counts[rng.random(len(data)) < 0.5] = 0
    assert not [s for s in suspicions({"late": counts}, data) if "12" in s.how]
