"""Statement files: written to disk once, line by line, and fetched by a token for a while."""

import asyncio
import gzip
import hashlib
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from starlette.responses import FileResponse, Response

from sandbox.server.system import City
from sandbox.server.wire import Refusal

SCHEMA = """
CREATE TABLE statement_file (token TEXT PRIMARY KEY, path TEXT NOT NULL, expires_at REAL NOT NULL);
"""
CHUNK_LINES = 2000


@dataclass(frozen=True)
class Made:
    """A file on disk: the token to fetch it by, and the digest of its plain content in hex."""

    token: str
    digest: str


Writer = Callable[[Path], str]
"""Writes the file at a path and returns the digest of its plain content."""


async def make(city: City, write: Writer, *, lifetime_s: float) -> Made:
    """Write a file beside the event loop and give it a token for a while."""
    _forget_expired(city)
    token = secrets.token_urlsafe(32)
    path = city.scratch / f"statement-{token}"
    digest = await asyncio.to_thread(write, path)
    expires_at = city.now().timestamp() + lifetime_s
    city.state.run("INSERT INTO statement_file VALUES (?, ?, ?)", (token, str(path), expires_at))
    return Made(token, digest)


def serve(city: City, token: str | None, media_type: str, filename: str) -> Response:
    """The file of a token. Raises Refusal 404 NO_SUCH_FILE, also when its time is over."""
    row = city.state.one(
        "SELECT path FROM statement_file WHERE token = ? AND expires_at > ?",
        (token, city.now().timestamp()),
    )
    if row is None or not Path(row["path"]).is_file():
        raise Refusal(404, "NO_SUCH_FILE", "下载地址不存在或已过期 / no such file, or it expired")
    return FileResponse(row["path"], media_type=media_type, filename=filename)


def plain_writer(lines: Iterable[str], algorithm: str, *, zipped: bool = False) -> Writer:
    """Writes UTF-8 text, gzipped if asked; the digest is of the text before that."""

    def write(path: Path) -> str:
        digest = hashlib.new(algorithm, usedforsecurity=False)
        with (
            path.open("wb") as raw,
            gzip.GzipFile("", "wb", 1, raw, mtime=0) if zipped else raw as out,
        ):
            for chunk in chunks(lines):
                digest.update(chunk)
                out.write(chunk)
        return digest.hexdigest()

    return write


def chunks(lines: Iterable[str], encoding: str = "utf-8") -> Iterator[bytes]:
    """Lines in pieces large enough to write at once; what the encoding lacks becomes `?`."""
    waiting: list[str] = []
    for line in lines:
        waiting.append(line)
        if len(waiting) == CHUNK_LINES:
            yield "".join(waiting).encode(encoding, "replace")
            waiting.clear()
    yield "".join(waiting).encode(encoding, "replace")


def _forget_expired(city: City) -> None:
    for row in city.state.all(
        "DELETE FROM statement_file WHERE expires_at <= ? RETURNING path", (city.now().timestamp(),)
    ):
        with suppress(FileNotFoundError):
            Path(row["path"]).unlink()
