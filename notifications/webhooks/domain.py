"""When a webhook is tried again."""

from datetime import timedelta

LADDER = tuple(
    timedelta(seconds=seconds)
    for seconds in (
        5,
        5 * 60,
        30 * 60,
        2 * 3600,
        5 * 3600,
        10 * 3600,
        14 * 3600,
        20 * 3600,
        24 * 3600,
    )
)
"""The waits between attempts as the specification recommends them ("Retry schedule"): the first
attempt is at once, the last after 75 hours and a half."""


def next_wait(attempts: int) -> timedelta | None:
    """How long to wait after so many attempts; None when it was the last."""
    return LADDER[attempts - 1] if attempts <= len(LADDER) else None
