"""Identifiers: time-ordered UUIDs for our own rows, check digits for other people's numbers."""

import re
import secrets
import time
import uuid
from datetime import date
from typing import Annotated, TypeAlias

from pydantic import StringConstraints

OutsideNo: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=64)]
"""The number of something in another system; a longer one our tables do not keep."""
_RESIDENT_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_RESIDENT_CHECKS = "10X98765432"
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_PROVINCES = frozenset(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 "
    "71 81 82 83".split()
)


def new_id() -> uuid.UUID:
    """A UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then 74 random bits.

    Ordered by time to the millisecond, so indexes grow at one end.
    """
    return uuid_at(time.time_ns() // 1_000_000)


def uuid_at(unix_ms: int) -> uuid.UUID:
    """A UUIDv7 for a given moment, with fresh randomness."""
    random = secrets.randbits(74)
    value = (unix_ms & (2**48 - 1)) << 80
    value |= 0x7 << 76 | (random >> 62) << 64
    value |= 0b10 << 62 | random & (2**62 - 1)
    return uuid.UUID(int=value)


def resident_id_check_digit(body: str) -> str:
    """The 18th character of a resident ID from its first 17 digits (GB 11643, MOD 11-2)."""
    total = sum(int(d) * w for d, w in zip(body, _RESIDENT_WEIGHTS, strict=True))
    return _RESIDENT_CHECKS[total % 11]


def is_resident_id(number: str, *, today: date) -> bool:
    """True for a well-formed resident ID: province, a real birth date up to today, check digit.

    Residence permits of people from Hong Kong, Macao and Taiwan (81, 82, 83) have the same form; so
    do foreigners' permanent residence cards since 2023, with a 9 before the province (GA 2102).
    """
    if re.fullmatch(r"[0-9]{17}[0-9X]", number) is None:
        return False
    province = number[1:3] if number[0] == "9" else number[:2]
    if province not in _PROVINCES:
        return False
    born_on = resident_birth_date(number)
    if born_on is None or born_on > today or born_on.year < 1900:
        return False
    return resident_id_check_digit(number[:17]) == number[17]


def is_card_number(number: str) -> bool:
    """True for the number of a bank card: 16 to 19 digits, the last a check digit.

    The digit is that of ISO/IEC 7812-1, annex B (Luhn's formula).
    """
    if re.fullmatch(r"[0-9]{16,19}", number) is None:
        return False
    doubled = (int(digit) * 2 for digit in number[-2::-2])
    plain = sum(int(digit) for digit in number[::-2])
    return (plain + sum(digit - 9 if digit > 9 else digit for digit in doubled)) % 10 == 0


def resident_birth_date(number: str) -> date | None:
    """The birth date inside a resident ID, or None where the digits are no date."""
    try:
        return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return None


def uscc_check_character(body: str) -> str:
    """The 18th character of a unified social credit code from its first 17 (GB 32100)."""
    total = sum(_USCC_ALPHABET.index(c) * w for c, w in zip(body, _USCC_WEIGHTS, strict=True))
    return _USCC_ALPHABET[(31 - total % 31) % 31]


def organisation_check_character(body: str) -> str:
    """The 9th character of an organisation code from its first eight (GB 11714)."""
    values = (int(c, 36) for c in body)
    remainder = 11 - sum(v * w for v, w in zip(values, _ORGANISATION_WEIGHTS, strict=True)) % 11
    return {10: "X", 11: "0"}.get(remainder, str(remainder))


def is_uscc(code: str) -> bool:
    """True for a well-formed unified social credit code, both check characters included."""
    if len(code) != 18 or any(c not in _USCC_ALPHABET for c in code[:8] + code[17]):
        return False
    if any(c not in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" for c in code[8:17]):
        return False
    if any(c not in _USCC_ALPHABET for c in code[8:17]):
        return False
    return (
        organisation_check_character(code[8:16]) == code[16]
        and uscc_check_character(code[:17]) == code[17]
    )


def is_mobile(number: str) -> bool:
    """True for a mainland mobile number: eleven digits, first 1, second 3 to 9."""
    return re.fullmatch(r"1[3-9][0-9]{9}", number) is not None
