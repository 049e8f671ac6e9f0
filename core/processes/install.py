"""Installs this tree and its locked packages: `python -m core.processes.install [.] LOCK …`.

It runs before anything is installed, so it uses the standard library alone. pip's own output goes
to a file in the environment's folder; a failure shows its last lines.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

_LAST_LINES = 15
_LINE_LENGTH_MAX = 160
_PINNED = re.compile(r"^([\w.-]+)(?:\[.*])?==", re.MULTILINE)
_REACHED = re.compile(r"(?:Collecting|Requirement already satisfied:) ([\w.-]+)")
_PIP = (sys.executable, "-m", "pip", "install", "--no-input", "--disable-pip-version-check")


def install(locks: Sequence[Path], *, this_tree: bool, log: Path, out: TextIO) -> int:
    """Install what the lock files pin, by hash, and then this tree; returns pip's exit code.

    `out` gets a line at the beginning and one at the end; between them what pip tries again, and
    on a terminal how far it is.
    """
    started_s, before_mb = time.monotonic(), _size_mb()
    names = {name for lock in locks for name in _PINNED.findall(lock.read_text("utf-8"))}
    steps = [("--require-hashes", *(f"--requirement={lock}" for lock in locks))]
    if this_tree:
        steps.append(("--no-deps", "--no-build-isolation", "--editable=."))
    out.write(f"installing the packages of {' and '.join(map(str, locks))} (log: {log})\n")
    log.write_bytes(b"")
    for step in steps:
        if code := _run((*_PIP, "--no-color", "--progress-bar=off", *step), log, len(names), out):
            lines = log.read_text("utf-8").splitlines()[-_LAST_LINES:]
            last = (line[:_LINE_LENGTH_MAX] for line in lines)
            out.write("\n".join(["pip failed; its last lines:", *last, ""]))
            return code
    took_s = time.monotonic() - started_s
    out.write(f"installed in {took_s:.0f} s: {before_mb} MB before, {_size_mb()} MB now\n")
    return 0


def _size_mb() -> int:
    """What the environment takes on the disk, in millions of bytes."""
    files = (Path(folder, name) for folder, _, names in os.walk(sys.prefix) for name in names)
    return sum(file.lstat().st_size for file in files) // 1_000_000


def _run(command: Sequence[str], log: Path, total: int, out: TextIO) -> int:
    """Run pip, write down what it says and show where it is; returns its exit code."""
    reached: set[str] = set()
    with (
        log.open("a", encoding="utf-8") as written,
        subprocess.Popen(  # noqa: S603
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            written.write(line)
            if "Retrying" in line:  # the index is out of reach: not to be waited for in silence
                out.write(f"{line.strip()[:_LINE_LENGTH_MAX]}\n")
            elif found := _REACHED.match(line):
                reached.add(found[1].lower().replace("_", "-"))
                _show(f"{len(reached)} of at most {total}: {found[1]}", out)
            elif line.startswith("Installing collected packages"):
                _show("unpacking all of them", out)
            out.flush()
    _show("", out)
    return process.returncode


def _show(text: str, out: TextIO) -> None:
    """The terminal's last line anew."""
    if out.isatty():
        out.write(f"\r\x1b[K{text}")


def main() -> int:
    """Install what the arguments name: lock files, and `.` for this tree."""
    locks = [Path(name) for name in sys.argv[1:] if name != "."]
    log = Path(sys.prefix) / "install.log"
    return install(locks, this_tree="." in sys.argv, log=log, out=sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
