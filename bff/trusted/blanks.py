"""Blanks in example variables: `{{key}}`, `{{phone}}`, `{{bills.items.0.id}}`, `{{day.-70}}`."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

_BLANK = re.compile(r"\{\{([a-z_A-Z0-9.-]+)\}\}")
_DAYS = range(-366, 367)


def days_around(today: date) -> Mapping[str, str]:
    """The dates of a year before and after a day, by their distance from it in days."""
    return {str(n): (today + timedelta(days=n)).isoformat() for n in _DAYS}


def fill(value: Any, known: Mapping[str, Any]) -> Any:
    """Example variables with their blanks filled; `{{key}}` is a fresh idempotency key.

    Raises LookupError for a blank that nothing fills.
    """
    if isinstance(value, dict):
        return {name: fill(member, known) for name, member in value.items()}
    if isinstance(value, list):
        return [fill(member, known) for member in value]
    if not isinstance(value, str):
        return value
    whole = _BLANK.fullmatch(value)
    if whole:
        return _find(whole[1], known)
    return _BLANK.sub(lambda blank: str(_find(blank[1], known)), value)


def _find(path: str, known: Mapping[str, Any]) -> Any:
    if path == "key":
        return uuid4().hex
    found: Any = known
    for step in path.split("."):
        try:
            found = found[int(step)] if isinstance(found, list) else found[step]
        except (LookupError, TypeError, ValueError):
            raise LookupError(f"nothing at {{{{{path}}}}}") from None
    return found
