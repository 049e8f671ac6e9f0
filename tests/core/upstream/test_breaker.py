"""The breaker under a virtual clock: examples for each edge, then a model for all of them."""

from dataclasses import replace
from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.upstream.breaker import Breaker, BreakerPolicy, BreakerState, Permit

POLICY = BreakerPolicy(
    consecutive_failures=3,
    failure_ratio=0.5,
    window_s=10.0,
    window_calls=8,
    window_calls_min=4,
    open_s=5.0,
)


class Seconds:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def make(policy: BreakerPolicy = POLICY) -> tuple[Breaker, Seconds, list[BreakerState]]:
    clock, changes = Seconds(), list[BreakerState]()
    return Breaker(policy, monotonic=clock, on_change=changes.append), clock, changes


def admit(breaker: Breaker) -> Permit:
    permit = breaker.admit()
    assert permit is not None
    return permit


def opened() -> tuple[Breaker, Seconds, list[BreakerState]]:
    breaker, clock, changes = make()
    for _ in range(3):
        admit(breaker).fail()
    return breaker, clock, changes


def test_a_run_of_failures_opens_it_and_the_pause_refuses_everyone() -> None:
    breaker, clock, changes = opened()
    assert changes == [BreakerState.OPEN]
    clock.now = 4.999
    assert breaker.admit() is None
    assert breaker.state is BreakerState.OPEN


def test_ready_tells_what_admit_would_say_and_changes_nothing() -> None:
    breaker, clock, changes = opened()
    assert not breaker.ready
    clock.now = 5.0
    assert breaker.ready and breaker.state is BreakerState.OPEN
    probe = admit(breaker)
    assert not breaker.ready
    probe.succeed()
    assert breaker.ready and changes == [
        BreakerState.OPEN,
        BreakerState.HALF_OPEN,
        BreakerState.CLOSED,
    ]


def test_it_can_be_tripped() -> None:
    breaker, clock, changes = make()
    late = admit(breaker)
    breaker.trip()
    breaker.trip()
    late.succeed()
    assert breaker.admit() is None and changes == [BreakerState.OPEN]
    clock.now = 5.0
    probe = admit(breaker)
    breaker.trip()
    probe.succeed()
    assert breaker.state is BreakerState.OPEN


def test_a_success_ends_the_run() -> None:
    breaker, _, changes = make(BreakerPolicy(consecutive_failures=3, window_calls_min=100))
    for _ in range(10):
        admit(breaker).fail()
        admit(breaker).fail()
        admit(breaker).succeed()
    assert changes == []


def test_a_share_of_failures_opens_it_without_a_run() -> None:
    breaker, _, changes = make()
    for failed in (False, True, False):
        permit = admit(breaker)
        permit.fail() if failed else permit.succeed()
    assert changes == []
    admit(breaker).fail()
    assert changes == [BreakerState.OPEN]


def test_old_failures_leave_the_window() -> None:
    breaker, clock, changes = make()
    admit(breaker).fail()
    admit(breaker).fail()
    clock.now = 11.0
    admit(breaker).succeed()
    admit(breaker).succeed()
    admit(breaker).succeed()
    admit(breaker).fail()
    assert changes == []


def test_one_probe_closes_it() -> None:
    breaker, clock, changes = opened()
    clock.now = 5.0
    probe = admit(breaker)
    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.admit() is None
    probe.succeed()
    assert changes == [BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED]
    assert breaker.admit() is not None


def test_a_failed_probe_opens_it_for_a_whole_pause() -> None:
    breaker, clock, _ = opened()
    clock.now = 6.0
    admit(breaker).fail()
    clock.now = 10.9
    assert breaker.admit() is None
    clock.now = 11.0
    assert breaker.admit() is not None


def test_an_abandoned_probe_gives_its_place_to_the_next() -> None:
    breaker, clock, _ = opened()
    clock.now = 5.0
    admit(breaker).abandon()
    assert breaker.state is BreakerState.HALF_OPEN
    admit(breaker).succeed()
    assert breaker.state is BreakerState.CLOSED


