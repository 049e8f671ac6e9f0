"""What a statement is: who gives it, how its file is believed and what a line of it says.

A module whose payees send settlement files has a `Source` for each in its rooms.
A file is believed whole or refused whole: its digest is checked before a line is read, its totals
before a line counts.
"""

import hashlib
import zlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from gzip import GzipFile
from typing import BinaryIO, NamedTuple, cast

from core.clock import SHANGHAI
from core.context.app import App
from core.deadline import Deadline
from core.money import parse_yuan
from core.rooms import ExtensionPoint
from payments.domain import Side

_CHUNK_BYTES = 1 << 18
_LINE_BYTES_MAX = 8_192
_REF_MAX = 64


class Line(NamedTuple):
    """One booking of the other side. Amounts are above zero; of a refund, what went back.

    `ref` is our number of it: the payment's, or the refund's. `order_ref` is always the payment's.
    """

    is_refund: bool
    ref: str
    order_ref: str
    their_ref: str
    amount_fen: int
    fee_fen: int
    at: datetime


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
    raises StatementRefused at the first that makes no sense, and at the end if the totals differ.
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
    """The lines of a text, without their ends. Raises StatementRefused truncated, malformed."""
    rest = b""
    with _readable(source):
        while chunk := content.read(_CHUNK_BYTES):
            lines, end, rest = (rest + chunk).rpartition(b"\n")
            if len(rest) > _LINE_BYTES_MAX:
                raise StatementRefused(source, "malformed", "a line without end")
            if end:
                yield from lines.decode(encoding).split("\n")
        if rest:
            yield rest.decode(encoding)


@contextmanager
def _readable(source: str) -> Iterator[None]:
    try:
        yield
    except EOFError:
        raise StatementRefused(source, "truncated") from None
    except (OSError, zlib.error, UnicodeDecodeError) as error:
        raise StatementRefused(source, "malformed", type(error).__name__) from None


@lru_cache(maxsize=1 << 16)
def fen(yuan: str) -> int:
    """An amount in a file. Raises ValueError for what is none."""
    return parse_yuan(yuan)


def civil_time(text: str) -> datetime:
    """`yyyy-mm-dd hh:mm:ss` of Shanghai. Raises ValueError."""
    if len(text) != 19:
        raise ValueError("a time has 19 characters")
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


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
