"""The embedded server starts from whatever a kill left behind, and never takes what is not its."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import psutil
import pytest

from core.database import CONNECTION_LOST
from core.errors import HeldError, StartError
from core.processes.embedded import DatabaseUrls, EmbeddedPostgres, database, database_urls
from core.processes.server_user import server_user
from core.settings import Settings


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    """A folder others may pass through; pytest keeps closing its own."""
    folder = Path(tempfile.mkdtemp(prefix="quancheng-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def template(root: Path) -> Path:
    """A data folder with a cluster in it, stopped."""
    server = EmbeddedPostgres(root / "template", durable=False)
    server.start()
    server.stop()
    return root / "template"


@pytest.fixture
def data_dir(root: Path, template: Path) -> Path:
    copy = root / f"data-{len(list(root.iterdir()))}"
    subprocess.run(["cp", "-a", template, copy], check=True)
    return copy


def query(url: str, sql: str) -> object:
    async def ask() -> object:
        connection = await asyncpg.connect(url, timeout=5)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close(timeout=5)

    return asyncio.run(ask())


def servers_of(data_dir: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() == "postgres" and process.cwd() == str(data_dir / "postgres"):
                found.append(process)
        except psutil.Error:
            continue
    return found


def wait_until(holds: Callable[[], bool], timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_roles_have_what_is_theirs_and_no_more(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, durable=False) as urls:
        assert query(urls.app, "SELECT current_user") == "quancheng_app"
        assert query(urls.owner, "SELECT current_user") == "quancheng_owner"
        query(urls.owner, "CREATE TABLE thing (id int)")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            query(urls.app, "SELECT count(*) FROM thing")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            query(urls.app, "CREATE TABLE mine (id int)")
        for url in (urls.app, urls.owner):
            sql = "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
            assert query(url, sql) is False
        assert query(urls.admin, "SELECT rolsuper FROM pg_roles WHERE oid = 10") is True


def test_settings_of_a_durable_and_a_throwaway_server(data_dir: Path) -> None:
    for durable in (True, False):
        with EmbeddedPostgres(data_dir, durable=durable) as urls:
            assert query(urls.app, "SHOW fsync") == ("on" if durable else "off")
            assert query(urls.app, "SHOW synchronous_commit") == "on"
            assert query(urls.app, "SHOW listen_addresses") == ""
            assert query(urls.app, "SHOW timezone") == "UTC"


def test_data_outlives_a_restart_and_stop_leaves_no_process(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, durable=False)
    urls = server.start()
    query(urls.owner, "CREATE TABLE kept AS SELECT 42 AS id")
    assert server.start() == urls, "a second start changes nothing"
    server.stop()
    server.stop()
    assert servers_of(data_dir) == []
    with server as urls:
        assert query(urls.owner, "SELECT id FROM kept") == 42


def test_a_folder_in_use_is_refused_and_its_server_untouched(data_dir: Path) -> None:
    first, second = (EmbeddedPostgres(data_dir, durable=False) for _ in range(2))
    first.start()
    try:
        with pytest.raises(HeldError, match=f"process {os.getpid()}"):
            second.start()
        second.stop()
        assert first.is_running
    finally:
        first.stop()


def test_start_after_the_postmaster_was_killed_under_load(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, durable=False)
    urls = server.start()
    query(urls.owner, "CREATE TABLE kept AS SELECT 42 AS id")
    endless = "SELECT count(*) FROM generate_series(1, 1000000000)"
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(query, urls.owner, endless)
        while not query(urls.admin, "SELECT 1 FROM pg_stat_activity WHERE query ~ 'e_series.1'"):
            assert not busy.done()
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: not server.is_running)
        try:
            assert server.start() == urls
            assert query(urls.owner, "SELECT id FROM kept") == 42
            assert isinstance(busy.exception(5), CONNECTION_LOST)
        finally:
            server.stop()
    assert servers_of(data_dir) == []


def test_a_pid_file_that_names_a_stranger_does_not_keep_it_from_starting(
    data_dir: Path,
) -> None:
    owner = server_user(data_dir / "postgres")
    stranger = subprocess.Popen(["sleep", "60"], **owner.as_popen_options())
    try:
        names = ("postmaster.pid", ".s.PGSQL.5432.lock")
        with EmbeddedPostgres(data_dir, durable=False):
            texts = [(data_dir / "postgres" / name).read_text() for name in names]
        for name, text in zip(names, texts, strict=True):
            stale = data_dir / "postgres" / name
            stale.write_text(f"{stranger.pid}\n{text.partition(chr(10))[2]}")
            os.chown(stale, owner.uid, owner.gid)
        with EmbeddedPostgres(data_dir, durable=False) as urls:
            assert query(urls.app, "SELECT 1") == 1
        assert stranger.poll() is None, "the stranger is not ours to end"
    finally:
        stranger.kill()
        stranger.wait()


def test_a_pid_file_cut_off_by_a_kill_is_overcome(data_dir: Path) -> None:
    (data_dir / "postgres" / "postmaster.pid").touch()
    with EmbeddedPostgres(data_dir, durable=False) as urls:
        assert query(urls.app, "SELECT 1") == 1


def test_a_server_that_outlived_its_parent_is_replaced(data_dir: Path) -> None:
    server = EmbeddedPostgres(data_dir, durable=False)
    server.start()
    leftover = psutil.Process(server.pid)
    server._lock.release()  # as the kernel does when the parent is killed
    with EmbeddedPostgres(data_dir, durable=False) as urls:
        assert not leftover.is_running() or leftover.status() == psutil.STATUS_ZOMBIE
        assert query(urls.app, "SELECT 1") == 1
    server.stop()


def test_the_server_dies_with_a_killed_parent(data_dir: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path\n"
        "from core.processes.embedded import EmbeddedPostgres\n"
        "print(EmbeddedPostgres(Path(sys.argv[1])).start(), flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, data_dir], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    assert b"quancheng_app" in parent.stdout.readline()
    assert servers_of(data_dir)
    parent.kill()
    parent.communicate()
    wait_until(lambda: servers_of(data_dir) == [])


def test_a_half_made_cluster_is_made_again(root: Path) -> None:
    data_dir = root / "half"
    (data_dir / "postgres.new" / "base").mkdir(parents=True)
    (data_dir / "postgres.new" / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(data_dir, durable=False) as urls:
        assert query(urls.app, "SELECT 1") == 1
    assert not (data_dir / "postgres.new").exists()


@pytest.mark.parametrize("name", ['a b "c" d', "x,y", "济南/" + "long-" * 24 + "path"])
def test_any_path_will_do(root: Path, template: Path, name: str) -> None:
    data_dir = root / name
    data_dir.parent.mkdir(exist_ok=True)
    data_dir.parent.chmod(0o755)
    subprocess.run(["cp", "-a", template, data_dir], check=True)
    with EmbeddedPostgres(data_dir, durable=False) as urls:
        assert query(urls.app, "SELECT current_database()") == "quancheng"
        assert urls == database_urls(data_dir)


def test_a_folder_that_is_no_cluster_is_refused_and_kept(root: Path) -> None:
    stranger = root / "foreign" / "postgres"
    stranger.mkdir(parents=True)
    (stranger / "letter").write_text("mine")
    with pytest.raises(StartError, match="not a database folder"):
        EmbeddedPostgres(root / "foreign", durable=False).start()
    assert (stranger / "letter").read_text() == "mine"
    assert servers_of(root / "foreign") == []


def test_a_server_that_cannot_start_says_why(data_dir: Path) -> None:
    (data_dir / "postgres" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(StartError, match=r"FATAL:.*log: .*postgres\.log"):
        EmbeddedPostgres(data_dir, durable=False).start()


def test_a_command_shares_the_running_server_or_runs_its_own(data_dir: Path) -> None:
    settings = Settings(data_dir=data_dir, database_url=None)
    with EmbeddedPostgres(data_dir) as urls:
        with database(settings) as ready:
            assert _works(ready, urls)
        assert query(urls.app, "SELECT 1") == 1, "it was not ours to stop"
    with database(settings) as ready:
        assert _works(ready, urls)
    assert servers_of(data_dir) == []
    production = Settings(data_dir=data_dir, environment="production")
    with pytest.raises(StartError, match="DATABASE_URL"), database(production):
        pass


def _works(ready: Settings, urls: DatabaseUrls) -> bool:
    assert (ready.database_url, ready.owner_url) == (urls.app, urls.owner)
    return query(urls.app, "SELECT 1") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_an_ordinary_user_runs_it_as_himself(root: Path) -> None:
    data_dir = root / "ordinary"
    data_dir.mkdir()
    nobody = 65534
    os.chown(data_dir, nobody, nobody)
    child = os.fork()  # a new interpreter might stand where that user cannot read
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(nobody)
            os.setuid(nobody)
            with EmbeddedPostgres(data_dir, durable=False) as urls:
                os._exit(0 if query(urls.app, "SELECT 1") == 1 else 1)
        finally:
            os._exit(2)
    _, status = os.waitpid(child, 0)
    wait_until(lambda: servers_of(data_dir) == [])
    assert os.waitstatus_to_exitcode(status) == 0
    assert (data_dir / "postgres").stat().st_uid == nobody
    with EmbeddedPostgres(data_dir, durable=False) as urls:  # root keeps the folder's owner
        assert query(urls.app, "SELECT 1") == 1
    assert (data_dir / "postgres" / "PG_VERSION").stat().st_uid == nobody
