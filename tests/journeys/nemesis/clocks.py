"""Clocks of single processes that are moved while they run; see `clock_step.c`."""

import shutil
import struct
import subprocess
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

PROCESSES = ("api", "worker")


class Clocks:
    """The clocks of a house's APIs and workers; what is drawn from them is what the kernel says.

    Nothing moves where the machine has no C compiler: `can_move` tells.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._library = _library(folder)
        for name in PROCESSES:
            self.step(name, timedelta(0))

    @property
    def can_move(self) -> bool:
        """Whether a clock can be moved on this machine."""
        return self._library is not None

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables of the processes whose clocks are moved."""
        if self._library is None:
            return {}
        return {"LD_PRELOAD": str(self._library), "CLOCK_STEPS": str(self._folder)}

    def step(self, name: str, by: timedelta) -> None:
        """Set the clock of all processes of a kind so far beside the machine's."""
        nanoseconds = round(by.total_seconds() * 1e9)
        path = self._folder / name
        if not path.exists():
            path.write_bytes(struct.pack("q", 0))
        with path.open("r+b") as file:  # in place: the processes have it mapped
            file.write(struct.pack("q", nanoseconds))


def _library(folder: Path) -> Path | None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    library = folder / "clock_step.so"
    source = Path(__file__).with_name("clock_step.c")
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
    made = subprocess.run(command, capture_output=True, text=True)
    return library if made.returncode == 0 else None
