"""The fault switches: how a system, or one operation of it, is made to misbehave on purpose."""

import math
import random
from collections import deque
from statistics import NormalDist

import orjson
from pydantic import Field

from sandbox.server.state import State
from sandbox.server.wire import Body

SCHEMA = """
CREATE TABLE sandbox_fault (
    system TEXT NOT NULL, operation TEXT NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (system, operation)
);
"""
EVERY_OPERATION = "*"
CALLBACK_OPERATION = "callback"


class Fault(Body):
    """What goes wrong. Rates are probabilities 0 to 1; absent members leave things right."""

    operation: str | None = Field(None, description="One operation only; unset = all of them.")
    latency_ms: int = Field(0, ge=0, le=600_000)
    latency_jitter_ms: int = Field(0, ge=0, le=600_000, description="Up to this much on top.")
    latency_p99_ms: int = Field(
        0,
        ge=0,
        le=600_000,
        description="Drawn: lognormal, `latency_ms` its median, this its p99.",
    )
    error_rate: float = Field(
        0, ge=0, le=1, description="Answer `error_status`; the work is not done."
    )
    error_status: int = Field(503, ge=400, le=599)
    error_code: str = Field("SYSTEM_ERROR", pattern="^[A-Z_]{1,40}$")
    hang: bool = Field(False, description="No answer until the client gives up; work not done.")
    lose_reply_rate: float = Field(0, ge=0, le=1, description="Work done, connection cut.")
    garbage: bool = Field(False, description="Work done, answer 200 with a body of nonsense.")
    duplicate_callbacks: int = Field(0, ge=0, le=1000, description="Extra copies of each.")
    reorder_callbacks: bool = Field(False, description="Each second one overtakes.")
    delay_callbacks_ms: int = Field(0, ge=0, le=86_400_000)
    drop_callbacks: bool = Field(False, description="Never sent, as if lost for good.")
    callback_speedup: float = Field(1, gt=0, le=1_000_000, description="Divides retry waits.")


NO_FAULT = Fault()
_P99_SIGMAS = NormalDist().inv_cdf(0.99)
_DELAYS_KEPT = 100_000


class Faults:
    """The switchboard. Switches are kept in the state, so a restart does not repair the city."""

    def __init__(self, state: State, seed: int) -> None:
        self._state = state
        self._random = random.Random(seed)
        self._switches: dict[tuple[str, str], Fault] = {}
        self._delays: deque[tuple[str, float]] = deque(maxlen=_DELAYS_KEPT)
        self.load()

    def load(self) -> None:
        """Read the switches from the state."""
        self._switches = {
            (row["system"], row["operation"]): Fault.model_validate_json(row["body"])
            for row in self._state.all("SELECT * FROM sandbox_fault")
        }

    def set(self, system: str, fault: Fault) -> None:
        """Replace the switch of a system, or of the one operation that the fault names."""
        self._state.run(
            "INSERT OR REPLACE INTO sandbox_fault VALUES (?, ?, ?)",
            (system, fault.operation or EVERY_OPERATION, orjson.dumps(fault.model_dump())),
        )
        self.load()

    def clear(self, system: str | None = None) -> None:
        """Repair one system, or the whole city."""
        self._state.run("DELETE FROM sandbox_fault WHERE ?1 IS NULL OR system = ?1", (system,))
        self.load()

    def listing(self) -> list[dict[str, object]]:
        """All switches that are set, with what differs from no fault."""
        return [
            {"system": system, "operation": None if operation == EVERY_OPERATION else operation}
            | fault.model_dump(exclude_defaults=True, exclude={"operation"})
            for (system, operation), fault in sorted(self._switches.items())
        ]

    def of(self, system: str, operation: str) -> Fault:
        """The switch in force: the operation's own, else the system's, else none."""
        found = self._switches.get((system, operation))
        return found or self._switches.get((system, EVERY_OPERATION), NO_FAULT)

    def happens(self, rate: float) -> bool:
        """Whether something that happens at this rate happens now."""
        return rate > 0 and self._random.random() < rate

    def latency_s(self, fault: Fault) -> float:
        """How long to wait before working, in seconds."""
        drawn_ms = fault.latency_ms + self._random.random() * fault.latency_jitter_ms
        if fault.latency_ms and fault.latency_p99_ms:
            sigma = math.log(fault.latency_p99_ms / fault.latency_ms) / _P99_SIGMAS
            drawn_ms *= self._random.lognormvariate(0, sigma)
        return drawn_ms / 1000

    def note_delay(self, request_id: str, delay_s: float) -> None:
        """Remember how long a request with an id was made to wait; the oldest are forgotten."""
        if request_id:
            self._delays.append((request_id, delay_s))

    def take_delays(self) -> dict[str, float]:
        """The waits since the last asking by the client's request id, in ms; forgets them."""
        taken: dict[str, float] = {}
        while self._delays:
            request_id, delay_s = self._delays.popleft()
            taken[request_id] = taken.get(request_id, 0) + delay_s * 1000
        return taken
