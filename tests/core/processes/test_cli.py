"""The command line: quick help, commands of the wings, refusals in one line, no secret shown."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from core.manifest import discover
from tests.core.processes.commands import ROOT, Quancheng, environment


def test_help_lists_every_command_and_imports_nothing_heavy() -> None:
    code = "import sys; from core.processes.cli import app; app(['--help'], standalone_mode=False)"
    heavy = ("strawberry", "tortoise", "asyncpg", "aiohttp", "pandas", "xgboost", "granian")
    told = subprocess.run(
        [sys.executable, "-c", f"{code}; print([m for m in {heavy} if m in sys.modules])"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert told.stdout.endswith("[]\n"), told.stdout + told.stderr
    said = _started("--help").stdout
    for command in ("up", "api", "worker", "sandbox", "migrate", "seed", "jobs", "settings"):
        assert f"│ {command} " in said
    jobs = _started("jobs", "--help").stdout
    assert "│ list " in jobs and "│ rerun " in jobs


def _started(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command from nothing, as an operator starts it."""
    return subprocess.run(
        [sys.executable, "-m", "core.processes.cli", *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_wing_s_command_is_listed_by_its_docstring_and_imported_only_to_run(
    tmp_path: Path,
) -> None:
    (tmp_path / "wing").mkdir()
    (tmp_path / "wing/__init__.py").write_text("")
    (tmp_path / "wing/planted.py").write_text(
        textwrap.dedent('''
            """Greets the city."""
            import typer
            app = typer.Typer()
            print("imported")
            @app.callback()
            def greeting() -> None: ...
            @app.command()
            def hello(name: str) -> None:
                print(f"hello {name}")
        ''').lstrip()
    )
    (tmp_path / "run.py").write_text(
        textwrap.dedent("""
            import core.processes.cli
            from core.manifest import Manifest
            manifest = Manifest("x", package="wing", commands={"greet": "planted"})
            core.processes.cli.discover = lambda: (manifest,)
            core.processes.cli.main()
        """)
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, tmp_path / "run.py", *arguments],
            env={"PYTHONPATH": f"{ROOT}:{tmp_path}", "COLUMNS": "200"},
            capture_output=True,
            text=True,
        )

    help_text = run("--help").stdout
    assert "greet" in help_text and "Greets the city." in help_text
    assert "imported" not in help_text
    assert run("greet", "hello", "Jinan").stdout == "imported\nhello Jinan\n"
    assert run("greet", "--help").stdout.count("hello") == 1
    unknown = run("grete")
    assert unknown.returncode == 2
    assert "No such command" in unknown.stderr


@pytest.mark.parametrize(
    ("manifest", "command", "line"),
    [
        ('rooms=("nowhere",)', "migrate --check-drift", "there is no planted.nowhere"),
        ('commands={"greet": "hello"}', "--help", "there is no planted.hello"),
        ('migrations="moves", rooms=("models",)', "migrate --write", "there is no planted.moves"),
    ],
    ids=["room", "command", "migrations"],
)
def test_a_manifest_that_names_what_is_not_there_is_refused_in_one_line(
    tmp_path: Path, manifest: str, command: str, line: str
) -> None:
    (tmp_path / "planted").mkdir()
    for name in ("__init__", "models"):
        (tmp_path / f"planted/{name}.py").write_text("")
    (tmp_path / "planted/module.py").write_text(
        f"from core.manifest import Manifest\nMANIFEST = Manifest('planted', {manifest})"
    )
    code = "import core.manifest as m; m.WINGS += ('planted',); import core.processes.cli as c"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; c.main()", *command.split()],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{tmp_path}"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (1, f"quancheng: planted.module: {line}\n")


WRONG = [
    ({"DATABASE_URL": "mysql://app:geheim@db/city"}, ["DATABASE_URL", "postgresql://"]),
    ({"PORT": "70000"}, ["PORT"]),
    ({"QUANCHENG_ENV": "staging"}, ["QUANCHENG_ENV"]),
    ({"PORT": "x", "SANDBOX_PORT": "y"}, ["PORT", "SANDBOX_PORT"]),
]
"""Variables, and what the refusal names. All commands read them by one function."""


@pytest.mark.parametrize(
    ("command", "variables", "words"),
    [
        *(("up", *wrong) for wrong in WRONG),
        *((name, *WRONG[0]) for name in ("api", "worker", "sandbox", "migrate", "seed")),
    ],
)
def test_wrong_settings_are_refused_in_one_line(
    quancheng: Quancheng, tmp_path: Path, command: str, variables: dict[str, str], words: list[str]
) -> None:
    done = quancheng(command, **variables, DATA_DIR=str(tmp_path / "data"))
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("quancheng: settings: ")
    assert all(word in line for word in words)
    assert "geheim" not in line
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("up", "production refuses to start: DATABASE_URL is unset"),
        ("api", "production refuses to start: DATABASE_URL is unset"),
        ("worker", "production refuses to start: DATABASE_URL is unset"),
        ("sandbox", "production does not run the sandbox city"),
        ("seed", "production is not seeded"),
        ("migrate", "DATABASE_URL is unset"),
        ("jobs list", "DATABASE_URL is unset"),
    ],
)
def test_production_refuses_what_is_the_sandbox_s(
    quancheng: Quancheng, tmp_path: Path, command: str, words: str
) -> None:
    variables = {"QUANCHENG_ENV": "production", "DATA_DIR": str(tmp_path / "data")}
    done = quancheng(*command.split(), **variables)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"quancheng: {words}")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", ["up", "up --at 2028-02-29", "worker", "seed", "migrate"])
