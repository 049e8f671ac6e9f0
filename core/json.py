"""JSON as we store and hash it."""

from typing import Any
from uuid import UUID

import orjson


def to_json(value: object, *, sort_keys: bool = False) -> bytes:
    """JSON of plain values, dataclasses, dates, enums and ids; with `sort_keys` it is canonical.

    Raises TypeError for anything else: nothing is turned into text by accident.
    """
    return orjson.dumps(value, _plain, orjson.OPT_SORT_KEYS if sort_keys else None)


def _plain(value: Any) -> str:
    if isinstance(value, UUID):  # the driver's own subclass, which orjson does not know
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