def test_late_results_of_an_earlier_state_are_no_evidence() -> None:
    breaker, clock, _ = make()
    late_success, late_failure = admit(breaker), admit(breaker)
    for _ in range(3):
        admit(breaker).fail()
    late_success.succeed()
    assert breaker.state is BreakerState.OPEN
    clock.now = 5.0
    probe = admit(breaker)
    late_failure.fail()
    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.admit() is None
    probe.succeed()
    assert breaker.state is BreakerState.CLOSED


def test_a_permit_counts_once() -> None:
    breaker, _, changes = make()
    permit = admit(breaker)
    for _ in range(5):
        permit.fail()
    assert changes == []


def test_as_many_probes_as_the_policy_says_and_one_success_closes() -> None:
    breaker, clock, changes = make(replace(POLICY, probes_max=3))
    for _ in range(POLICY.consecutive_failures):
        admit(breaker).fail()
    clock.now = POLICY.open_s
    probes = [admit(breaker) for _ in range(3)]
    assert breaker.admit() is None and not breaker.ready
    probes[0].abandon()
    probes.append(admit(breaker))
    probes[1].succeed()
    assert breaker.state is BreakerState.CLOSED
    probes[2].fail()  # of an earlier state: no evidence any more
    assert changes[-1] is BreakerState.CLOSED and breaker.ready


class BreakerModel(RuleBasedStateMachine):
    """Any order of calls, results and waiting, against what the module's docstring promises."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker, self.clock, self.changes = make()
        self.permits: list[tuple[Permit, int]] = []
        self.opened_at = 0.0

    @property
    def epoch(self) -> int:
        return len(self.changes)

    @rule(seconds=st.sampled_from([0.5, 2.0, 5.0, 11.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule()
    def ask(self) -> None:
        before = self.breaker.state
        probing = any(epoch == self.epoch for _, epoch in self.permits)
        permit = self.breaker.admit()
        if before is BreakerState.CLOSED:
            assert permit is not None
        elif before is BreakerState.OPEN:
            assert (permit is not None) == (self.clock.now - self.opened_at >= POLICY.open_s)
        else:
            assert (permit is None) == probing
        if permit is not None:
            self.permits.append((permit, self.epoch))

    @precondition(lambda self: self.permits)
    @rule(data=st.data(), verdict=st.sampled_from(["succeed", "fail", "fail", "abandon"]))
    def settle(self, data: st.DataObject, verdict: str) -> None:
        index = data.draw(st.integers(0, len(self.permits) - 1))
        permit, epoch = self.permits.pop(index)
        before, current = self.breaker.state, epoch == self.epoch
        getattr(permit, verdict)()
        after = self.breaker.state
        if not current or verdict == "abandon":
            assert after is before
        elif before is BreakerState.HALF_OPEN:
            assert after is (BreakerState.OPEN if verdict == "fail" else BreakerState.CLOSED)
        elif verdict == "succeed":
            assert after is before
        if after is BreakerState.OPEN and before is not BreakerState.OPEN:
            self.opened_at = self.clock.now

    @rule()
    def a_run_of_failures_never_leaves_it_closed(self) -> None:
        for _ in range(POLICY.consecutive_failures):
            permit = self.breaker.admit()
            if permit is not None:
                before = self.breaker.state
                permit.fail()
                if self.breaker.state is not before:
                    self.opened_at = self.clock.now
        assert self.breaker.state is not BreakerState.CLOSED

    @invariant()
    def at_most_one_probe(self) -> None:
        if self.breaker.state is BreakerState.HALF_OPEN:
            assert sum(epoch == self.epoch for _, epoch in self.permits) <= 1

    @invariant()
    def changes_follow_the_legal_edges(self) -> None:
        legal = {
            (BreakerState.CLOSED, BreakerState.OPEN),
            (BreakerState.OPEN, BreakerState.HALF_OPEN),
            (BreakerState.HALF_OPEN, BreakerState.OPEN),
            (BreakerState.HALF_OPEN, BreakerState.CLOSED),
        }
        path = [BreakerState.CLOSED, *self.changes]
        assert set(pairwise(path)) <= legal


TestBreakerModel = BreakerModel.TestCase
TestBreakerModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
