"""Answers that are the same for everyone, kept as JSON bytes for a while.

A root field declared with ``strawberry.field(metadata=shared(60))`` is resolved at most about
once a minute per choice of variables; in between, its bytes are put into responses as they are.
What had an error in it, or was null, is not kept. Only compiled queries do this.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from bff.compiler.schema_facts import strawberry_field

if TYPE_CHECKING:
    from bff.compiler.plan import Field

SHARED_KEY = "shared_for_s"
"""Where the time is declared in a field's Strawberry metadata, in seconds."""


def shared(for_s: float) -> dict[str, float]:
    """Metadata for a root field whose value depends on nothing but its arguments."""
    return {SHARED_KEY: for_s}


def shared_for_s(field: Field) -> float | None:
    """How long the field's answers are kept, None if they are not."""
    inner = strawberry_field(field.definition)
    metadata: Mapping[Any, Any] = inner.metadata or {} if inner is not None else {}
    found = metadata.get(SHARED_KEY)
    return float(found) if found is not None else None


class SharedAnswers:
    """The answers kept, of any number of operations.

    :param now_s: a clock that never goes back.
    :param most: the oldest answer goes when there are more than this.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic, most: int = 1_000) -> None:
        self._now_s = now_s
        self._most = most
        self._kept: dict[Any, tuple[float, orjson.Fragment]] = {}

    def clear(self) -> None:
        """Forget everything, when what is public has changed."""
        self._kept.clear()

    def find(self, field: Field, variables: Mapping[str, Any]) -> orjson.Fragment | None:
        """The kept answer of a field, if it is still good."""
        kept = self._kept.get(self._key(field, variables))
        return kept[1] if kept is not None and kept[0] > self._now_s() else None

    def keep(self, field: Field, variables: Mapping[str, Any], value: Any) -> Any:
        """Keep an answer; return it as it goes into this response."""
        for_s, key = shared_for_s(field), self._key(field, variables)
        if value is None or key is None or for_s is None:
            return value
        try:
            answer = orjson.Fragment(orjson.dumps(value))
        except TypeError:
            return value
        self._kept.pop(key, None)
        self._kept[key] = (self._now_s() + for_s, answer)
        if len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]
        return answer

    @staticmethod
    def _key(field: Field, variables: Mapping[str, Any]) -> Any:
        try:
            return field, orjson.dumps(variables, option=orjson.OPT_SORT_KEYS)
        except TypeError:
            return None
