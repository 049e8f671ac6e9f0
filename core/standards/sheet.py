"""A one-page PDF of facts: Chinese with English beside it, the same bytes each time."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.texts import Named


@dataclass(frozen=True, slots=True)
class Line:
    """A fact: what it is in both languages, and its value."""

    zh: str
    en: str
    value: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """What stands on the page. `qr` is the text of a code beside the lines, where there is one."""

    title: Named
    number: str
    city: Named
    issuer: Named
    lines: Sequence[Line]
    note: Named
    qr: str = ""


def render(sheet: Sheet) -> bytes:
    """The PDF of a sheet. Takes tens of milliseconds: to be called in a thread."""
    # the library is loaded at the first sheet: it costs a start 0.1 s, and few processes draw
    from core.standards.sheet_page import draw

    return draw(sheet)
