"""Tables on disk: text (plain, .gz, .xz) and Parquet, read in batches; files written whole or not.

A file of any size passes through in batches; nothing here holds more than one.
"""

import codecs
import csv
import gzip
import io
import itertools
import lzma
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NoReturn, cast

from core.security.private_files import private_folder
from credit.storage.errors import Fault, InputError

BATCH_ROWS = 20_000

Batch = dict[str, list[Any]]


TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".data", ".arff")
PACKINGS: dict[str, Callable[..., Any]] = {
    "": Path.open,
    ".gz": gzip.open,
    ".xz": lzma.open,
}
SEPARATORS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class TableForm:
    """How a text file is written: what is "" is detected. `header` names a file without one."""

    encoding: str = ""
    separator: str = ""
    header: tuple[str, ...] = ()

    def said(self) -> str:
        """In words; empty for the form that everybody expects."""
        parts = [] if self.encoding in ("", "utf-8-sig") else [f"read as {self.encoding}"]
        parts += [] if self.separator in ("", ",") else [f"separated by {self.separator!r}"]
        return ", ".join(parts)


def merged(declared: TableForm, given: TableForm | None) -> TableForm:
    """What was given on the command line, else what is declared."""
    if given is None:
        return declared
    return TableForm(
        given.encoding or declared.encoding,
        given.separator or declared.separator,
        declared.header,
    )


def form_of(path: Path, given: TableForm | None = None) -> TableForm:
    """The form of a file with what was left open detected: UTF-8 or GB 18030, and the separator.

    Raises InputError for a file that is absent, damaged, or neither.
    """
    given = given or TableForm()
    if not path.is_file():
        raise InputError(f"no such file: {path}")
    if path.suffix == ".parquet":
        return given
    encoding = given.encoding or _detected_encoding(path)
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise InputError(f"unknown encoding: {encoding}") from None
    separator = given.separator or _detected_separator(path, encoding)
    if len(separator) != 1:
        raise InputError(f"a separator is one character, not {separator!r}")
    return TableForm(encoding, separator, given.header)


def _detected_encoding(path: Path) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        try:
            with _open_bytes(path) as file:
                while block := file.read(1 << 20):
                    decoder.decode(block)
                decoder.decode(b"", final=True)
            return encoding
        except UnicodeDecodeError:
            continue
        except (OSError, EOFError, lzma.LZMAError) as error:
            raise InputError(f"{path.name} cannot be read: {error}") from error
    raise InputError(f"{path.name} is neither UTF-8 nor GB 18030: name its encoding (--encoding)")


def _detected_separator(path: Path, encoding: str) -> str:
    """The one of the usual separators that the first line holds most of."""
    try:
        with _open_text(path, encoding) as file:
            first = next((line for line in file if line.strip()), "")
    except (OSError, EOFError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name} cannot be read: {error}") from error
    return max(SEPARATORS, key=lambda mark: (first.count(mark), mark == ","))


def batches(
    path: Path,
    columns: frozenset[str] | None = None,
    size: int = BATCH_ROWS,
    form: TableForm | None = None,
) -> Iterator[tuple[int, Batch]]:
    """(row number of the first row, columns) for each batch; at least one batch, maybe empty.

    `columns` limits which are kept, where present. Raises InputError for a file that is absent,
    empty of any header, of unknown kind, damaged or with a line of the wrong length.
    """
    if not path.is_file():
        raise InputError(f"no such file: {path}")
    if path.suffix == ".parquet":
        yield from _parquet(path, columns, size)
    elif _ending(path) in TEXT_ENDINGS:
        yield from _text(path, columns, size, form_of(path, form))
    else:
        raise InputError(
            f"{path.name}: expected .parquet or {', '.join(TEXT_ENDINGS)} (also with .gz or .xz)"
        )


def _ending(path: Path) -> str:
    return Path(path.stem).suffix if path.suffix in PACKINGS else path.suffix


def _open_bytes(path: Path) -> IO[bytes]:
    packing = path.suffix if path.suffix in PACKINGS else ""
    return cast(IO[bytes], PACKINGS[packing](path, "rb"))


def _open_text(path: Path, encoding: str) -> IO[str]:
    return io.TextIOWrapper(cast(Any, _open_bytes(path)), encoding=encoding, newline="")


def _text(
    path: Path, columns: frozenset[str] | None, size: int, form: TableForm
) -> Iterator[tuple[int, Batch]]:
    try:
        with _open_text(path, form.encoding) as file:
            lines, named = _data_lines(file) if _ending(path) == ".arff" else (file, [])
            reader = csv.reader(lines, delimiter=form.separator)
            header = list(form.header) or named or next(reader, [])
            if not header or all(not name.strip() for name in header):
                raise InputError(f"{path.name} is empty: it has no header line")
            yield from _csv_batches(reader, header, columns, size)
    except (OSError, EOFError, lzma.LZMAError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name} cannot be read: {error}") from error


def _data_lines(file: IO[str]) -> tuple[Iterator[str], list[str]]:
    """The data of an ARFF file and its attributes' names; a file cut to its data has none."""
    names: list[str] = []
    first: list[str] = []
    for line in file:
        text = line.strip()
        if text.lower().startswith("@attribute"):
            names.append(text.split()[1].strip("'\""))
        elif text and text[0] not in "@%":
            first = [line]
            break
    return (line for line in itertools.chain(first, file) if line.strip()), names


def _csv_batches(
    reader: Iterator[list[str]], header: list[str], columns: frozenset[str] | None, size: int
) -> Iterator[tuple[int, Batch]]:
    names = [name.strip() for name in header]
    doubled = {name for name in names if names.count(name) > 1}
    if doubled:
        raise InputError(f"column(s) named twice: {', '.join(sorted(doubled))}")
    kept = [i for i, name in enumerate(names) if columns is None or name in columns]
    first = 1
    while (rows := list(itertools.islice(reader, size))) or first == 1:
        if set(map(len, rows)) - {len(names)}:
            _refuse_ragged(rows, len(names), first)
        yield first, _turned(rows, names, kept)
        first += max(len(rows), 1)


def _refuse_ragged(rows: list[list[str]], width: int, first: int) -> NoReturn:
    """Raises InputError for the first row that is not as wide as the header."""
    number, row = next((i, row) for i, row in enumerate(rows, first) if len(row) != width)
    message = f"has {len(row)} fields, the header {width}"
    raise InputError([Fault(number, "(line)", message)])


def _turned(rows: list[list[str]], names: list[str], kept: list[int]) -> Batch:
    """Rows as columns, the ones that are kept."""
    turned = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return {names[i]: list(turned[i]) for i in kept}


def _parquet(path: Path, columns: frozenset[str] | None, size: int) -> Iterator[tuple[int, Batch]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names = [n for n in file.schema_arrow.names if columns is None or n in columns]
            first = 1
            for batch in file.iter_batches(batch_size=size, columns=names):
                yield first, cast(Batch, batch.to_pydict())
                first += batch.num_rows
            if first == 1:
                yield 1, {name: [] for name in names}
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path.name} cannot be read: {error}") from error


def read_whole(
    path: Path, columns: frozenset[str] | None = None, form: TableForm | None = None
) -> Batch:
    """All rows at once; for training files, which fit in memory."""
    whole: Batch = {}
    for _, batch in batches(path, columns, form=form):
        for name, values in batch.items():
            whole.setdefault(name, []).extend(values)
    return whole


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears under its name only once everything is written and flushed.

    It is for its owner alone, and so is each folder that has to be made for it.
    """
    if not path.parent.exists():
        private_folder(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
