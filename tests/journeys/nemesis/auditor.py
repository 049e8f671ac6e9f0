"""What must hold whatever went wrong; each rule raises a Violation that names it."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from journeys.nemesis.witness import Seen, Witness

ANSWER_WITHIN_S = 4.5
"""A request's deadline and a second, in which a command gives up; the rest is this machine's."""

NOT_READY_AFTER_S = 3.0
"""How long after the database fell silent readiness may still be told: two heartbeats."""

LOG_BYTES_PER_POINT = 250_000
LINES_DROPPED_MAX = 500
"""A full disk loses fewer; a process drops more only where it writes without end."""

_DROPPED = re.compile(r'"log lines dropped".*?"lines":(\d+)')
REVOKED_WITHIN_S = 2.5
RESTS_WITHIN_S = 60.0
RESTS_BESIDE_A_CLOCK_S = 20.0

Window = tuple[float, float]
"""From when until when, monotonic seconds."""


class Violation(Exception):
    """A rule was broken: `rule` is its name."""

    def __init__(self, rule: str, told: str) -> None:
        super().__init__(f"{rule}: {told}")
        self.rule = rule
        self.told = told


@dataclass(frozen=True)
class Canary:
    """What no log may hold: a secret, or a person's own words."""

    name: str
    text: str

    def is_in(self, line: str) -> bool:
        """Numbers count where they stand alone, and not behind a point: that is a time."""
        if self.text not in line:
            return False
        if not self.text.isdigit():
            return True
        return re.search(rf"(?<![\d.:]){self.text}(?!\d)", line) is not None


def answers_come_in_time(answers: Sequence[Seen], silent: Sequence[Window]) -> None:
    """Every request is answered by its deadline, unless the API itself was stopped meanwhile."""
    for seen in answers:
        ended_s = seen.began_s + seen.took_s
        excused = any(seen.began_s < end_s and ended_s > start_s for start_s, end_s in silent)
        if seen.took_s > ANSWER_WITHIN_S and not excused:
            raise Violation("late answer", f"{seen.took_s:.1f} s, {seen.status} {set(seen.codes)}")


def nobody_is_told_of_a_defect(answers: Sequence[Seen]) -> None:
    """Whatever was done from outside is no defect of ours."""
    for seen in answers:
        if seen.status == 500 or "INTERNAL_ERROR" in seen.codes:
            raise Violation("defect", f"{seen.status} {set(seen.codes)}")


def readiness_is_honest(witness: Witness, blind: Sequence[Window]) -> None:
    """While the database does not answer, a process does not call itself ready."""
    for start_s, end_s in blind:
        for at_s, status in witness.looks:
            if start_s + NOT_READY_AFTER_S <= at_s < end_s and status == 200:
                raise Violation("readiness", f"ready {at_s - start_s:.1f} s after the silence")


def logs_hold_no_secret(
    logs: Mapping[str, Path], since: Mapping[str, int], canaries: Collection[Canary]
) -> None:
    """No process writes what is secret or personal."""
    for name, line in _lines(logs, since):
        for canary in canaries:
            if canary.is_in(line):
                raise Violation("secret", f"a {canary.name} in the log of {name}")


def logs_stay_short(logs: Mapping[str, Path], since: Mapping[str, int]) -> None:
    """A fault is no reason to fill a disk, nor to lose lines because there are too many."""
    for name, path in logs.items():
        grown = path.stat().st_size - since.get(name, 0) if path.exists() else 0
        if grown > LOG_BYTES_PER_POINT:
            raise Violation("long log", f"{name} wrote {grown:,} bytes")
    for name, line in _lines(logs, since):
        if (dropped := _DROPPED.search(line)) is not None:
            lines = int(dropped[1])
            if lines > LINES_DROPPED_MAX:
                raise Violation("long log", f"{name} dropped {lines} lines")


def _lines(logs: Mapping[str, Path], since: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """What each process has written since then, with its name."""
    for name, path in logs.items():
        if path.exists():
            with path.open("rb") as file:
                file.seek(min(since.get(name, 0), path.stat().st_size))
                text = file.read().decode(errors="replace")
            yield from ((name, line) for line in text.splitlines())
