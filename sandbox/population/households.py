"""Homes and their meters: account numbers that carry the household, and an address."""

import random

ACCOUNT_KINDS = {"water": 1, "electricity": 2, "gas": 3, "heating": 4}
"""Utilities and the first digit of their account numbers. A fifth would be one entry more."""

_ESTATES = "示范花园 样例小区 演示家园 沙盒新村 测试里 模拟苑".split()


def account_no(kind: str, household_no: int) -> str:
    """A household's account at a utility: kind digit, household, Luhn check digit; 10 digits."""
    body = f"{ACCOUNT_KINDS[kind]}{household_no:08d}"
    return body + _luhn_digit(body)


def household_of(kind: str, account: str) -> int | None:
    """The household behind an account number, or None where it is no number of this utility."""
    if len(account) != 10 or not (account.isascii() and account.isdigit()):
        return None
    if account[0] != str(ACCOUNT_KINDS[kind]) or _luhn_digit(account[:9]) != account[9]:
        return None
    return int(account[1:9])


def address_zh(seed: int, household_no: int) -> str:
    """A household's address in the sandbox city."""
    draw = random.Random(f"{seed}:address:{household_no}")
    estate = draw.choice(_ESTATES)
    building, unit, floor, door = (draw.randint(1, most) for most in (30, 4, 18, 3))
    return f"沙盒市示范区{estate}{building}号楼{unit}单元{floor}{door:02d}室"


def _luhn_digit(body: str) -> str:
    total = 0
    for place, character in enumerate(reversed(body)):
        digit = int(character) * (2 if place % 2 == 0 else 1)
        total += digit - 9 if digit > 9 else digit
    return str(-total % 10)
