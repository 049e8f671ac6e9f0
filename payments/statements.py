"""What a statement is: who gives it, how its file is believed and what a line of it says.

A module whose payees send settlement files has a `Source` for each in its rooms.
A file is believed or refused by its digest, which is checked before a line is read, and its totals.
A line that makes no sense, or is not ours, does not end the day: it is told with what is wrong with
it, and becomes a case.
"""

import hashlib
import zlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from gzip import GzipFile
from typing import BinaryIO, NamedTuple, cast

from core.clock import SHANGHAI
from core.context.app import App
from core.deadline import Deadline
from core.money import parse_decimal_yuan
from core.rooms import ExtensionPoint
from payments.domain import Side

_CHUNK_BYTES = 1 << 18
_LINE_BYTES_MAX = 8_192
_REF_MAX = 64


class Line(NamedTuple):
    """One booking of the other side. Amounts are above zero; of a refund, what went back.

    `ref` is our number of it: the payment's, or the refund's. `order_ref` is always the payment's.
    `settled_fen` is what they settle with us, where a coupon at our cost makes that less than the
    amount. A line with something `wrong` has no amounts.
    """

    is_refund: bool
    ref: str
    order_ref: str
    their_ref: str
    amount_fen: int
    fee_fen: int
    at: datetime
    settled_fen: int | None = None
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Announced:
    """What the other side says of a file beside sending it."""

    account: str = ""
    """Whose statement it has to be, where its lines tell."""
    algorithm: str | None = None
    digest: str | None = None
    """Hexadecimal, of the plain content."""
    gzipped: bool = False
    lines: int | None = None
    amount_fen: int | None = None
    fee_fen: int | None = None


class StatementRefused(Exception):
    """A file that is not believed; nothing of it was taken. `reason` is a stable word."""

    def __init__(self, source: str, reason: str, detail: str = "") -> None:
        super().__init__(f"{source}: {reason}{f' ({detail})' if detail else ''}")
        self.source = source
        self.reason = reason

    @property
    def exit_line(self) -> str:
        """What the command line says of it."""
        return f"the statement is refused: {self}"


class StatementNotReady(Exception):
    """The other side has not made the file yet."""

    def __init__(self, source: str) -> None:
        super().__init__(f"{source}: the statement is not made yet")

    @property
    def exit_line(self) -> str:
        """What the command line says of it."""
        return str(self)


@dataclass(frozen=True, slots=True)
class Source:
    """Somebody who sends a statement a day.

    `name` is the PSP's in intents, or the payee's. `fetch(app, on, into, deadline)` writes the file
    and returns what was announced, None where they say that there is none for that day; it raises
    StatementNotReady or UpstreamError. `read(file, announced)` yields its lines in flat memory and
    raises StatementRefused for what is no statement of ours, and at the end if the totals differ.
    """

    name: str
    side: Side
    fetch: Callable[[App, date, BinaryIO, Deadline], Awaitable[Announced | None]]
    read: Callable[[BinaryIO, Announced], Iterator[Line]]


STATEMENTS = ExtensionPoint("payments.statements", Source, key=lambda source: source.name)


def check_digest(source: str, file: BinaryIO, announced: Announced) -> None:
    """Read a file once and compare. Raises StatementRefused digest, truncated or malformed."""
    if announced.algorithm is None:
        return
    digest = hashlib.new(announced.algorithm, usedforsecurity=False)
    with _readable(source), plain(file, announced) as content:
        while chunk := content.read(_CHUNK_BYTES):
            digest.update(chunk)
    if digest.hexdigest() != (announced.digest or "").lower():
        raise StatementRefused(source, "digest")


@contextmanager
def plain(file: BinaryIO, announced: Announced) -> Iterator[BinaryIO]:
    """A file's content from its beginning, unpacked."""
    file.seek(0)
    if not announced.gzipped:
        yield file
        return
    with GzipFile(fileobj=file, mode="rb") as unpacked:
        yield cast(BinaryIO, unpacked)


