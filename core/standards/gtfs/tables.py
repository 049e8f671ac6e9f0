"""A zipped GTFS feed as tables of text: bounded, and kind to byte order marks, CRLF and quotes."""

import csv
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from core.standards.gtfs.faults import Faults, FeedError

UNPACKED_MAX_BYTES = 1_500_000_000
MEMBERS_MAX = 500
_HEADER_MAX_BYTES = 65_536
_BLOCK_BYTES = 1 << 24
KNOWN = frozenset(
    f"{name}.txt"
    for name in (
        "agency stops routes trips stop_times calendar calendar_dates fare_attributes fare_rules "
        "timeframes fare_media fare_products fare_leg_rules fare_leg_join_rules "
        "fare_transfer_rules areas stop_areas networks route_networks rider_categories shapes "
        "frequencies transfers pathways levels location_groups location_group_stops "
        "booking_rules translations feed_info attributions"
    ).split()
)

T = TypeVar("T")
Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """One file: rows of text, by column. A column that is not there reads as empty."""

    name: str
    columns: Mapping[str, Any]
    rows: int
    faults: Faults

    def __contains__(self, column: str) -> bool:
        return column in self.columns

    def codes(self, column: str) -> tuple[Ints, list[str]]:
        """A column as indices into its distinct values, which are without blanks around them."""
        if column not in self.columns:
            return np.zeros(self.rows, np.int32), [""]
        import pyarrow as pa  # loaded with the first feed: few processes read one
        from pyarrow import compute as pc

        encoded = pc.utf8_trim_whitespace(self.columns[column]).combine_chunks().dictionary_encode()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.unify_dictionaries().combine_chunks()
        codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32)
        return codes, encoded.dictionary.to_pylist()

    def texts(self, column: str) -> list[str]:
        """A column as text."""
        codes, values = self.codes(column)
        return [values[code] for code in codes]

    def parsed(
        self, column: str, parse: Callable[[str], T], missing: T, dtype: Any, rule: str
    ) -> NDArray[Any]:
        """A column whose distinct values are parsed once each.

        What is empty, and what `parse` refuses with ValueError, is `missing`; the latter is counted
        under the rule.
        """
        codes, values = self.codes(column)
        parsed, bad = [], []
        for index, value in enumerate(values):
            try:
                parsed.append(parse(value) if value else missing)
            except ValueError:
                parsed.append(missing)
                bad.append(index)
        if bad:
            count = int(np.isin(codes, bad).sum())
            samples = [f"{column}={values[index]}" for index in bad[:5]]
            self.faults.add(rule, self.name, samples, count)
        return np.array(parsed, dtype)[codes] if self.rows else np.empty(0, dtype)

    def integers(self, column: str, missing: int, least: int = 0, most: int = 2**31 - 1) -> Ints:
        """A column of integers within bounds."""

        def parse(text: str) -> int:
            number = int(text)
            if not least <= number <= most:
                raise ValueError(text)
            return number

        return self.parsed(column, parse, missing, np.int32, "number_out_of_range")

    def numbers(self, column: str) -> Floats:
        """A column of decimal numbers; NaN where there is none."""
        return self.parsed(column, _finite, float("nan"), np.float64, "invalid_float")


def _finite(text: str) -> float:
    number = float(text)
    if not np.isfinite(number):
        raise ValueError(text)
    return number


