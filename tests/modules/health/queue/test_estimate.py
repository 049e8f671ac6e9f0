"""When one is called: the error is that of the visits themselves, tried by simulation."""

import random
from datetime import UTC, datetime, timedelta

from modules.health.queue.domain import QueueState, QueueTicket, estimate_call

NOW = datetime(2026, 11, 28, 1, 0, tzinfo=UTC)


def ticket(state: QueueState, ahead: int | None) -> QueueTicket:
    return QueueTicket("t", 8, "内科", "Medicine", "d", "r", state, ahead, 4, [300] * 9, NOW)


def test_of_too_few_visits_nothing_is_estimated() -> None:
    assert estimate_call(NOW, 3, [300, 300, 300, 300]) is None


def test_equal_visits_leave_no_error() -> None:
    found = estimate_call(NOW, 2, [300] * 6)
    assert found is not None
    assert found.earliest_at == found.expected_at == found.latest_at == NOW + timedelta(seconds=750)


def test_the_bounds_grow_with_the_people_ahead_and_never_lie_in_the_past() -> None:
    visits = [60, 900, 240, 600, 300, 1200]
    spans = []
    for ahead in range(10):
        found = estimate_call(NOW, ahead, visits)
        assert found is not None and NOW <= found.earliest_at <= found.expected_at
        spans.append(found.latest_at - found.earliest_at)
    assert spans == sorted(spans)


def test_four_of_five_calls_fall_between_the_bounds() -> None:
    draw, within, tries = random.Random(7), 0, 2_000
    for _ in range(tries):
        visits = [round(draw.gauss(480, 120)) for _ in range(12)]
        ahead = draw.randrange(1, 12)
        found = estimate_call(NOW, ahead, visits)
        assert found is not None
        wait_s = sum(draw.gauss(480, 120) for _ in range(ahead)) + draw.gauss(480, 120) * 0.5
        within += found.earliest_at <= NOW + timedelta(seconds=wait_s) <= found.latest_at
    assert 0.75 <= within / tries <= 0.87


def test_only_who_waits_has_an_estimate_and_who_is_first_is_next() -> None:
    assert ticket(QueueState.WAITING, 3).estimate is not None
    assert ticket(QueueState.BOOKED, None).estimate is None
    assert ticket(QueueState.WAITING, 0).is_next and ticket(QueueState.CALLED, None).is_next
    assert not ticket(QueueState.BOOKED, None).is_next and not ticket(QueueState.SEEN, None).is_next
