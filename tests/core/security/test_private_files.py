"""Files and folders of a house belong to its user alone, those of an older version too."""

import os
from pathlib import Path

from bff.client.city import CityClient
from core.processes.children import LOG_MAX_BYTES, Child, cut
from core.processes.locks import FolderLock
from core.security.keys import ensure_sandbox_keys
from core.security.private_files import private_file, private_folder
from sandbox.server.state import State


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_what_is_made_and_what_was_open_is_closed(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir(mode=0o755)
    (old / "file").touch(0o644)
    (old / "file").write_text("kept")
    for folder in (old, tmp_path / "new" / "deep"):
        assert mode(private_folder(folder)) == 0o700
        assert mode(private_file(folder / "file")) == 0o600
    assert (old / "file").read_text() == "kept"
    (tmp_path / "lane").mkdir(mode=0o755)
    assert mode(private_folder(tmp_path / "lane", passable=True)) == 0o701


def test_every_kind_of_file_of_a_house_is_private(tmp_path: Path) -> None:
    data = tmp_path / "data"
    before = os.umask(0)
    try:
        lock = FolderLock(data / "lock").acquire()
        ensure_sandbox_keys(data / "keys")
        State(str(data / "sandbox.sqlite3"), schema="", seed=1).close()
        client = CityClient("http://a", "http://b", sessions=data / "sessions")
        client._take("13800138000", {"accessToken": "a", "refreshToken": "b"})
        child = Child("x", ["true"], {}, data / "log" / "x.log")
        child.start()
        assert child.process is not None and child.process.wait() == 0
        lock.release()
    finally:
        os.umask(before)
    found = {path: mode(path) for path in (data, *data.rglob("*"))}
    folders = {path for path in found if path.is_dir()}
    assert len(folders) == 4 and len(found) > 20
    assert {found[path] for path in folders} == {0o700}
    assert {m for path, m in found.items() if path not in folders} == {0o600}


def test_a_log_that_is_still_written_is_cut(tmp_path: Path) -> None:
    log = private_file(tmp_path / "x.log")
    with log.open("ab") as output:
        output.write(b"x" * (LOG_MAX_BYTES + 1))
        output.flush()
        assert cut(log) and not cut(log)
        output.write(b"afterwards")
    assert log.read_bytes() == b"afterwards"
    older = tmp_path / "x.log.1"
    assert (older.stat().st_size, mode(older)) == (LOG_MAX_BYTES + 1, 0o600)
