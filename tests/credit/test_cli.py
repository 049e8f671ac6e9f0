"""The commands as people run them: train, evaluate, score, monitor, on files."""

import csv
import re
import shlex
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from credit.commands.main import app
from credit.policy.files import SHIPPED
from credit.registry.registry import State
from credit.registry.store import Home
from credit.training import specs
from credit.training.specs.jinan import JINAN

from .conftest import history, shared, small

RUN = CliRunner()


def run(*args: object, code: int = 0):
    result = RUN.invoke(app, [str(arg) for arg in args])
    assert result.exit_code == code, result.output + repr(result.exception)
    return result.output


def write_csv(path: Path, raw: dict[str, list[object]]) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(raw)
        writer.writerows(zip(*raw.values(), strict=True))
    return path


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with data, keys and a model trained by the command itself."""
    folder = tmp_path_factory.mktemp("credit")
    patch = pytest.MonkeyPatch()
    patch.setenv("DATA_DIR", str(folder / "state"))
    # a shorter fit of the same spec: these tests are about commands, not figures
    patch.setitem(specs.SPECS, "jinan", small(JINAN, 30))
    head = {name: values[::2] for name, values in history().items()}
    write_csv(folder / "loans.csv", head)
    out = run("train", "--spec", "jinan", "--data", folder / "loans.csv", "--through", 2023,
              "--out", folder / "m")  # fmt: skip
    (folder / "said").write_text(out)
    yield folder
    patch.undo()


def digest(said: str) -> str:
    found = re.search(r"sha256 ([0-9a-f]{64})", said)
    assert found
    return found[1]


def test_train_writes_a_signed_model_with_card_and_challenger(home):
    said = (home / "said").read_text()
    assert "SIMULATED" in said
    for folder in (home / "m", home / "m" / "challenger"):
        names = {path.name for path in folder.iterdir() if path.is_file()}
        assert names == {"model.json", "model.sig", "model_card.md"}
    assert "SIMULATED" in (home / "m" / "model_card.md").read_text()
    assert (home / "state" / "keys" / "SANDBOX-KEYS").exists()


def test_training_again_gives_the_same_hash(home):
    out = run("train", "--spec", "jinan", "--data", home / "loans.csv", "--through", 2023,
              "--out", home / "again")  # fmt: skip
    assert digest(out) == digest((home / "said").read_text())
    for name in ("model.json", "model.sig"):
        assert (home / "again" / name).read_bytes() == (home / "m" / name).read_bytes()


def test_evaluate_writes_one_page_and_the_same_as_json(home):
    said = run("evaluate", "--model", home / "m", "--data", home / "loans.csv",
               "--report", home / "r.html", "--json", home / "r.json")  # fmt: skip
    result = orjson.loads((home / "r.json").read_bytes())
    page = (home / "r.html").read_text()
    assert f"{result['rows_left_out']:,} others left out" in said.replace("\n", " ").replace(
        "  ", " "
    )
    assert "WARNING" in said
    assert page.count("<svg") > 20
    # self-contained: nothing is fetched
    assert not re.search(r"<(script|link|img|iframe)|url\(|@import", page)
    assert not re.search(r"(?:src|href)=", page)
    assert f"{result['figures']['auc']['value']:.4f}" in page
    assert {f["group"] for f in result["fairness"]} == {"region", "industry", "size", "legal_form"}


def test_score_writes_the_fixed_columns(home):
    out = home / "s.csv"
    run("score", "--model", home / "m", "--data", home / "loans.csv", "--out", out)
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "id", "pd", "score", "decision", "reason_1", "reason_2", "reason_3", "reason_4",
        "limit", "absent", "policy", "model", "decided_on",
    ]  # fmt: skip
    assert [row["id"] for row in rows] == history()["loan_no"][::2]
    assert {row["decision"] for row in rows} == {"approve", "refer", "decline"}
    assert all(300 <= int(row["score"]) <= 850 for row in rows)
    by_pd = sorted(rows, key=lambda row: float(row["pd"]))
    scores = [int(row["score"]) for row in by_pd]
    assert scores == sorted(scores, reverse=True)
    assert all(row["reason_1"] for row in rows if row["decision"] == "decline")
    assert any(row["reason_1"] == "近两年有被执行案件" for row in rows)
    assert re.search("[一-鿿]", rows[0]["reason_1"])
    run("score", "--model", home / "m", "--data", home / "loans.csv", "--out", out,
        "--language", "en")  # fmt: skip
    assert not re.search("[一-鿿]", out.read_text())


def test_score_needs_no_outcome(home):
    raw = {name: values[:20] for name, values in history().items() if name != "defaulted"}
    run("score", "--model", home / "m", "--data", write_csv(home / "new.csv", raw),
        "--out", home / "new-scored.csv")  # fmt: skip
    assert len((home / "new-scored.csv").read_text().splitlines()) == 21


def test_an_id_is_no_formula_in_a_spreadsheet(home):
    raw = {name: values[:4] for name, values in history().items() if name != "defaulted"}
    raw["loan_no"] = ["=cmd|calc", "@SUM(1)", "-12", "L-4"]
    run("score", "--model", home / "m", "--data", write_csv(home / "odd.csv", raw),
        "--out", home / "odd-scored.csv")  # fmt: skip
    with (home / "odd-scored.csv").open(newline="", encoding="utf-8") as file:
        ids = [row["id"] for row in csv.DictReader(file)]
    assert ids == ["'=cmd|calc", "'@SUM(1)", "-12", "L-4"]


def test_a_tampered_model_is_refused_by_every_command(home, tmp_path):
    bad = tmp_path / "bad"
    bad.mkdir()
    for name in ("model.json", "model.sig"):
        (bad / name).write_bytes((home / "m" / name).read_bytes())
    text = (bad / "model.json").read_text()
    (bad / "model.json").write_text(text.replace('"slope":', '"slope": ', 1))
    for command in (
        ["evaluate", "--report", tmp_path / "r.html", "--json", tmp_path / "r.json"],
        ["score", "--out", tmp_path / "s.csv"],
        ["monitor"],
    ):
        name, *rest = command
        out = run(name, "--model", bad, "--data", home / "loans.csv", *rest, code=1)
        assert "it was changed" in out
    assert {path.name for path in tmp_path.iterdir()} == {"bad"}


@pytest.fixture(scope="module")
def people(home):
    """Five officers of the installation, each with a key."""
    keys = {}
    for name, roles in {
        "zhao": ["author"], "qian": ["validator"], "sun": ["proposer"], "li": ["approver"],
        "wang": ["risk"],
    }.items():  # fmt: skip
        keys[name] = home / "people" / f"{name}.pem"
        role = [part for r in roles for part in ("--role", r)]
        run("registry", "enrol", "--id", name, "--name", name, *role, "--key-out", keys[name])
    return keys


def said_id(said: str) -> str:
    found = re.search(r"proposed as ([0-9a-f]{12})", said)
    assert found
    return found[1]


@pytest.fixture(scope="module")
def report(home):
    path = home / "report.json"
    run("evaluate", "--model", home / "m", "--data", home / "loans.csv", "--report",
        home / "report.html", "--json", path)  # fmt: skip
    return path


def test_from_training_to_a_decision_by_four_people(home, people, report):
    model = digest((home / "said").read_text())[:12]
    registry = ("registry",)
    run(*registry, "register", "--model", home / "m", "--as", people["zhao"])
    told = report.read_bytes()
    report.write_bytes(told.replace(b'"rows": ', b'"rows": 1'))
    assert "it was changed" in run(*registry, "validate", model, "--report", report, "--as",
                                   people["qian"], code=1)  # fmt: skip
    report.write_bytes(told)
    out = run(*registry, "validate", model, "--report", report, "--as", people["qian"])
    findings = [line.removeprefix("open: ") for line in out.splitlines() if "open: " in line]
    if findings:
        named = [part for finding in findings for part in ("--finding", finding)]
        run(*registry, "waive", model, *named, "--reason", "seen", "--as", people["wang"])
    proposal = said_id(run(*registry, "propose", model, "champion", "--as", people["sun"]))
    assert "no officer" in run(*registry, "approve", model, proposal, "--as",
                               home / "state" / "keys" / "token_signing.pem", code=1)  # fmt: skip
    assert "champion" in run(*registry, "approve", model, proposal, "--as", people["li"])
    policy = said_id(run(*registry, "propose-policy", SHIPPED / "example_jinan.toml", "--as",
                         people["sun"]))  # fmt: skip
    run(*registry, "approve-policy", policy, "--as", people["li"])
    listed = run(*registry, "list")
    assert model in listed
    assert "example/working-capital/1" in listed
    decide_log_replay_verify(home)


def decide_log_replay_verify(home):
    """By what stands alone: the same key gives the same entry, and the log holds."""
    fields = {name: values[3] for name, values in history().items()}
    asked = home / "application.json"
    asked.write_bytes(orjson.dumps(fields))
    decide = ("decide", "--bank", "example", "--product", "working-capital", "--application",
              asked, "--id", "app-1", "--idempotency-key", "k-1")  # fmt: skip
    told = orjson.loads(run(*decide))
    assert told["outcome"] in ("approve", "refer", "decline")
    assert told["policy"] == "example/working-capital/1"
    assert orjson.loads(run(*decide)) == told
    assert "1 the same, 0 different" in run("replay", "--bank", "example")
    head = run("verify", "--bank", "example").strip()
    assert head == f"1:{told['entry_hash']}"
    assert head in run("verify", "--bank", "example", "--head", head)
    assert "no policy of other for" in run("decide", "--bank", "other", *decide[3:], code=1)
    asked.write_text("[1]")
    assert "no JSON object" in run(*decide, code=1)


def test_monitor_recalibrates_and_registers(home, people):
    out = RUN.invoke(app, ["monitor", "--model", str(home / "m"), "--data",
        str(home / "loans.csv"), "--json", str(home / "mon.json"), "--recalibrate",
        str(home / "m2"), "--register", str(people["zhao"])])  # fmt: skip
    watched = orjson.loads((home / "mon.json").read_bytes())
    assert out.exit_code == (2 if watched["alarm"] == "red" else 0), out.output
    place = Home(home / "state" / "credit", [])
    standing = place.registry.book().models[digest(out.output)]
    assert standing.state is State.DRAFT
    assert standing.author == "zhao"
    assert standing.parent == digest((home / "said").read_text())
    run("score", "--model", home / "m2", "--data", home / "loans.csv", "--out", home / "s2.csv")


def test_the_recorded_command_alone_makes_the_same_bytes(home, tmp_path, monkeypatch):
    """With every option: nothing that shaped the model is left out of its command."""
    raw = {name: values[1:800:2] for name, values in history().items() if name != "defaulted"}
    raw["applied_on"] = ["2022-03-01"] * 400
    write_csv(home / "declined.csv", raw)
    monkeypatch.chdir(home)
    run("train", "--spec", "jinan", "--data", "loans.csv", "--through", 2023, "--seed", 3,
        "--also", "legal_form", "--also", "district", "--accept-suspect", "tax_grade",
        "--base-rate", 0.05, "--rejects", "declined.csv", "--reject-odds", 2.0,
        "--as-of", "2024-06-30", "--out", tmp_path / "one")  # fmt: skip
    first = (tmp_path / "one" / "model.json").read_bytes()
    command = orjson.loads(first)["training"]["command"]
    run(*shlex.split(command)[2:], "--out", tmp_path / "two")
    assert (tmp_path / "two" / "model.json").read_bytes() == first
    card = (tmp_path / "two" / "model_card.md").read_text()
    for told in ("400", "tax_grade", "legal_form, district", "0.05"):
        assert told in card


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--spec", "nothing"], "no spec named 'nothing'"),
        (["--spec", "jinan", "--also", "true_prob"], "column true_prob"),
        (["--spec", "jinan", "--also", "days_past_due_max"], "column days_past_due_max"),
        (["--spec", "jinan", "--through", "1990"], "no row up to 1990"),
        (["--spec", "sba"], "missing column"),
        (["--spec", "jinan", "--base-rate", "1.5"], "between 0 and 1"),
    ],
)
def test_training_refusals_write_nothing(home, args, message):
    out = run("train", *args, "--data", home / "loans.csv", "--out", home / "no", code=1)
    assert message in out.replace("\n", " ")
    assert not (home / "no").exists()


def test_term_is_refused_by_name_on_the_command_line(tmp_path):
    path = shared("sba_loans_to_fy2004.csv.xz")
    out = run("train", "--spec", "sba", "--data", path, "--out", tmp_path / "m",
              "--also", "term", code=1)  # fmt: skip
    assert "column term" in out
    assert not (tmp_path / "m").exists()


def test_reject_inference_takes_the_declined_in(home):
    raw = {name: values[1:800:2] for name, values in history().items() if name != "defaulted"}
    raw["applied_on"] = ["2022-03-01"] * 400
    run("train", "--spec", "jinan", "--data", home / "loans.csv", "--through", 2023,
        "--out", home / "r", "--rejects", write_csv(home / "declined.csv", raw))  # fmt: skip
    before = orjson.loads((home / "m" / "model.json").read_bytes())["training"]
    after = orjson.loads((home / "r" / "model.json").read_bytes())["training"]
    assert after["rows"] == before["rows"] + 400
    assert after["rejects_sha256"]
    assert before["rejects_sha256"] is None
