"""Errors as text: bounded, masked, without what stood in variables; frames for the first few."""

import io
import logging
import time
from pathlib import Path

import pytest

from core.telemetry.logging import BURST_BYTES, LINE_MAX_BYTES, BoundedHandler, configure
from core.telemetry.tracebacks import CHAIN_MAX, FRAMES_MAX, TEXT_MAX_CHARS, FrameBudget, error_text
from tests.core.telemetry.test_logging import entries, stream  # noqa: F401 - a fixture
from tests.machine import in_time

FULL = Path("/dev/full")
NAME, PHONE, CODE = "欧阳海燕", "13912345678", "654070"


def deep(levels: int) -> None:
    secret = {"name": NAME, "phone": PHONE}
    if levels:
        deep(levels - 1)
    raise ValueError(f"{len(secret)} things of {NAME}: {PHONE}, code {CODE}")


def caught(levels: int) -> Exception:
    try:
        deep(levels)
    except ValueError as error:
        return error
    raise AssertionError


def test_frames_name_places_and_never_values_or_source() -> None:
    text = error_text(caught(100))
    assert text.count(" in deep") == FRAMES_MAX
    assert "frames left out" in text
    assert "ValueError: 2 things of <zh>: <phone>, code <number>" in text
    assert "secret" not in text and "raise" not in text
    assert not [s for s in (NAME, PHONE, CODE) if s in text]


def test_a_chain_and_a_group_are_bounded_and_end_with_the_newest() -> None:
    error: Exception = ValueError("first")
    for number in range(50):
        newer = RuntimeError(f"number {number} {'x ' * 2_000}")
        newer.__cause__ = error
        error = newer
    text = error_text(error)
    assert len(text) <= TEXT_MAX_CHARS
    assert text.count("led to") == CHAIN_MAX - 1
    assert "number 49" in text.rpartition("led to")[2]
    group = error_text(ExceptionGroup("many", [ValueError(str(n)) for n in range(100)]))
    assert group.count("member:") == 3


def test_what_cannot_say_what_it_is_is_still_told() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert error_text(Mute()).endswith("Mute: (no message)")


def test_of_one_place_the_first_few_a_minute_have_frames() -> None:
    now = [0.0]
    budget = FrameBudget(frames_per_minute=2, places_max=3, monotonic=lambda: now[0])
    same = caught(1)
    assert [budget.take(same) for _ in range(4)] == [True, True, False, False]
    others = [TypeError(), KeyError(), OSError()]
    assert [budget.take(error) for error in others] == [True, True, False]
    now[0] = 61
    assert budget.take(same)


def test_a_logged_error_costs_about_a_millisecond(stream) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    log, error = logging.getLogger("cost"), caught(200)
    started_s = time.process_time()
    for _ in range(100):
        log.warning("job failed", exc_info=error)
    took_s = (time.process_time() - started_s) / 100
    assert in_time(took_s, 0.01, time.process_time)
    lines = entries(stream)
    assert len(lines) == 100
    assert sum(" in deep" in line["exception"] for line in lines) == 5


def test_a_line_is_bounded(stream) -> None:  # type: ignore[no-untyped-def]  # noqa: F811
    logging.getLogger("big").warning("%s", "x" * 1_000_000)
    logging.getLogger("wide").warning("wide", extra={"many": ["y" * 50] * 100_000})
    for line in stream.getvalue().splitlines():
        assert len(line) <= LINE_MAX_BYTES
    assert [entry["logger"] for entry in entries(stream)] == ["big", "wide"]


def test_a_flood_is_cut_off_and_counted() -> None:
    now, seen = [0.0], []

    class Kept(BoundedHandler):
        def _write(self, data: bytes) -> None:
            seen.append(data)

    handler = Kept(io.StringIO(), bytes_per_s=10, burst_bytes=100, monotonic=lambda: now[0])
    record = logging.LogRecord("n", logging.INFO, "", 0, "x" * 39, None, None)
    for _ in range(10):
        handler.emit(record)
    assert len(seen) == 2
    now[0] = 8
    handler.emit(record)
    assert b'"lines":8' in seen[2]
    assert BURST_BYTES > 1_000 * 1_000


@pytest.mark.skipif(not FULL.exists(), reason="no device that is always full")
def test_a_full_disk_loses_lines_and_nothing_else() -> None:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    try:
        with FULL.open("w") as full:
            configure("info", json=True, stream=full)
            for _ in range(100):
                logging.getLogger("full").warning("lost", exc_info=caught(3))
    finally:
        root.handlers, root.level = handlers, level
