"""Identifiers: ours are ordered by time, other people's carry check digits."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import (
    is_mobile,
    is_resident_id,
    is_uscc,
    new_id,
    resident_birth_date,
    resident_id_check_digit,
    uscc_check_character,
    uuid_at,
)

TODAY = date(2026, 11, 23)
RESIDENT = "11010519491231002X"  # the example of GB 11643
COMPANIES = ("91110000600037341L", "913700001630477270")
USCC = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def test_our_ids_are_version_7_and_grow_with_time() -> None:
    ids = [uuid_at(ms) for ms in (0, 1, 1_795_000_000_000, 2**48 - 1)]
    assert ids == sorted(ids)
    assert {id_.version for id_ in (*ids, new_id())} == {7}
    assert {id_.variant for id_ in ids} == {"specified in RFC 4122"}
    assert uuid_at(1_795_000_000_000).int >> 80 == 1_795_000_000_000
    assert len({new_id() for _ in range(10_000)}) == 10_000


def test_the_standards_own_resident_id_is_valid() -> None:
    assert is_resident_id(RESIDENT, today=TODAY)
    assert resident_birth_date(RESIDENT) == date(1949, 12, 31)


@given(st.integers(0, 16), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(position: int, shift: int) -> None:
    digit = str((int(RESIDENT[position]) + shift) % 10)
    assert not is_resident_id(RESIDENT[:position] + digit + RESIDENT[position + 1 :], today=TODAY)


@given(st.integers(0, 15))
def test_two_swapped_digits_are_always_noticed(position: int) -> None:
    digits = list(RESIDENT)
    digits[position], digits[position + 1] = digits[position + 1], digits[position]
    swapped = "".join(digits)
    assert swapped == RESIDENT or not is_resident_id(swapped, today=TODAY)


def _with_check(body: str) -> str:
    return body + resident_id_check_digit(body)


@pytest.mark.parametrize(
    "number",
    [
        "",
        RESIDENT.lower(),
        RESIDENT + " ",
        RESIDENT + "\n",
        RESIDENT[:17],
        RESIDENT[:17] + "Ｘ",
        "１１０１０５19491231002X",
        _with_check("99010519491231002"),  # no such province
        _with_check("99084019850315001"),
        _with_check("11010519490230002"),  # the thirtieth of February
        _with_check("11010518991231002"),
        _with_check("11010520261124002"),  # tomorrow
    ],
)
def test_what_is_no_resident_id_is_refused(number: str) -> None:
    assert not is_resident_id(number, today=TODAY)


def test_born_today_is_born() -> None:
    assert is_resident_id(_with_check("11010520261123002"), today=TODAY)


@pytest.mark.parametrize("code", COMPANIES)
def test_codes_of_real_organisations_are_valid(code: str) -> None:
    assert is_uscc(code)


@given(st.sampled_from(COMPANIES), st.integers(0, 17), st.sampled_from(USCC))
def test_one_wrong_character_of_a_company_is_noticed(
    code: str, position: int, character: str
) -> None:
    changed = code[:position] + character + code[position + 1 :]
    assert is_uscc(changed) is (changed == code)


@pytest.mark.parametrize("code", ["", COMPANIES[0].lower(), COMPANIES[0] + "0", "I" * 18, "é" * 18])
def test_what_is_no_company_is_refused(code: str) -> None:
    assert not is_uscc(code)


def test_both_check_characters_count() -> None:
    body = COMPANIES[0][:16] + "0"  # a wrong inner one under a right outer one
    assert not is_uscc(body + uscc_check_character(body))


@pytest.mark.parametrize(
    ("number", "is_one"),
    [
        ("13800138000", True),
        ("19912345678", True),
        ("12800138000", False),
        ("1380013800", False),
        ("138001380000", False),
        ("+8613800138000", False),
        ("１３８００１３８０００", False),
        ("13800138000\n", False),
        ("", False),
    ],
)
def test_mobile_numbers(number: str, is_one: bool) -> None:
    assert is_mobile(number) is is_one


@pytest.mark.parametrize(
    "number",
    [
        "911840198503150016",  # as GA 2102-2023 prints them: 9, province, nationality, birth date
        "937840198503150015",
        _with_check("81000019900101001"),
        _with_check("82000019900101001"),
        _with_check("83000019900101001"),
    ],
)
def test_cards_of_people_from_abroad_hong_kong_macao_and_taiwan_are_valid(number: str) -> None:
    assert is_resident_id(number, today=TODAY)
    assert resident_birth_date(number) in (date(1985, 3, 15), date(1990, 1, 1))
