"""Bad input: refused in words that name row and column, and nothing half-written."""

import gzip
import lzma
import os
import stat
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from credit.engine.batch import Job, score_file
from credit.engine.intake import parse
from credit.storage.errors import InputError
from credit.storage.files import batches, read_whole, written_whole
from credit.training.data import build
from credit.training.specs.jinan import JINAN

from .conftest import desk_of, history

ON = date(2025, 12, 31)
JOB = Job(ON, "zh")


def head(rows: int = 50) -> dict[str, list[object]]:
    return {name: list(values[:rows]) for name, values in history().items()}


def as_csv(raw: dict[str, list[object]]) -> str:
    lines = [",".join(raw)]
    for row in zip(*raw.values(), strict=True):
        lines.append(",".join("" if v is None else str(v) for v in row))
    return "\n".join(lines) + "\n"


BAD_VALUES = [
    ("months_registered", "twelve", "not a number: 'twelve'"),
    ("invoiced_12m_fen", "inf", "not a finite number"),
    ("invoiced_12m_fen", "-inf", "not a finite number"),
    ("insured_heads", -4, "-4 is below the least possible, 0"),
    ("top_buyer_share", 1.7, "1.7 is above the greatest possible, 1"),
    ("applied_on", "2031-01-01", "2031-01-01 lies in the future"),
    ("applied_on", "yesterday", "not a date: 'yesterday'"),
    ("loan_no", "", "is required"),
    ("tax_grade_points", True, "not a number"),
]


@pytest.mark.parametrize(("column", "value", "message"), BAD_VALUES)
def test_a_bad_value_is_refused_by_row_and_column(champion, column, value, message):
    raw = head()
    raw[column][36] = value
    with pytest.raises(InputError) as error:
        parse(raw, champion.columns, today=ON)
    assert str(error.value).startswith(f"row 37, column {column}: ")
    assert message in str(error.value)


def test_all_faults_are_told_at_once(champion):
    raw = head()
    for i in range(30):
        raw["months_registered"][i] = "x"
    with pytest.raises(InputError, match="… and 10 more") as error:
        parse(raw, champion.columns)
    assert len(error.value.faults) == 30


@pytest.mark.parametrize(("column", "value", "message"), BAD_VALUES[:6])
def test_nothing_is_half_written(champion, tmp_path, column, value, message):
    raw = head()
    raw[column][49] = value
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text(as_csv(raw))
    out.write_text("an earlier result")
    with pytest.raises(InputError, match=f"row 50, column {column}"):
        score_file(desk_of(champion), source, out, JOB)
    assert out.read_text() == "an earlier result"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.csv", "out.csv"]


def test_missing_columns_are_named(champion):
    raw = head()
    del raw["industry"], raw["court_cases_24m"]
    with pytest.raises(InputError, match=r"missing column.*industry"):
        parse(raw, champion.columns)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a,a\n1,2\n", "named twice: a"),
        ("a,b\n1\n", r"row 1, column \(line\): has 1 fields, the header 2"),
    ],
)
def test_malformed_files(tmp_path, text, message):
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_whole(path)


def test_files_that_are_not_what_they_claim(tmp_path):
    for name in ("x.csv.xz", "x.csv.gz", "x.parquet"):
        path = tmp_path / name
        path.write_bytes(b"certainly not")
        with pytest.raises(InputError, match="cannot be read"):
            read_whole(path)
    with pytest.raises(InputError, match="no such file"):
        read_whole(tmp_path / "absent.csv")
    (tmp_path / "x.xlsx").touch()
    with pytest.raises(InputError, match="expected"):
        read_whole(tmp_path / "x.xlsx")


def test_a_truncated_archive_is_refused(tmp_path):
    path = tmp_path / "x.csv.xz"
    path.write_bytes(lzma.compress(as_csv(head()).encode())[:-40])
    with pytest.raises(InputError, match="cannot be read"):
        read_whole(path)


def test_a_file_without_rows_is_refused(champion, tmp_path):
    source = tmp_path / "in.csv"
    source.write_text(as_csv(head(0)))
    with pytest.raises(InputError, match="no rows"):
        score_file(desk_of(champion), source, tmp_path / "out.csv", JOB)
    with pytest.raises(InputError, match="no rows"):
        build(head(0), JINAN, today=None)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(("letter", "word"), [("Y", "bad"), ("N", "good")])
def test_one_class_is_refused(letter, word):
    raw = head()
    raw["defaulted"] = [letter] * 50
    with pytest.raises(InputError, match=f"every loan is {word}"):
        build(raw, JINAN, today=None)


def test_an_unknown_outcome_is_refused():
    raw = head()
    raw["defaulted"][4] = "perhaps"
    with pytest.raises(InputError, match="row 5, column defaulted: unknown outcome 'perhaps'"):
        build(raw, JINAN, today=None)


def test_every_file_form_scores_alike(champion, tmp_path):
    raw = head()
    text = as_csv(raw).encode()
    (tmp_path / "a.csv").write_bytes(text)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(text))
    (tmp_path / "c.csv.xz").write_bytes(lzma.compress(text))
    (tmp_path / "d.csv").write_bytes(b"\xef\xbb\xbf" + text)
    pq.write_table(pa.table(raw), tmp_path / "e.parquet")
    results = []
    for path in sorted(tmp_path.glob("[a-e].*")):
        out = tmp_path / "out.csv"
        assert score_file(desk_of(champion), path, out, JOB) == 50
        results.append(out.read_bytes())
    assert len(results) == 5
    assert len(set(results)) == 1


def test_batch_size_changes_nothing(champion, tmp_path):
    from credit.engine.batch import score_batch

    source = tmp_path / "in.csv"
    source.write_text(as_csv(head()))
    parts = {}
    for size in (7, 50):
        pieces = [
            score_batch(desk_of(champion), n, b, JOB)[1] for n, b in batches(source, size=size)
        ]
        parts[size] = b"".join(pieces)
    assert parts[7] == parts[50]


def test_a_failed_write_leaves_nothing(tmp_path):
    def fail() -> None:
        with written_whole(tmp_path / "x") as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_is_for_its_owner_alone(tmp_path):
    before = os.umask(0)
    try:
        with written_whole(tmp_path / "folder" / "x") as file:
            file.write(b"whole")
    finally:
        os.umask(before)
    found = [stat.S_IMODE(path.stat().st_mode) for path in sorted(tmp_path.rglob("*"))]
    assert found == [0o700, 0o600]
