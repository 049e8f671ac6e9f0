"""Months still missing for a pension, with the official figures.

The tables annexed to the decision of the Standing Committee of the National People's Congress on
gradually raising the statutory retirement age (13 September 2024): tables 1 to 3 for the age, table
4 for the least months.
"""

from dataclasses import replace
from datetime import date

import pytest

from modules.welfare.insurance.domain import InsuredPerson, is_about
from modules.welfare.pension.domain import (
    PensionBenefit,
    PensionState,
    RetirementCategory,
    months_required,
    project,
    retirement_month,
)
from tests.modules.welfare.pension_record import pension_record

MALE, CADRE, WORKER = RetirementCategory
TODAY = date(2026, 11, 23)
BORN_ON = date(1970, 1, 1)


@pytest.mark.parametrize(
    ("born", "category", "retires"),
    [
        ((1964, 12), MALE, (2024, 12)),
        ((1965, 1), MALE, (2025, 2)),
        ((1965, 4), MALE, (2025, 5)),
        ((1965, 5), MALE, (2025, 7)),
        ((1970, 1), MALE, (2031, 5)),
        ((1976, 8), MALE, (2039, 7)),
        ((1976, 9), MALE, (2039, 9)),
        ((1990, 1), MALE, (2053, 1)),
        ((1969, 12), CADRE, (2024, 12)),
        ((1970, 1), CADRE, (2025, 2)),
        ((1981, 9), CADRE, (2039, 9)),
        ((1982, 1), CADRE, (2040, 1)),
        ((1974, 12), WORKER, (2024, 12)),
        ((1975, 1), WORKER, (2025, 2)),
        ((1975, 3), WORKER, (2025, 5)),
        ((1984, 11), WORKER, (2039, 11)),
        ((1990, 6), WORKER, (2045, 6)),
    ],
)
def test_the_retirement_age_rises_as_the_tables_say(
    born: tuple[int, int], category: RetirementCategory, retires: tuple[int, int]
) -> None:
    assert retirement_month(date(*born, 28), category) == date(*retires, 1)


@pytest.mark.parametrize(
    ("year", "months"),
    [
        (2024, 180), (2029, 180), (2030, 186), (2031, 192), (2032, 198), (2033, 204), (2034, 210),
        (2035, 216), (2036, 222), (2037, 228), (2038, 234), (2039, 240), (2060, 240),
    ],
)  # fmt: skip
def test_the_least_months_rise_from_fifteen_to_twenty_years(year: int, months: int) -> None:
    assert months_required(year) == months


@pytest.mark.parametrize(
    ("paid", "deemed", "missing", "enough_in"),
    [
        (100, 0, 92, "2034-06"),
        (100, 91, 1, "2026-11"),
        (100, 92, 0, None),
        (300, 0, 0, None),
        (0, 0, 192, "2042-10"),
    ],
)
def test_paid_and_deemed_months_count_alike(
    paid: int, deemed: int, missing: int, enough_in: str | None
) -> None:
    projection = project(pension_record(paid=paid, deemed=deemed), BORN_ON, TODAY)
    assert projection is not None
    assert (projection.retirement_month, projection.months_required) == ("2031-05", 192)
    assert (projection.months_counted, projection.months_missing) == (paid + deemed, missing)
    assert projection.enough_in == enough_in
    assert "2024" in projection.assumptions.zh and "2024" in projection.assumptions.en


def test_nothing_is_projected_for_who_draws_a_pension_or_is_insured_no_more() -> None:
    record = pension_record(paid=100)
    benefit = PensionBenefit(PensionState.PAYING, 300_000, date(2026, 1, 1), None)
    for settled in (
        replace(record, benefit=benefit),
        replace(record, deceased_on=date(2026, 1, 1)),
        pension_record(paid=100, state="CLOSED"),
        pension_record(paid=100, state="TRANSFERRED_OUT"),
    ):
        assert project(settled, BORN_ON, TODAY) is None


@pytest.mark.parametrize(
    ("number", "same"),
    [
        ("37010219700101001X", True),
        ("37010219700101001x", True),
        ("370102700101001", True),
        ("370102700101002", False),
        ("370102197001010027", False),
        ("", False),
    ],
)
def test_a_record_is_known_by_a_number_of_eighteen_or_fifteen_digits(
    number: str, same: bool
) -> None:
    asked = {"document_type": "01", "document_no": "37010219700101001X"}
    assert is_about(InsuredPerson("张•三", number), asked) is same


def test_a_record_under_a_permit_is_known_by_type_and_number() -> None:
    asked = {"document_type": "06", "document_no": "12345678"}
    for type_, number, same in (
        ("06", "12345678", True), ("06", "12345679", False), ("04", "12345678", False),
        (None, None, False), ("06", None, False),
    ):  # fmt: skip
        holder = InsuredPerson("陳大文", document_type=type_, document_no=number)
        assert is_about(holder, asked) is same
