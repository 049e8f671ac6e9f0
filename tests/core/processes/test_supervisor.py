"""`up` over stand-ins and a real database: starts whole, refuses in a line, leaves nothing."""

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from core.processes.embedded import DatabaseUrls, EmbeddedPostgres
from tests.machine import in_time
from tests.sandbox.serving import free_ports

STANDIN = Path(__file__).with_name("standin.py")


@dataclass
class Up:
    """One `up` in its own process, its output in a file."""

    data_dir: Path
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        port = free_ports(12)
        self.port = port
        self.output = self.data_dir.with_suffix(".output")
        self.variables = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[3]),
            "DATA_DIR": str(self.data_dir),
            "PORT": str(port),
            "SANDBOX_PORT": str(port + 3),
            "METRICS_PORT": str(port + 4),
        } | self.variables

    def start(self) -> "Up":
        shutil.rmtree(self.data_dir / "seen", ignore_errors=True)
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, STANDIN, "up"],
                env=self.variables,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # a test run under nohup would pass its ignored SIGHUP on
                preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
            )
        return self

    def until_ready(self) -> "Up":
        whole = "Ctrl-C stops everything."  # the last of what a start says
        wait_until(lambda: whole in self.said or self.process.poll() is not None, 60)
        assert self.process.poll() is None, self.said
        return self

    def until_end(self) -> int:
        return self.process.wait(40)

    @property
    def said(self) -> str:
        return self.output.read_text()

    def pids(self, name: str) -> set[int]:
        """Every process id that a stand-in of this name has had since the start."""
        return {int(path.suffix[1:]) for path in (self.data_dir / "seen").glob(f"{name}.*")}

    def living(self) -> list[str]:
        """Everything that runs on this data folder."""
        found = []
        for process in psutil.process_iter():
            try:
                seen = process.environ().get("DATA_DIR") == str(self.data_dir)
                serves = process.cwd() == str(self.data_dir / "postgres")
                if (seen or serves) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(f"{process.pid} {process.name()} {process.cmdline()}")
            except psutil.Error:
                continue
        return found


def wait_until(holds: Callable[[], bool], timeout_s: float = 15) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="quancheng-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def urls(root: Path) -> Iterator[DatabaseUrls]:
    with EmbeddedPostgres(root / "server", durable=False) as urls:
        yield urls


@pytest.fixture
def up(root: Path, urls: DatabaseUrls, request: pytest.FixtureRequest) -> Iterator[Up]:
    """An `up` on a database that stands already; ended at the end of the test."""
    started = Up(
        root / request.node.name,
        {"DATABASE_URL": urls.app, "DATABASE_OWNER_URL": urls.owner},
    )
    yield started
    _end(started)


@pytest.fixture(scope="module")
def house(root: Path) -> Iterator[Up]:
    """An `up` with an embedded database, on one data folder for the whole module."""
    started = Up(root / "house")
    yield started
    _end(started)


def _end(up: Up) -> None:
    if hasattr(up, "process") and up.process.poll() is None:
        up.process.kill()
        up.process.wait()
    wait_until(lambda: not up.living())


def test_the_first_start_tells_everything_and_ctrl_c_leaves_nothing(house: Up) -> None:
    house.start().until_ready()
    said = house.said
    for step in ("database", "migrate", "seed", "processes"):
        assert f"✓ {step}" in said
    wait_until(lambda: "Ctrl-C stops everything" in house.said)
    assert f"http://127.0.0.1:{house.port}/graphql" in said
    assert "测试甲" in house.said and "13800000000" in house.said
    assert "requestLoginCode" in house.said
    os.killpg(house.process.pid, signal.SIGINT)  # as a terminal does
    assert house.until_end() == 0, house.said
    assert house.living() == []


