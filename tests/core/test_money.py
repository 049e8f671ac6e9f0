"""Money: whole fen, one rounding, and splits that lose nothing."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import FEN_MAX, format_yuan, multiply, parse_yuan, portion_bps, split

fen = st.integers(-FEN_MAX, FEN_MAX)


@given(fen)
def test_what_is_written_reads_back(amount_fen: int) -> None:
    assert parse_yuan(format_yuan(amount_fen)) == amount_fen


@pytest.mark.parametrize(
    ("text", "amount_fen"),
    [("12.5", 1250), ("12.50", 1250), (" 0.01 ", 1), ("-0.05", -5), ("100", 10_000), ("-0", 0)],
)
def test_yuan_as_people_write_them(text: str, amount_fen: int) -> None:
    assert parse_yuan(text) == amount_fen


NO_AMOUNTS = (
    *("", "twelve", "12.505", "0.001", "NaN", "Infinity", "1e20", "1e3"),
    *("12,50", "1_000", "￥12", "--1", "１２"),
)


@pytest.mark.parametrize("text", NO_AMOUNTS)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"yuan|fen|range"):
        parse_yuan(text)


@given(fen, st.lists(st.integers(0, 10**6), min_size=1, max_size=30).filter(any))
def test_a_split_sums_exactly_and_is_fair_to_a_fen(amount_fen: int, weights: list[int]) -> None:
    parts = split(amount_fen, weights)
    assert sum(parts) == amount_fen
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(amount_fen * weight, sum(weights))) < 1
        assert weight or not part
    assert parts == split(amount_fen, weights)
    assert [-part for part in parts] == split(-amount_fen, weights)


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1, 2]])
def test_a_split_among_nobody_is_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        split(100, weights)


def test_ties_go_to_the_earlier_part() -> None:
    assert split(100, [1, 1, 1]) == [34, 33, 33]
    assert split(2, [1, 1, 1, 1]) == [1, 1, 0, 0]


@given(st.integers(-(10**9), 10**9), st.integers(0, 20_000))
def test_a_portion_is_rounded_half_away_from_zero(amount_fen: int, rate_bps: int) -> None:
    exact = Fraction(amount_fen * rate_bps, 10_000)
    rounded = portion_bps(amount_fen, rate_bps)
    assert abs(rounded - exact) <= Fraction(1, 2)
    if abs(rounded - exact) == Fraction(1, 2):
        assert abs(rounded) > abs(exact)


def test_unit_price_times_usage() -> None:
    assert multiply(420, "12.5") == 5250
    assert multiply(1, "0.5") == 1
    assert multiply(-1, "0.5") == -1
    assert multiply(1, Decimal("0.4999999999")) == 0
    assert multiply(FEN_MAX, 1) == FEN_MAX


def test_amounts_beyond_all_reason_are_refused() -> None:
    with pytest.raises(ValueError, match="range"):
        multiply(FEN_MAX, 2)
    with pytest.raises(ValueError, match="range"):
        parse_yuan(format_yuan(FEN_MAX + 1))
