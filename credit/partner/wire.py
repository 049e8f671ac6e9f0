"""The types that several resources of the banks' API share."""

from datetime import date
from typing import Annotated

from pydantic import Field, StringConstraints

from core.clock import FIRST_DATE, LAST_DATE
from credit.partner.operation import Body, View

AMOUNT_MOST_FEN = 1_000_000_000
"""Ten million yuan, the ceiling of an inclusive small-business loan."""

Day = Annotated[date, Field(ge=FIRST_DATE, le=LAST_DATE, description="A civil date of Shanghai.")]
Fen = Annotated[int, Field(ge=1, le=AMOUNT_MOST_FEN, description="Whole fen.")]
Ref = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,47}$"),
    Field(description="Your own number of it: the same again changes nothing."),
]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,62}[a-z0-9]$")]
Line = Annotated[
    str,
    StringConstraints(
        pattern=r"^[^\x00-\x20\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]{0,198}[^\x00-\x20\x7f-\x9f])?$"
    ),
]


class BothLanguages(Body):
    """A name in Chinese and English."""

    zh: Line
    en: Line


class Named(View):
    """A name in Chinese and English."""

    zh: str
    en: str