def test_the_second_start_is_quick_and_a_second_instance_is_refused(house: Up) -> None:
    started_s = time.monotonic()
    house.start().until_ready()
    assert in_time(time.monotonic() - started_s, 10)
    second = Up(house.data_dir, {"DATA_DIR": str(house.data_dir)})
    second.output = house.data_dir.with_suffix(".second")
    assert second.start().until_end() == 1
    assert second.said.splitlines() == [
        f"quancheng: {house.data_dir} is in use by a running instance (process "
        f"{house.process.pid}): stop it or choose another DATA_DIR"
    ]
    assert house.process.poll() is None
    house.process.terminate()
    assert house.until_end() == 0


def test_children_and_database_die_with_a_killed_supervisor(house: Up) -> None:
    house.start().until_ready()
    assert len(house.living()) > 4
    house.process.kill()
    house.process.wait()
    wait_until(lambda: not house.living())


def test_a_start_after_the_whole_tree_was_killed(house: Up) -> None:
    house.start().until_ready()
    tree = [house.process.pid, *(p.pid for p in psutil.Process(house.process.pid).children(True))]
    for pid in tree:
        with contextlib.suppress(ProcessLookupError):  # the database's helpers come and go
            os.kill(pid, signal.SIGKILL)
    house.process.wait()
    house.start().until_ready()
    house.process.terminate()
    assert house.until_end() == 0, house.said
    assert house.living() == []


def test_a_killed_process_and_a_killed_database_come_back(house: Up) -> None:
    house.start().until_ready()
    [api] = house.pids("api")
    os.kill(api, signal.SIGKILL)
    wait_until(lambda: "api was killed by SIGKILL; starting it again in 0.2 s" in house.said)
    wait_until(lambda: len(house.pids("api")) == 2)
    postmaster = int((house.data_dir / "postgres" / "postmaster.pid").read_text().split()[0])
    os.kill(postmaster, signal.SIGKILL)
    wait_until(lambda: "the database ended; starting it again" in house.said)
    pid_file = house.data_dir / "postgres" / "postmaster.pid"
    wait_until(lambda: pid_file.exists() and "ready" in pid_file.read_text())
    house.process.send_signal(signal.SIGHUP)
    assert house.until_end() == 0
    assert house.living() == []


@pytest.mark.parametrize("words", ["", "✓ database", "✓ migrate", "✓ seed"])
def test_a_stop_in_the_middle_of_a_start_leaves_nothing(house: Up, words: str) -> None:
    house.start()
    holder = str(house.process.pid)
    wait_until(lambda: words in house.said and (house.data_dir / "lock").read_text() == holder)
    time.sleep(random.uniform(0.02, 0.2))
    house.process.terminate()
    assert house.until_end() == 0, house.said
    assert house.living() == []
    assert "stopping" in house.said


def test_several_processes_each_with_what_is_its_own(up: Up, urls: DatabaseUrls) -> None:
    up.variables |= {"APIS": "2", "WORKERS": "2"}
    up.start().until_ready()
    wait_until(lambda: len(up.pids("worker")) == 2 and len(up.pids("api")) == 2)
    environments = {
        path.name.partition(".")[0]: json.loads(path.read_text())
        for path in (up.data_dir / "seen").iterdir()
    }
    assert environments["migrate"]["DATABASE_OWNER_URL"] == urls.owner
    for name in ("seed", "worker", "api"):
        assert environments[name]["DATABASE_URL"] == urls.app
        assert "DATABASE_OWNER_URL" not in environments[name]
    assert not {"DATABASE_URL", "DATABASE_OWNER_URL"} & set(environments["sandbox"])
    for port in (up.port, up.port + 1):
        with socket.create_connection(("127.0.0.1", port), timeout=2):
            pass
    assert sorted(path.name for path in (up.data_dir / "log").iterdir()) == [
        "api-2.log",
        "api.log",
        "migrate.log",
        "sandbox.log",
        "seed.log",
        "worker-2.log",
        "worker.log",
    ]
    assert not (up.data_dir / "postgres").exists(), "DATABASE_URL replaces the embedded database"


def test_a_child_that_ignores_sigterm_is_killed_on_the_second_signal(up: Up) -> None:
    up.variables["STUBBORN"] = "api"
    up.start().until_ready()
    up.process.terminate()
    wait_until(lambda: "stopping" in up.said)
    time.sleep(0.5)
    assert up.process.poll() is None
    up.process.terminate()
    assert up.process.wait(5) == 0
    assert up.living() == []


