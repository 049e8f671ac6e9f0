"""Tables on disk: CSV (plain, .gz, .xz) and Parquet, read in batches; files written whole or not.

A file of any size passes through in batches; nothing here holds more than one.
"""

import csv
import gzip
import lzma
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from credit.errors import Fault, InputError

BATCH_ROWS = 20_000

Batch = dict[str, list[Any]]


def batches(
    path: Path, columns: frozenset[str] | None = None, size: int = BATCH_ROWS
) -> Iterator[tuple[int, Batch]]:
    """(row number of the first row, columns) for each batch; at least one batch, maybe empty.

    `columns` limits which are kept, where present. Raises InputError for a file that is absent,
    empty of any header, of unknown kind, damaged or with a line of the wrong length.
    """
    if not path.is_file():
        raise InputError(f"no such file: {path}")
    if path.suffix == ".parquet":
        yield from _parquet(path, columns, size)
    elif path.name.endswith((".csv", ".csv.gz", ".csv.xz")):
        yield from _csv(path, columns, size)
    else:
        raise InputError(f"{path.name}: expected .csv, .csv.gz, .csv.xz or .parquet")


def _open_text(path: Path) -> IO[str]:
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8-sig", newline="")
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open("rt", encoding="utf-8-sig", newline="")


def _csv(path: Path, columns: frozenset[str] | None, size: int) -> Iterator[tuple[int, Batch]]:
    try:
        with _open_text(path) as file:
            reader = csv.reader(file)
            header = next(reader, None)
            if not header or all(not name.strip() for name in header):
                raise InputError(f"{path.name} is empty: it has no header line")
            yield from _csv_batches(reader, header, columns, size)
    except (OSError, EOFError, lzma.LZMAError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name} cannot be read: {error}") from error


def _csv_batches(
    reader: Iterator[list[str]], header: list[str], columns: frozenset[str] | None, size: int
) -> Iterator[tuple[int, Batch]]:
    names = [name.strip() for name in header]
    doubled = {name for name in names if names.count(name) > 1}
    if doubled:
        raise InputError(f"column(s) named twice: {', '.join(sorted(doubled))}")
    kept = [i for i, name in enumerate(names) if columns is None or name in columns]
    rows: list[list[str]] = []
    first = 1
    for number, row in enumerate(reader, start=1):
        if len(row) != len(names):
            message = f"has {len(row)} fields, the header {len(names)}"
            raise InputError([Fault(number, "(line)", message)])
        rows.append(row)
        if len(rows) == size:
            yield first, {names[i]: [row[i] for row in rows] for i in kept}
            first, rows = number + 1, []
    if rows or first == 1:
        yield first, {names[i]: [row[i] for row in rows] for i in kept}


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


def read_whole(path: Path, columns: frozenset[str] | None = None) -> Batch:
    """All rows at once; for training files, which fit in memory."""
    whole: Batch = {}
    for _, batch in batches(path, columns):
        for name, values in batch.items():
            whole.setdefault(name, []).extend(values)
    return whole


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file that appears under its name only once everything is written and flushed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
