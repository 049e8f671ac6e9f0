"""Builds the playground's bundle: packages from npm, pinned by `package-lock.json`, and esbuild.

No system Node and no content network is needed. Where Node is here for this build alone, so are
the packages.
"""

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bff.playground.node import Node, NodeError, node

FOLDER = Path(__file__).parent
MANIFEST = "manifest.json"
_STAMP = "inputs.sha256"
_BARE_CODES = ("code ", "errno ", "syscall ")
_NPM_TIMEOUT_S = 600
_BUNDLER_TIMEOUT_S = 120


class PlaygroundBuildError(Exception):
    """The bundle could not be built; the message is one line that says why."""


def build(force: bool = False, folder: Path = FOLDER) -> bool:
    """Make `static/` match the lock file and the sources; returns whether anything was built.

    Repeat-safe and safe to run from several processes at once: one builds, the others wait, and
    the finished bundle replaces the old one by renaming. An up-to-date bundle costs one hash.

    Raises:
        PlaygroundBuildError: npm or the bundler failed.
    """
    stamp = _inputs_hash(folder)
    if not force and _is_built(folder, stamp):
        return False
    with _build_lock(folder):
        if not force and _is_built(folder, stamp):
            return False
        try:
            with node() as found:
                _install_packages(found, folder, force)
                _bundle(found, folder, stamp)
        except (NodeError, subprocess.TimeoutExpired) as error:
            raise PlaygroundBuildError(f"playground: {error}") from None
        if found.is_passing:
            shutil.rmtree(folder / "node_modules")
    return True


def _inputs_hash(folder: Path) -> str:
    inputs = [
        folder / "package.json",
        folder / "package-lock.json",
        folder / "build.mjs",
        *sorted((folder / "src").iterdir()),
    ]
    digest = hashlib.sha256()
    for path in inputs:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _is_built(folder: Path, stamp: str) -> bool:
    return _reads(folder / "static" / _STAMP, stamp)


def _reads(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text() == text


@contextmanager
def _build_lock(folder: Path) -> Iterator[None]:
    cache = folder / ".cache"
    cache.mkdir(exist_ok=True)
    with (cache / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install_packages(found: Node, folder: Path, force: bool) -> None:
    """`npm ci`, unless `node_modules/` already is what the lock file says."""
    lock_hash = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    installed = folder / "node_modules" / _STAMP
    if not force and _reads(installed, lock_hash):
        return
    _check(
        "npm ci",
        found.npm(["ci", "--loglevel=error"], folder, _NPM_TIMEOUT_S),
    )
    installed.write_text(lock_hash)


def _bundle(found: Node, folder: Path, stamp: str) -> None:
    fresh, static = folder / ".cache" / "static", folder / "static"
    shutil.rmtree(fresh, ignore_errors=True)
    _check(
        "bundling",
        found.node(["build.mjs", str(fresh)], folder, _BUNDLER_TIMEOUT_S),
    )
    (fresh / _STAMP).write_text(stamp)
    shutil.rmtree(static, ignore_errors=True)
    fresh.rename(static)


def _check(step: str, process: subprocess.CompletedProcess[str]) -> None:
    if process.returncode == 0:
        return
    output = f"{process.stderr}\n{process.stdout}"
    raise PlaygroundBuildError(f"playground: {step} failed: {_reason(output)}")


def _reason(output: str) -> str:
    """The line of a tool's output that names the fault.

    npm puts bare codes first (`npm error code EINTEGRITY`) and the sentence after them.
    """
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("npm error").strip() for line in lines if "error" in line.lower()]
    sentences = [line for line in errors if line and not line.startswith(_BARE_CODES)]
    return next(iter(sentences or lines), "it printed nothing")