@pytest.mark.parametrize("name", ["migrate", "seed", "worker", "api"])
def test_a_child_that_refuses_ends_the_start_in_one_line(up: Up, name: str) -> None:
    up.variables["FAIL"] = f"refuse:{name}"
    assert up.start().until_end() == 1
    assert up.said.splitlines()[-1] == "quancheng: the database is newer than this code"
    assert "Traceback" not in up.said
    assert up.living() == []


def test_a_child_that_crashes_shows_the_end_of_its_log(up: Up) -> None:
    up.variables["FAIL"] = "crash:worker"
    assert up.start().until_end() == 1
    *log, last = up.said.splitlines()
    assert "RuntimeError: planted crash" in log
    log_file = up.data_dir / "log" / "worker.log"
    assert last == f"quancheng: worker exited with code 1; its log is {log_file}"
    assert up.living() == []


@pytest.mark.parametrize("variable", ["PORT", "SANDBOX_PORT", "METRICS_PORT"])
def test_a_port_in_use_is_refused_before_anything_changes(up: Up, variable: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(up.variables[variable])))
        other.listen()
        assert up.start().until_end() == 1
    [line] = up.said.splitlines()
    assert line.startswith(f"quancheng: cannot listen on 127.0.0.1 port {up.variables[variable]}")
    assert line.endswith(f"choose another with {variable}")
    assert not up.data_dir.exists()


@pytest.mark.parametrize("variable", ["SANDBOX_PORT", "METRICS_PORT", "HTTP2_PORT"])
def test_one_port_for_two_is_refused(up: Up, variable: str) -> None:
    up.variables |= {"APIS": "2", variable: str(up.port + 1)}
    assert up.start().until_end() == 1
    assert f"quancheng: port {up.port + 1} is meant for " in up.said
    assert variable in up.said and " PORT" in up.said
    assert not up.data_dir.exists()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://app:geheim@127.0.0.1:1/city",
        "postgresql://nobody:geheim@/quancheng?host={socket}",
    ],
    ids=["nobody-listens", "no-such-role"],
)
def test_an_unusable_database_is_refused_without_its_password(
    up: Up, urls: DatabaseUrls, url: str
) -> None:
    up.variables["DATABASE_URL"] = url.format(socket=urls.app.partition("host=")[2])
    assert up.start().until_end() == 1
    last = up.said.splitlines()[-1]
    assert last.startswith("quancheng: DATABASE_URL (postgresql://")
    assert "does not answer: " in last
    assert "geheim" not in last
    assert not up.data_dir.exists()


def test_a_data_folder_that_cannot_be_written_is_refused(up: Up) -> None:
    up.data_dir.write_text("a file where the folder should be")
    assert up.start().until_end() == 1
    [line] = up.said.splitlines()
    assert line.startswith("quancheng: cannot write to ")


def test_production_refuses_the_sandbox(up: Up) -> None:
    up.variables["QUANCHENG_ENV"] = "production"
    assert up.start().until_end() == 1
    [line] = up.said.splitlines()
    assert line.startswith("quancheng: production refuses to start: ")
    for word in ("KEYS_DIR", "UPSTREAMS_FILE", "https", "TRUSTED_PROXIES"):
        assert word in line
    assert not up.data_dir.exists()


def test_production_with_sandbox_keys_is_refused(root: Path, up: Up) -> None:
    keys = root / "keys-of-the-sandbox"
    keys.mkdir(mode=0o700)
    (keys / "SANDBOX-KEYS").touch(mode=0o600)
    up.variables |= {
        "QUANCHENG_ENV": "production",
        "KEYS_DIR": str(keys),
        "UPSTREAMS_FILE": "upstreams.toml",
        "PUBLIC_URL": "https://city.example",
        "TRUSTED_PROXIES": "1",
    }
    assert up.start().until_end() == 1
    assert up.said.splitlines() == [
        f"quancheng: production refuses to start: {keys} holds sandbox keys"
    ]
