"""Properties of what all programmes share: schedules, adherence, limits."""

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import add_months
from modules.health.programmes.domain import ADHERENCE_DAYS, Limit, Measured, Quantity, adherence
from modules.health.programmes.schedule import quarterly
from tests.conftest import NOON

TODAY = NOON.date()
_DAYS = st.dates(date(2020, 1, 1), date(2040, 12, 31))


@given(enrolled=_DAYS, later=st.integers(0, 2000))
@settings(max_examples=20, deadline=None)
def test_every_year_has_its_four_visits_and_none_moves_as_time_goes_on(
    enrolled: date, later: int
) -> None:
    early = quarterly(enrolled, enrolled)
    late = quarterly(enrolled, enrolled + timedelta(days=later))
    assert late[: len(early)] == early
    assert len({visit.code for visit in late}) == len(late)
    for year in range(later // 366):
        begin, end = (add_months(enrolled, 12 * (year + n)) for n in (0, 1))
        assert len([visit for visit in late if begin < visit.until_on <= end]) == 4


@given(
    days=st.lists(st.integers(-40, 5), max_size=60),
    every=st.integers(1, 90),
    enrolled=st.integers(0, 60),
)
@settings(max_examples=100, deadline=None)
def test_never_more_is_kept_than_was_expected(days: list[int], every: int, enrolled: int) -> None:
    measured = [Measured({}, NOON + timedelta(days=day)) for day in days]
    since = TODAY - timedelta(days=enrolled)
    found = adherence(measured, every, since, TODAY)
    assert 0 <= found.kept <= found.expected <= ADHERENCE_DAYS
    assert found.expected == -(-((TODAY - found.since).days + 1) // every)
    all_days = [Measured({}, NOON - timedelta(days=day)) for day in range(enrolled + 1)]
    whole = adherence(all_days, every, since, TODAY)
    assert whole.kept == whole.expected


@given(value=st.floats(-1e3, 1e3), bound=st.floats(-1e3, 1e3))
@settings(max_examples=100, deadline=None)
def test_a_bound_is_met_on_its_far_side_alone(value: float, bound: float) -> None:
    values = {Quantity.WEIGHT: value}
    assert Limit(Quantity.WEIGHT, at_least=bound).met(values) == (value >= bound)
    assert Limit(Quantity.WEIGHT, at_most=bound).met(values) == (value <= bound)
    assert Limit(Quantity.WEIGHT, above=bound).met(values) == (value > bound)
    assert Limit(Quantity.WEIGHT, below=bound).met(values) == (value < bound)
    assert not Limit(Quantity.HEAD, at_least=bound, at_most=bound).met(values)
