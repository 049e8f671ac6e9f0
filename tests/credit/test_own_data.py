"""A bank brings its own data: one file declares it, no code changes, bad input ends in one line."""

import gzip
import lzma
from pathlib import Path

import orjson
import pytest

from credit.storage.errors import CreditError
from credit.storage.files import form_of, read_whole
from credit.training.data import build
from credit.training.specs.files import read_spec
from credit.training.specs.plain import spec_from_plain, spec_to_plain
from credit.training.specs.sba import SBA

from .conftest import shared
from .test_cli import run

SPECS = Path(__file__).parent / "specs"


@pytest.fixture
def keys(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "state"))


def half_of(path: Path, out: Path, *, header: bool) -> Path:
    """Every second line: a bank's file of today, the other half being for tomorrow."""
    with lzma.open(path, "rt") as file:
        lines = [line for line in file if line.strip()]
    head, rows = (lines[:1], lines[1:]) if header else ([], lines)
    out.write_text("".join(head + rows[::2]))
    return out


@pytest.mark.parametrize(
    ("name", "file", "header", "floor"),
    [
        ("polish", "polish_bankruptcy_1year.arff.xz", False, 0.85),
        ("taiwan", "taiwan_card_default.csv.xz", True, 0.74),
    ],
)
def test_a_third_banks_data_by_its_spec_alone(keys, tmp_path, name, file, header, floor):
    whole, spec = shared(file), SPECS / f"{name}.toml"
    data = half_of(whole, tmp_path / "data.csv", header=header)
    model = tmp_path / "m"
    run("train", "--spec", spec, "--data", data, "--out", model)
    said = run("evaluate", "--model", model, "--data", whole, "--report", tmp_path / "r.html",
               "--json", tmp_path / "r.json")  # fmt: skip
    result = orjson.loads((tmp_path / "r.json").read_bytes())
    assert "has not seen (no dates: not later ones)" in said.replace("\n", " ")
    assert result["sample"] == "out of sample"
    assert result["figures"]["auc"]["value"] > floor
    run("score", "--model", model, "--data", data, "--out", tmp_path / "s.csv")
    run("monitor", "--model", model, "--data", data)
    trained_on = len((tmp_path / "s.csv").read_text().splitlines()) - 1
    # a few people of the other half are alike to the last amount
    assert trained_on <= result["rows_seen_in_training"] < trained_on * 1.02


SMALL = """
name = "small"
label = "坏"
bad = ["是"]
good = ["否"]
id = "编号"
date = "申请日"
plain = ["金额", "行业"]
[file]
thousands = ","
[[columns]]
name = "编号"
kind = "text"
known = "identifier"
[[columns]]
name = "申请日"
kind = "date"
known = "time"
date_form = "%Y/%m/%d"
[[columns]]
name = "金额"
blank = ["-9", "无"]
minimum = 0
[[columns]]
name = "行业"
kind = "text"
kept = ["NA"]
[[columns]]
name = "坏"
kind = "text"
known = "label"
"""