def open_tables(
    data: bytes,
    wanted: Mapping[str, Sequence[str]],
    faults: Faults,
    *,
    unpacked_max: int = UNPACKED_MAX_BYTES,
) -> dict[str, Table]:
    """The files of a feed that are named in `wanted`, with the columns named there.

    Files and columns that are not known are counted and passed over. Raises FeedError for what is
    no zip, is locked, or unpacks to more than `unpacked_max` bytes.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = _members(archive, faults, unpacked_max)
            return {
                name: _read(name, archive.read(members[name]), columns, faults)
                for name, columns in wanted.items()
                if name in members
            }
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise FeedError("unreadable_zip", str(error)[:80]) from None


def _members(
    archive: zipfile.ZipFile, faults: Faults, unpacked_max: int
) -> dict[str, zipfile.ZipInfo]:
    """The text files by name; of a feed in a folder of its own, those of the folder."""
    infos = [info for info in archive.infolist() if not info.is_dir()]
    if len(infos) > MEMBERS_MAX:
        raise FeedError("too_many_files", str(len(infos)))
    if sum(info.file_size for info in infos) > unpacked_max:
        raise FeedError("too_large", "unpacks to more than is allowed")
    folders = {
        info.filename.rpartition("/")[0]
        for info in infos
        if info.filename.rpartition("/")[2] == "stops.txt" and "__MACOSX" not in info.filename
    }
    folder = "" if "" in folders or not folders else folders.pop() if len(folders) == 1 else None
    if folder is None:
        raise FeedError("ambiguous_feed", "stops.txt stands in several folders")
    if folder:
        faults.add("invalid_input_files_in_subfolder", folder, [folder])
    members = {}
    for info in infos:
        place, _, name = info.filename.rpartition("/")
        if place == folder:
            members[name] = info
            if name not in KNOWN and name.endswith(".txt"):
                faults.add("unknown_file", name, [name])
    return members


def _read(name: str, data: bytes, wanted: Sequence[str], faults: Faults) -> Table:
    data = _utf8(name, data, faults)
    header = next(csv.reader(io.StringIO(data[:_HEADER_MAX_BYTES].decode(errors="ignore"))), [])
    names = [column.strip().lower() for column in header]
    if not names:
        faults.add("empty_file", name, [name])
        return Table(name, {}, 0, faults)
    twice = {column for column in names if names.count(column) > 1}
    faults.add("duplicated_column", name, sorted(twice))
    unique = [
        column if column not in names[:i] else f"{column}#{i}" for i, column in enumerate(names)
    ]
    kept = [column for column in unique if column in wanted]
    if not kept:
        faults.add("missing_required_column", name, [name])
        return Table(name, {}, 0, faults)
    import pyarrow as pa
    from pyarrow import csv as pa_csv

    bad_rows: list[str] = []

    def skip(row: Any) -> str:
        bad_rows.append(row.text)
        return "skip"

    try:
        # pyarrow's own header would make two columns of one name ambiguous
        table = pa_csv.read_csv(
            io.BytesIO(data if data.endswith(b"\n") else data + b"\n"),
            pa_csv.ReadOptions(column_names=unique, skip_rows=1, block_size=_BLOCK_BYTES),
            pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
            pa_csv.ConvertOptions(
                column_types=dict.fromkeys(unique, pa.string()),
                include_columns=kept,
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )
    except pa.ArrowInvalid as error:
        faults.add("csv_parsing_failed", name, [str(error)[:80]])
        return Table(name, {}, 0, faults)
    faults.add("invalid_row_length", name, bad_rows)
    if short := _padded(bad_rows, unique, kept):
        table = pa.concat_tables([table, pa.table(short, table.schema)])
    return Table(name, {column: table.column(column) for column in kept}, table.num_rows, faults)


def _padded(rows: Sequence[str], columns: Sequence[str], kept: Sequence[str]) -> dict[str, Any]:
    """By column, the rows that end before the header does, as in the sample feed of the standard's
    first authors; what they leave out is empty.
    """
    values = [value for row in rows for value in csv.reader([row]) if len(value) < len(columns)]
    if not values:
        return {}
    table = zip(*(value + [""] * (len(columns) - len(value)) for value in values), strict=True)
    return {
        name: cells for name, cells in zip(columns, map(list, table), strict=True) if name in kept
    }


def _utf8(name: str, data: bytes, faults: Faults) -> bytes:
    """The file as UTF-8 without a byte order mark; a file in GB 18030 is converted."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        data.decode()
    except UnicodeDecodeError:
        faults.add("invalid_character", name, [name])
        try:
            return data.decode("gb18030").encode()
        except UnicodeDecodeError:
            return data.decode(errors="replace").encode()
    return data