def test_production_runs_at_no_other_time(
    quancheng: Quancheng, tmp_path: Path, command: str
) -> None:
    variables = {"QUANCHENG_ENV": "production", "DATA_DIR": str(tmp_path / "data")}
    if "--at" not in command:
        variables["CLOCK_OFFSET_S"] = "-3600"
    done = quancheng(*command.split(), **variables)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith("quancheng: settings: CLOCK_OFFSET_S: ")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", ["api", "worker", "migrate", "seed", "jobs list"])
def test_an_unreachable_database_is_refused_in_one_line(
    quancheng: Quancheng, tmp_path: Path, command: str
) -> None:
    url = "postgresql://app:geheim@127.0.0.1:1/city"
    data_dir = str(tmp_path / "data")
    done = quancheng(
        *command.split(), DATABASE_URL=url, DATA_DIR=data_dir, PORT="9871", METRICS_PORT="0"
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert "DATABASE_URL (postgresql://app:***@127.0.0.1:1/city) does not answer: " in line


@pytest.mark.parametrize(
    "command", ["api", "worker", "seed", "jobs list", "notifications show", "keys status"]
)
def test_a_folder_without_a_database_is_refused_and_stays_as_it_was(
    quancheng: Quancheng, tmp_path: Path, command: str
) -> None:
    wrong = tmp_path / "mistyped"
    done = quancheng(*command.split(), DATA_DIR=str(wrong), PORT="9871", METRICS_PORT="0")
    assert (done.returncode, done.stderr.splitlines()) == (
        1,
        [
            f"quancheng: there is no database in {wrong} (DATA_DIR): "
            "run `quancheng up` or `quancheng migrate`"
        ],
    )
    assert not wrong.exists()


@pytest.mark.parametrize("file", ["", "missing.json"])
def test_a_file_that_cannot_be_used_is_refused_in_one_line(
    quancheng: Quancheng, tmp_path: Path, file: str
) -> None:
    done = quancheng("documents", "ship", "ios-9.9.9", "--manifest", str(tmp_path / file))
    reason = "No such file or directory" if file else "Is a directory"
    assert done.returncode == 1
    assert done.stderr.splitlines() == [f"quancheng: {tmp_path / file}: {reason}"]


@pytest.mark.parametrize("table", ["balances", "statement psp:wechatpay", "bank"])
def test_days_the_wrong_way_round_are_refused_in_one_line(quancheng: Quancheng, table: str) -> None:
    days = ("--from", "2026-11-29", "--to", "2026-11-01")
    done = quancheng("books", *table.split(), *days)
    assert (done.returncode, done.stderr.splitlines()) == (
        1,
        ["quancheng: --to 2026-11-01 lies before --from 2026-11-29"],
    )


def test_a_data_folder_that_is_a_file_is_refused_in_one_line(
    quancheng: Quancheng, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    done = quancheng("migrate", DATA_DIR=str(tmp_path / "file"))
    assert (done.returncode, done.stderr.splitlines()) == (
        1,
        [f"quancheng: cannot write to {tmp_path / 'file'}: it is no folder"],
    )


def test_a_refused_setting_is_told_in_our_words(quancheng: Quancheng) -> None:
    done = quancheng("jobs", "list", DATABASE_URL="nonsense")
    assert done.stderr.splitlines() == [
        "quancheng: settings: DATABASE_URL: must be a postgresql:// address"
    ]


def test_no_command_offers_a_completion_that_does_not_work(quancheng: Quancheng) -> None:
    for manifest in discover():
        for command in manifest.commands:
            said = quancheng(command, "--help").stdout
            assert "Usage: quancheng " in said and "completion" not in said, command


def test_settings_are_shown_without_passwords(quancheng: Quancheng) -> None:
    url = "postgresql://app:geheim@127.0.0.1:1/city"
    done = quancheng("settings", DATABASE_URL=url, PORT="8123")
    assert done.returncode == 0
    assert "postgresql://app:***@127.0.0.1:1/city" in done.stdout
    assert "8123" in done.stdout
    assert "geheim" not in done.stdout


def test_the_settings_page_is_what_the_code_says(quancheng: Quancheng) -> None:
    table = quancheng("settings", "--markdown").stdout
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert table in page
