"""Honest figures on real loans, out of time, against peers fitted in the same run.

Reads the shared SBA file (train through FY2001, test FY2002–04) and skips where it is absent.
"""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from credit.engine.artefact import Artefact
from credit.storage.files import read_whole
from credit.training.evaluate import evaluate
from credit.training.fit import fit_window
from credit.training.metrics import auc
from credit.training.specs.sba import SBA

from .conftest import engine_of, example, sba_artefact, sba_data, shared


@pytest.fixture(scope="module")
def result():
    """Of the file's own figures; the loan's term is known only after the outcome."""
    path = shared("sba_loans_to_fy2004.csv.xz")
    term = np.array(read_whole(path, frozenset({"term"}))["term"], dtype=np.float64)
    return evaluate(sba_artefact(), SBA, sba_data(), example("sba"), after_columns={"term": term})


def test_the_test_period_is_out_of_time(result):
    assert result["training"]["through"] == 2001
    assert result["window"] == ["2001-10-01", "2004-09-30"]
    assert (result["rows"], result["rows_left_out"]) == (10_918, 17_396)


def test_better_than_both_peers_beyond_chance(result):
    ours = result["figures"]
    assert set(result["peers"]) == {"logistic_one_hot", "xgboost_default"}
    for peer in result["peers"].values():
        assert peer["auc_gain"]["low"] > 0.03
        assert ours["auc"]["low"] > peer["auc"]["high"]
        assert ours["ks"]["value"] > peer["ks"]["value"] + 0.05
        assert ours["brier"]["value"] < peer["brier"]["value"]


def test_the_floor_and_not_a_leak(result):
    figure = result["figures"]["auc"]
    assert 0.66 <= figure["value"] <= 0.75
    assert figure["low"] < figure["value"] < figure["high"]


def test_probabilities_beat_the_base_rate_after_one_quarter(result):
    again = result["recalibrated"]
    assert again["brier"] < again["brier_base_rate"]
    assert again["quarter_rows"] < 0.1 * result["rows"]


def test_backtest_of_each_year_is_in_the_artefact():
    told = [(r["role"], r["years"]) for r in sba_artefact().content["metrics"]["backtest"]]
    assert told[0][0] == "confirmation"
    assert {role for role, _ in told[1:]} == {"selection"}
    # what confirms was not chosen on
    assert max(last for _, (_, last) in told[1:]) < told[0][1][0]


def test_nobody_is_told_to_borrow_more():
    """With a lever free in its direction these loans are; with the shipped one, none is."""
    raw, artefact = read_whole(shared("sba_loans_to_fy2004.csv.xz")), sba_artefact()
    free = [lever | {"direction": 0} for lever in artefact.content["levers"]]
    either_way = Artefact("", artefact.content | {"levers": free})
    needed = {column.name for column in SBA.columns}
    rows = [i for i, year in enumerate(raw["approval_fy"]) if year == "2004"][:250]
    loans = [{name: values[i] for name, values in raw.items() if name in needed} for i in rows]
    assert _told_to_borrow_more(engine_of(either_way), loans) > 0
    assert _told_to_borrow_more(engine_of(artefact), loans) == 0


def _told_to_borrow_more(engine, loans):
    changes = [(engine.decide(loan, date(2004, 9, 30)).counterfactual, loan) for loan in loans]
    return sum(change is not None and change.after > float(loan["gr_appv"])
               for change, loan in changes)  # fmt: skip


@pytest.mark.soak
def test_monotonicity_costs_next_to_nothing():
    """The same fit without signs, on the same split: at most 0.005 AUC better."""
    data = sba_data()
    window, later = data.where(data.year <= 2001), data.where(data.year > 2001)
    free = replace(SBA, features=tuple(replace(f, direction=0) for f in SBA.features))
    found = {}
    for name, spec in (("signed", SBA), ("free", free)):
        fitted = fit_window(spec, window, seed=0)
        # effects do not depend on signs, so both read the same matrix
        matrix = _matrix(spec, fitted, later)
        found[name] = auc(later.bad, fitted.boosted.model.log_odds(matrix), later.weight)
    assert found["free"] - found["signed"] <= 0.005


def _matrix(spec, fitted, data):
    from credit.engine.features import derive

    return derive(spec.features, fitted.lookups, data.columns, len(data))


def test_the_leaky_figure_is_shown_as_a_warning(result):
    assert result["leaky"]["worst"] == "term"
    assert result["leaky"]["auc"]["term"] > 0.85
    assert result["leaky"]["auc"]["term"] > result["figures"]["auc"]["value"] + 0.15


def test_evaluating_within_the_window_must_be_asked_for():
    data = sba_data()
    early = data.where(data.year <= 2001)
    with pytest.raises(ValueError, match="no row after the training window"):
        evaluate(sba_artefact(), SBA, early, example("sba"))


@pytest.mark.soak
@pytest.mark.parametrize(
    ("through", "until", "floor"), [(2000, 2003, 0.64), (2002, 2004, 0.68), (2003, 2004, 0.71)]
)
def test_other_origins(through, until, floor):
    data = sba_data()
    data = data.where(data.year <= until)
    result = evaluate(sba_artefact(through), SBA, data, example("sba"))
    assert result["figures"]["auc"]["value"] >= floor
    for peer in result["peers"].values():
        assert peer["auc_gain"]["value"] > 0.02
