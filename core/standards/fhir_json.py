"""JSON without loss: a number keeps every character with which it was sent.

FHIR counts the digits of a decimal (https://hl7.org/fhir/R4/datatypes.html#decimal, "the precision
of the decimal value has significance"): 19, 19.0 and 19.00 are three values, which a float makes
one.
"""

import json
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn


class Number:
    """A JSON number as it was written."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __repr__(self) -> str:
        return f"Number({self.text!r})"

    @property
    def is_integer(self) -> bool:
        """Written without fraction and exponent."""
        return self.text.removeprefix("-").isdigit()

    @property
    def value(self) -> Decimal:
        """What is counted with. Raises ValueError for an exponent that no computer holds."""
        try:
            return Decimal(self.text)
        except InvalidOperation:
            raise ValueError("a number out of all bounds") from None


def loads(text: bytes | str) -> Any:
    """The JSON value, its numbers as `Number`. Raises ValueError for what is no JSON."""
    try:
        return json.loads(
            text, parse_float=Number, parse_int=Number, parse_constant=_refuse_constant
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def dumps(value: Any) -> str:
    """The value as JSON without blanks, each `Number` as it was written."""
    if isinstance(value, Number):
        return value.text
    if isinstance(value, dict):
        members = (f"{json.dumps(k, ensure_ascii=False)}:{dumps(v)}" for k, v in value.items())
        return f"{{{','.join(members)}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(dumps, value))}]"
    return json.dumps(value, ensure_ascii=False)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