@pytest.fixture
def spec_file(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


ROWS = """编号;申请日;金额;行业;坏
1;2024/01/31;19,537,182;NA;是
2;2024/02/01;-9.0;制造;否
3;2024/02/02;无;;否
4;2024/02/03;1,200.5;制造;是
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
@pytest.mark.parametrize("pack", ["csv", "csv.gz", "csv.xz", "txt"])
def test_what_chinese_bank_systems_export_is_read(tmp_path, spec_file, encoding, pack):
    path = tmp_path / f"x.{pack}"
    body = ROWS.encode(encoding)
    if pack.endswith("gz"):
        body = gzip.compress(body)
    elif pack.endswith("xz"):
        body = lzma.compress(body)
    path.write_bytes(body)
    spec = read_spec(spec_file)
    form = form_of(path, spec.file)
    assert "separated by ';'" in form.said()
    assert ("gb18030" in form.said()) == encoding.startswith("gb")
    data = build(read_whole(path, spec.fields(), form), spec, today=None)
    amounts = data.columns["金额"].tolist()
    assert (amounts[0], amounts[3]) == (19_537_182, 1_200.5)
    assert str(amounts[1:3]) == "[nan, nan]"
    assert data.columns["行业"].tolist() == ["NA", "制造", None, "制造"]
    assert data.bad.tolist() == [1, 0, 0, 1]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("19,537,182", "19,53,182", "row 1, column 金额: not a number"),
        ("19,537,182", "45%", "row 1, column 金额: not a number"),
        ("19,537,182", "50万", "row 1, column 金额: not a number"),
        ("19,537,182", "1_2", "row 1, column 金额: not a number"),
        ("19,537,182", "1e39", "row 1, column 金额: 1e39 is too large"),
        ("19,537,182", "-1", "row 1, column 金额: -1 is below"),
        ("2024/01/31", "2024/01/31; DROP", "has 6 fields, the header 5"),
        ("2024/01/31", "2024/01/31垃圾", "row 1, column 申请日: not a date"),
        ("2024/01/31", "2024-01-31", "row 1, column 申请日: not a date"),
        ("2024/01/31", "", "row 1, column 申请日: is required"),
        ("2;2024", "1;2024", "row 2, column 编号: '1' stands already in row 1"),
        ("2;2024", "2\x00;2024", "control character"),
        ("NA;是", "NA;也许", "row 1, column 坏: unknown outcome '也许'"),
    ],
)
def test_bad_input_ends_in_one_clear_line(tmp_path, spec_file, old, new, message):
    path = tmp_path / "x.csv"
    path.write_text(ROWS.replace(old, new, 1))
    spec = read_spec(spec_file)
    with pytest.raises(CreditError) as error:
        build(read_whole(path, spec.fields(), form_of(path, spec.file)), spec, today=None)
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('label = "坏"', "", "'label' is missing"),
        ('label = "坏"', 'label = "好"', "its label '好' is no column"),
        ('plain = ["金额", "行业"]', 'plain = ["坏"]', "known only as: label"),
        ('plain = ["金额", "行业"]', "", "there is no feature"),
        ('kind = "date"', 'kind = "day"', "'day' is not a valid Kind"),
        ('good = ["否"]', 'good = ["是"]', "none in common"),
        ("minimum = 0", "least = 0", "knows no least"),
        ('known = "label"', 'known = "labels"', "'labels' is not a valid Known"),
        (
            'known = "label"',
            'known = "label"\n[[features]]\nname = "usual"\nform = "profile"\n'
            'levels = [["行业"]]\nof = {columns = ["金额"]}\nstatistic = "modian"',
            "unknown statistic 'modian'",
        ),
        ("name", "name =", "small.toml"),
    ],
)
def test_a_slip_in_a_spec_ends_in_one_clear_line(spec_file, old, new, message):
    spec_file.write_text(SMALL.replace(old, new, 1))
    with pytest.raises(CreditError) as error:
        read_spec(spec_file)
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_odd_names_and_values_train(keys, tmp_path):
    """Brackets and comparisons in names, a constant, an empty and an unrecorded column."""
    spec = tmp_path / "odd.toml"
    spec.write_text(
        'name = "odd"\nlabel = "y"\nbad = ["1"]\ngood = ["0"]\nplain = "all"\n'
        '[[columns]]\nnames = ["a<5", "b[x]", "same", "empty"]\n'
        '[[columns]]\nname = "y"\nkind = "text"\nknown = "label"\n'
    )
    rows = [f"{i % 7},{i % 11},3,,{int(i % 5 == 0)}" for i in range(60)]
    (tmp_path / "odd.csv").write_text("\n".join(["a<5,b[x],same,empty,y", *rows]) + "\n")
    out = run("train", "--spec", spec, "--data", tmp_path / "odd.csv", "--out", tmp_path / "m")
    assert "sha256" in out


def test_a_spec_survives_its_artefact():
    again = spec_from_plain(orjson.loads(orjson.dumps(spec_to_plain(SBA))))
    assert again == SBA
