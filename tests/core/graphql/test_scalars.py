"""What answers say of moments and amounts."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from graphql import GraphQLError
from hypothesis import given
from hypothesis import strategies as st

from core.graphql.scalars import fen_out, moment_out
from core.money import FEN_MAX


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 11, 23, 4, 0, tzinfo=UTC), "2026-11-23T04:00:00.000Z"),
        (datetime(2026, 11, 23, 4, 0, 0, 999_999, UTC), "2026-11-23T04:00:00.999Z"),
        (datetime(2026, 1, 1, 7, 59, 59, 1_000, timezone(timedelta(hours=8))),
         "2025-12-31T23:59:59.001Z"),
        (datetime(987, 6, 5, 4, 3, 2, tzinfo=UTC), "0987-06-05T04:03:02.000Z"),
    ],
)  # fmt: skip
def test_a_moment_is_told_in_utc_to_the_millisecond(moment: datetime, text: str) -> None:
    assert moment_out(moment) == text


@given(
    st.datetimes(
        datetime(2, 1, 1),
        datetime(9998, 12, 31),
        timezones=st.timezones(),
    )
)
def test_every_moment_is_told_as_its_iso_form_says(moment: datetime) -> None:
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    assert moment_out(moment) == text.replace("+00:00", "Z")


def test_a_moment_without_its_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="naive datetime"):
        moment_out(datetime(2026, 11, 23))


@pytest.mark.parametrize("amount", [FEN_MAX + 1, -FEN_MAX - 1, True, 1.0, "1"])
def test_what_is_no_amount_is_refused(amount: Any) -> None:
    with pytest.raises(GraphQLError, match="not an amount in fen"):
        fen_out(amount)
    assert fen_out(FEN_MAX) == FEN_MAX
