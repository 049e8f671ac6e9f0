"""What is wrong with a feed: counted by rule, with a few samples.

Rules have the names of the canonical validators (MobilityData's gtfs-validator and, for realtime,
gtfs-realtime-validator), so that an operator finds them there.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

SAMPLES_MAX = 5
_SAMPLE_CHARS = 80


class FeedError(ValueError):
    """A feed that cannot be used at all; `rule` names why."""

    def __init__(self, rule: str, detail: str = "") -> None:
        super().__init__(f"{rule}: {detail}" if detail else rule)
        self.rule = rule


@dataclass(slots=True)
class Fault:
    """How often one rule is broken in one file."""

    rule: str
    file: str
    count: int = 0
    samples: list[str] = field(default_factory=list)


class Faults:
    """What was left out of a feed or mended in it, and why."""

    def __init__(self) -> None:
        self._faults: dict[tuple[str, str], Fault] = {}

    def __iter__(self) -> Iterator[Fault]:
        return iter(sorted(self._faults.values(), key=lambda fault: (-fault.count, fault.rule)))

    def __len__(self) -> int:
        return len(self._faults)

    def add(
        self, rule: str, file: str, samples: Iterable[object], count: int | None = None
    ) -> None:
        """Count one for each sample, or `count`; none changes nothing."""
        shown = [str(sample)[:_SAMPLE_CHARS] for sample in samples]
        number = len(shown) if count is None else count
        if not number:
            return
        fault = self._faults.setdefault((rule, file), Fault(rule, file))
        fault.count += number
        fault.samples += shown[: SAMPLES_MAX - len(fault.samples)]

    def count(self, rule: str) -> int:
        """How often a rule is broken, in all files."""
        return sum(fault.count for fault in self._faults.values() if fault.rule == rule)

    def merge(self, other: "Faults") -> None:
        """Add what another count has."""
        for fault in other:
            self.add(fault.rule, fault.file, fault.samples, fault.count)
