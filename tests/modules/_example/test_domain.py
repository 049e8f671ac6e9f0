"""The rules alone: no database, no network."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from modules._example.domain import Fountain, FountainState, closed, closure_key
from tests.conftest import NOON

fountains = st.lists(
    st.builds(
        Fountain,
        fountain_ref=st.sampled_from("abcdef"),
        name=st.text(),
        district_code=st.just("370102"),
        state=st.sampled_from(FountainState),
        since_at=st.integers(0, 1000).map(lambda hours: NOON - timedelta(hours=hours)),
    )
)


@given(fountains)
def test_closed_are_all_that_give_no_water_the_latest_first(some: list[Fountain]) -> None:
    dry = closed(some)
    assert len(dry) == sum(fountain.state is FountainState.CLOSED for fountain in some)
    assert all(fountain.state is FountainState.CLOSED for fountain in dry)
    times = [fountain.since_at for fountain in dry]
    assert times == sorted(times, reverse=True)


def test_each_closure_has_a_name_of_its_own() -> None:
    first = Fountain("f-1", "东门", "370102", FountainState.CLOSED, NOON)
    again = Fountain("f-1", "东门", "370102", FountainState.CLOSED, NOON + timedelta(days=1))
    assert closure_key(first) == closure_key(first)
    assert closure_key(first) != closure_key(again)
