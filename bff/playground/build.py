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

from bff.playground.node import Node, PlaygroundBuildError, check, node

FOLDER = Path(__file__).parent
MANIFEST = "manifest.json"
_STAMP = "inputs.sha256"
_NPM_TIMEOUT_S = 600
_BUNDLER_TIMEOUT_S = 120


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
        except subprocess.TimeoutExpired as error:
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
    check(
        "npm ci",
        found.npm(["ci", "--loglevel=error"], folder, _NPM_TIMEOUT_S),
    )
    installed.write_text(lock_hash)


def _bundle(found: Node, folder: Path, stamp: str) -> None:
    fresh, static = folder / ".cache" / "static", folder / "static"
    shutil.rmtree(fresh, ignore_errors=True)
    check(
        "bundling",
        found.node(["build.mjs", str(fresh)], folder, _BUNDLER_TIMEOUT_S),
    )
    (fresh / _STAMP).write_text(stamp)
    shutil.rmtree(static, ignore_errors=True)
    fresh.rename(static)
