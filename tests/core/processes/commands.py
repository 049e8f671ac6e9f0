"""Runs our commands as `python -m core.processes.cli` would, each as a process of its own.

Each is a fork of one process that has the code in memory already: to load it takes most of the time
that a command takes which refuses.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ENDS_WITHIN_S = 60

LOADED = f"""
import gc, json, os, signal, sys
import core.processes.cli, core.processes.embedded, core.processes.migrate, core.processes.open_app
from core.manifest import discover, load
from core.rooms import models_of

for manifest in discover():
    for room in models_of(manifest):
        __import__(room)
gc.freeze()
for line in sys.stdin:
    arguments, variables, folder = json.loads(line)
    if (child := os.fork()) == 0:
        signal.alarm({ENDS_WITHIN_S})
        os.environ.clear()
        os.environ.update(variables)
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            os.dup2(os.open(f"{{folder}}/{{name}}", os.O_RDWR | os.O_CREAT), number)
        sys.argv = ["quancheng", *arguments]
        try:
            core.processes.cli.main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        sys.stdout.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Quancheng:
    """`quancheng("jobs", "list", PORT="8000")`: runs a command to its end, in these variables."""

    def __init__(self, loaded: subprocess.Popen[str]) -> None:
        self._loaded = loaded

    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        assert self._loaded.stdin is not None and self._loaded.stdout is not None
        with tempfile.TemporaryDirectory() as folder:
            command = json.dumps((arguments, environment() | variables, folder))
            self._loaded.stdin.write(command + "\n")
            self._loaded.stdin.flush()
            code = int(self._loaded.stdout.readline())
            output, errors = ((Path(folder) / name).read_text() for name in ("stdout", "stderr"))
        return subprocess.CompletedProcess(arguments, code, output, errors)


@contextmanager
def loaded_quancheng() -> Iterator[Quancheng]:
    """The command line, loaded once."""
    with subprocess.Popen(
        [sys.executable, "-c", LOADED],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as loaded:
        yield Quancheng(loaded)  # who reads to the end of its input ends


def environment() -> dict[str, str]:
    """Of a command: nothing of this process's own."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
