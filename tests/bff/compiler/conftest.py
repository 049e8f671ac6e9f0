"""Collects what a test leaves behind while the test's own warning filters still hold."""

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """Coroutines that were never awaited complain when they are collected: do it here."""
    yield
    gc.collect()