def read_lines(source: str, content: BinaryIO, encoding: str = "utf-8") -> Iterator[str]:
    """The lines of a text, without ends and byte order mark; what is no text in it is U+FFFD.

    Raises StatementRefused truncated, malformed.
    """
    rest = b""
    with _readable(source):
        while chunk := content.read(_CHUNK_BYTES):
            lines, end, rest = (rest + chunk).rpartition(b"\n")
            if len(rest) > _LINE_BYTES_MAX:
                raise StatementRefused(source, "malformed", "a line without end")
            if end:
                yield from _split(lines, encoding)
        if rest:
            yield from _split(rest, encoding)


def _split(lines: bytes, encoding: str) -> Iterator[str]:
    for line in lines.decode(encoding, "replace").split("\n"):
        yield line.removeprefix("\ufeff").removesuffix("\r")


@contextmanager
def _readable(source: str) -> Iterator[None]:
    try:
        yield
    except EOFError:
        raise StatementRefused(source, "truncated") from None
    except (OSError, zlib.error) as error:
        raise StatementRefused(source, "malformed", type(error).__name__) from None


@lru_cache(maxsize=1 << 16)
def fen(yuan: str) -> int:
    """An amount in a file, thousands separated or not. Raises ValueError for what is none."""
    exact = parse_decimal_yuan(yuan) * 100
    if exact != int(exact):
        raise ValueError("an amount is of whole fen")
    return int(exact)


@lru_cache(maxsize=1 << 16)
def fine(yuan: str) -> int:
    """A fee in a file, in thousandths of a fen. Raises ValueError for what is none."""
    exact = parse_decimal_yuan(yuan) * 100_000
    if exact != int(exact):
        raise ValueError("a fee is of whole thousandths of a fen")
    return int(exact)


def whole(fine_fen: int) -> int:
    """Thousandths of a fen to whole fen, half up."""
    return (abs(fine_fen) + 500) // 1000 * (-1 if fine_fen < 0 else 1)


@dataclass(frozen=True, slots=True)
class Form:
    """Where a file's columns stand."""

    cells: int
    places: Sequence[int]

    @classmethod
    def of(cls, source: str, header: str, *names: Sequence[str]) -> "Form":
        """By its header: each column is known by one of several names, others may stand among
        them. Raises StatementRefused malformed where one is not there."""
        cells = header.split(",")
        places = {name.strip(): place for place, name in enumerate(cells)}
        found = [next((places[n] for n in of_one if n in places), -1) for of_one in names]
        if -1 in found:
            missing = names[found.index(-1)][0]
            raise StatementRefused(source, "malformed", f"another header: no column {missing}")
        return cls(len(cells), found)

    def pick(self, cells: Sequence[str]) -> list[str] | None:
        """Of a line's cells those of the columns; None for another number of them."""
        return [cells[place] for place in self.places] if len(cells) == self.cells else None


def name_of(text: str) -> str:
    """A number as it stands where it can be one of ours, else a short name for it."""
    plain = text.strip()
    if 0 < len(plain) <= _REF_MAX and plain.isascii() and plain.isprintable():
        return plain
    return "?" + hashlib.sha256(text.encode()).hexdigest()[:31]


def misread(order_no: str, text: str, wrong: str, on: datetime) -> Line:
    """A line of a statement that makes no sense, as far as it can be named; `text` is all of it."""
    ref = name_of(order_no or text)
    return Line(False, ref, ref, "", 0, 0, on, wrong=wrong)


def civil_time(text: str) -> datetime:
    """`yyyy-mm-dd hh:mm:ss` of Shanghai. Raises ValueError."""
    if len(text) != 19:
        raise ValueError("a time has 19 characters")
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def civil_day(text: str) -> datetime:
    """The beginning of a day `yyyy-mm-dd` of Shanghai; long ago where the text is none."""
    try:
        return datetime.fromisoformat(text[:10]).replace(tzinfo=SHANGHAI)
    except ValueError:
        return datetime(1970, 1, 1, tzinfo=SHANGHAI)


def ref_of(text: str) -> str:
    """A number of a payment or refund. Raises ValueError for what can be none."""
    if not 0 < len(text) <= _REF_MAX or not text.isascii() or not text.isprintable():
        raise ValueError("a number is short and printable")
    return text


def above_zero(amount_fen: int) -> int:
    """The amount. Raises ValueError for zero and below: a booking books something."""
    if amount_fen <= 0:
        raise ValueError("an amount is above zero")
    return amount_fen
