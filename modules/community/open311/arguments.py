"""The arguments of a GeoReport request: an empty one is as one that is not there."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qsl

from starlette.requests import Request

from core.context.http import read_body
from core.errors import InvalidInput, NotFound
from modules.community.open311 import texts

BODY_MOST = 65_536
FIELDS_MOST = 200
SPAN = timedelta(days=90)
PAGE_MOST = 1_000
SKIP_MOST = 10_000
YEARS = range(1970, 2201)
"""Beyond these nothing was filed, and what lies ninety days away may be in no calendar."""
_MICROSECOND = timedelta(microseconds=1)
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Arguments:
    """What was sent, in the query or as a form: every value of each name."""

    values: Mapping[str, Sequence[str]]

    def find(self, name: str) -> str:
        """A value; "" where there is none."""
        return self.values.get(name, ("",))[0]

    def require(self, name: str) -> str:
        """A value. Raises InvalidInput ARGUMENT_MISSING."""
        value = self.find(name)
        if not value:
            raise InvalidInput(texts.ARGUMENT_MISSING, name, name=name)
        return value

    def list_of(self, name: str) -> Sequence[str]:
        """All values, which may be divided by commas too."""
        parts = [part.strip() for text in self.values.get(name, ()) for part in text.split(",")]
        return [part for part in dict.fromkeys(parts) if part]

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number. Raises InvalidInput."""
        text = self.find(name)
        if not text:
            return default
        is_number = text.isascii() and text.isdigit() and len(text) <= 9
        if not is_number or not least <= int(text) <= most:
            raise InvalidInput(texts.ARGUMENT_INVALID, name, name=name)
        return int(text)

    def degrees(self, name: str) -> float | None:
        """A latitude or longitude; None where there is none. Raises InvalidInput."""
        text = self.find(name)
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise InvalidInput(texts.ARGUMENT_INVALID, name, name=name)
        return value

    def moment(self, name: str) -> datetime | None:
        """A time in W3C form with its offset; None where there is none. Raises InvalidInput.

        A "+" that was not percent-encoded arrives as a space.
        """
        text = self.find(name)
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None or moment.year not in YEARS:
            raise InvalidInput(texts.ARGUMENT_INVALID, name, name=name)
        return moment

    def window(self, now: datetime) -> tuple[datetime, datetime]:
        """From `start_date` to `end_date`, both included; ninety days where one is not there.

        Raises InvalidInput DATES_APART above ninety days.
        """
        start, end = self.moment("start_date"), self.moment("end_date")
        if end is None:
            end = now if start is None else start + SPAN
        if start is None:
            start = end - SPAN
        if end - start > SPAN:
            raise InvalidInput(texts.DATES_APART, "end_date", days=SPAN.days)
        return start, end + _MICROSECOND

    def page(self) -> tuple[int, int]:
        """How many to skip, how many to return. Raises InvalidInput."""
        size = self.number("page_size", PAGE_MOST, 1, PAGE_MOST)
        page = self.number("page", 1, 1, 1 + SKIP_MOST // size)
        return (page - 1) * size, size


async def read_arguments(request: Request) -> Arguments:
    """The arguments of a request, those of its form before those of its address.

    Raises InvalidInput BODY for a body that is no form in UTF-8, or too large, ARGUMENT_INVALID for
    U+0000, which PostgreSQL cannot store.
    """
    pairs = _pairs(await _body(request)) if request.method == "POST" else []
    values: dict[str, list[str]] = {}
    for name, value in [*pairs, *_pairs(request.url.query.encode())]:
        if "\x00" in name + value:
            raise InvalidInput(texts.ARGUMENT_INVALID, "arguments", name=name.replace("\x00", ""))
        if value.strip():
            values.setdefault(name.removesuffix("[]"), []).append(value)
    return Arguments(values)


def require_jurisdiction(arguments: Arguments, ours: str) -> None:
    """Raise NotFound JURISDICTION for another's; none at all is ours."""
    if arguments.find("jurisdiction_id") not in ("", ours):
        raise NotFound(texts.JURISDICTION)


def _pairs(text: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text.decode("utf-8"), errors="strict", max_num_fields=FIELDS_MOST)
    except ValueError:
        raise InvalidInput(texts.BODY, "body") from None


async def _body(request: Request) -> bytes:
    body = await read_body(request, BODY_MOST)
    media_type = request.headers.get("content-type", _FORM).partition(";")[0].strip().lower()
    if body is None or (body and media_type != _FORM):
        raise InvalidInput(texts.BODY, "body")
    return body
