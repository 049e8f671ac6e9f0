"""The leak guard: what is known too late is refused by name, and what knows too much by measure."""

from dataclasses import replace

import numpy as np
import pytest

from credit.engine.schema import Column, Kind, Known
from credit.training.data import build
from credit.training.leaks import suspicions
from credit.training.specs.jinan import JINAN
from credit.training.specs.sba import SBA
from credit.training.specs.spec import LeakError, check
from credit.training.train import Order, train

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
    from credit.files import read_whole

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
    assert suspicions(names, [data.columns[n] for n in names], data) == []


def test_a_gap_that_knows_the_outcome_is_suspected():
    data = build(history(), JINAN, today=None)
    telling = np.where(data.bad == 1, np.nan, 7.0)
    found = suspicions(["gap"], [telling], data)
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
