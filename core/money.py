"""Money as integer fen (1 yuan = 100 fen); the only place where Decimal appears.

One rounding mode everywhere: half up, away from zero at the half, as GB/T 8170 and Chinese
billing practice have it for amounts. Splits never lose or invent a fen.
"""

import re
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, TypeAlias

from pydantic import Field

_YUAN = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")

_GROUPED = re.compile(r"-?[0-9]{1,3}(,[0-9]{3})+(\.[0-9]{1,20})?")
_CAPITALS = "零壹贰叁肆伍陆柒捌玖"

FEN_MAX = 10**15
"""Ten trillion yuan: far above any citizen's payment, far below BIGINT's edge."""
AmountFen: TypeAlias = Annotated[int, Field(ge=0, le=FEN_MAX)]
"""An amount in a record of another system; one that our tables refuse cannot be read."""


def parse_yuan(text: str) -> int:
    """Read yuan as written by people or upstream files ("12.5", "12.50") into fen.

    Raises ValueError when the text is not plain ASCII digits, or finer than a fen: a file that
    speaks of a tenth of a fen is misread, not rounded.
    """
    if _YUAN.fullmatch(text.strip()) is None:
        raise ValueError(f"not an amount in yuan: {text!r}")
    yuan = Decimal(text.strip())
    fen = yuan * 100
    if fen != fen.to_integral_value():
        raise ValueError(f"finer than a fen: {text!r}")
    return _checked(int(fen))


def parse_decimal_yuan(text: str) -> Decimal:
    """Read yuan of any fineness, thousands separated by commas or not ("1,234.50", "0.00060").

    Raises ValueError for what is no amount.
    """
    plain = text.strip()
    if "," in plain:
        if _GROUPED.fullmatch(plain) is None:
            raise ValueError(f"not an amount in yuan: {text!r}")
        plain = plain.replace(",", "")
    if _YUAN.fullmatch(plain) is None:
        raise ValueError(f"not an amount in yuan: {text!r}")
    return Decimal(plain)


def format_yuan(amount_fen: int) -> str:
    """Write fen as yuan with two decimals: 1250 → "12.50", -5 → "-0.05"."""
    sign = "-" if amount_fen < 0 else ""
    yuan, fen = divmod(abs(amount_fen), 100)
    return f"{sign}{yuan}.{fen:02d}"


def capital_yuan(amount_fen: int) -> str:
    """An amount in the capital figures of Chinese vouchers (支付结算办法, annex 1).

    1_200_305 fen → "壹万贰仟零叁元零伍分", 150_000 → "壹仟伍佰元整". Raises ValueError below zero.
    """
    if _checked(amount_fen) < 0:
        raise ValueError("a voucher's amount is not negative")
    yuan, rest = divmod(amount_fen, 100)
    jiao, fen = divmod(rest, 10)
    text = _capital(yuan) + "元" if yuan or not rest else ""
    if jiao:
        text += _CAPITALS[jiao] + "角"
    elif fen and yuan:
        text += "零"
    return text + (_CAPITALS[fen] + "分" if fen else "整")


def multiply(amount_fen: int, factor: str | int | Decimal) -> int:
    """Amount × factor, rounded half up to a whole fen (unit price × usage, for example)."""
    return _round(Decimal(amount_fen) * Decimal(factor))


def portion_bps(amount_fen: int, rate_bps: int) -> int:
    """The part of an amount that a rate in basis points makes, rounded half up."""
    return _round(Decimal(amount_fen) * rate_bps / 10_000)


def split(amount_fen: int, weights: Sequence[int]) -> list[int]:
    """Divide an amount by weights so that the parts sum to it exactly (largest remainder).

    Ties go to the earlier part, so the same input always gives the same split.
    Raises ValueError when no weight is positive or one is negative.
    """
    total = sum(weights)
    if total <= 0 or any(weight < 0 for weight in weights):
        raise ValueError("weights must be non-negative with a positive sum")
    sign = -1 if amount_fen < 0 else 1
    amount = abs(amount_fen)
    parts = [amount * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: (-(amount * weights[i] % total), i))
    for i in by_remainder[: amount - sum(parts)]:
        parts[i] += 1
    return [sign * part for part in parts]


def _capital(number: int) -> str:
    """A whole number in capital figures, read in myriads as Chinese does."""
    for size, unit in ((10**8, "亿"), (10**4, "万")):
        if number >= size:
            high, low = divmod(number, size)
            gap = "零" if 0 < low < size // 10 else ""
            return _capital(high) + unit + (gap + _capital(low) if low else "")
    text, skipped = "", False
    for digit, unit in zip(f"{number:04d}", ("仟", "佰", "拾", ""), strict=True):
        if digit == "0":
            skipped = bool(text)
        else:
            text += ("零" if skipped else "") + _CAPITALS[int(digit)] + unit
            skipped = False
    return text or _CAPITALS[0]


def _round(value: Decimal) -> int:
    return _checked(int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP)))


def _checked(amount_fen: int) -> int:
    if abs(amount_fen) > FEN_MAX:
        raise ValueError("amount out of range")
    return amount_fen
