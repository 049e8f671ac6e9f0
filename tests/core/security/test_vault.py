"""Personal data at rest: readable with the right key in the right column only, found by value."""

import secrets
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.security.vault import (
    Vault,
    VaultError,
    mask_name,
    mask_phone,
    normalise,
)

OLD, NEW, INDEX = (secrets.token_bytes(32) for _ in range(3))
VAULT = Vault({1: OLD}, INDEX)
ROTATED = Vault({1: OLD, 2: NEW}, INDEX)
NAMES = ("张三", "买买提·吐尔逊", "𠮷田🚰", "Anna O'Neil", "")


@given(st.text(), st.text(min_size=1))
def test_what_is_sealed_opens_again(value: str, purpose: str) -> None:
    if any(0xD800 <= ord(character) <= 0xDFFF for character in value + purpose):
        return  # no text: such code points exist in no encoding
    sealed = VAULT.encrypt(value, purpose)
    assert VAULT.decrypt(sealed, purpose) == value
    assert sealed != VAULT.encrypt(value, purpose)


@pytest.mark.parametrize("name", NAMES)
def test_a_sealed_value_shows_nothing_of_its_own(name: str) -> None:
    sealed = VAULT.encrypt(name, "identity.name")
    assert not name or name.encode() not in sealed


def test_a_changed_byte_anywhere_is_noticed() -> None:
    sealed = VAULT.encrypt("张三", "identity.name")
    for position, flip in product(range(len(sealed)), (0x01, 0x80)):
        changed = bytearray(sealed)
        changed[position] ^= flip
        with pytest.raises(VaultError):
            VAULT.decrypt(bytes(changed), "identity.name")


@pytest.mark.parametrize("length", [0, 1, 12, 13, 28])
def test_a_cut_value_is_noticed(length: int) -> None:
    with pytest.raises(VaultError):
        VAULT.decrypt(VAULT.encrypt("张三", "identity.name")[:length], "identity.name")


def test_a_value_moved_to_another_column_does_not_open() -> None:
    sealed = VAULT.encrypt("13800138000", "identity.phone")
    with pytest.raises(VaultError):
        VAULT.decrypt(sealed, "identity.name")


def test_keys_rotate_without_losing_a_value() -> None:
    before = VAULT.encrypt("张三", "identity.name")
    assert ROTATED.decrypt(before, "identity.name") == "张三"
    assert before[0] == 1, "the older key's number"
    after = ROTATED.encrypt("张三", "identity.name")
    assert after[0] == 2
    with pytest.raises(VaultError):
        VAULT.decrypt(after, "identity.name")
    with pytest.raises(VaultError):
        Vault({2: NEW}, INDEX).decrypt(before, "identity.name")
    assert VAULT.blind_index("张三", "n") == ROTATED.blind_index("张三", "n")


def test_equal_values_meet_in_one_column_and_nowhere_else() -> None:
    index = VAULT.blind_index("13800138000", "identity.phone")
    assert len(index) == 32
    assert index == VAULT.blind_index(" 138 0013 8000 ", "identity.phone")
    assert index != VAULT.blind_index("13800138001", "identity.phone")
    assert index != VAULT.blind_index("13800138000", "identity.name")
    assert index != Vault({1: OLD}, secrets.token_bytes(32)).blind_index(
        "13800138000", "identity.phone"
    )


@pytest.mark.parametrize(
    ("typed", "spelling"),
    [
        ("买买提•吐尔逊", "买买提·吐尔逊"),
        ("买买提・吐尔逊", "买买提·吐尔逊"),
        ("买买提 · 吐尔逊", "买买提·吐尔逊"),
        ("11010519491231002x", "11010519491231002X"),
        ("１３８００１３８０００", "13800138000"),
        ("𠮷田", "𠮷田"),
    ],
)
def test_one_spelling_for_what_people_type_in_many(typed: str, spelling: str) -> None:
    assert normalise(typed) == spelling


def test_masks_leave_what_a_person_recognises() -> None:
    assert mask_phone("13800138000") == "138****8000"
    assert [mask_name(name) for name in ("张三", "欧阳娜娜", "")] == ["*三", "***娜", ""]
