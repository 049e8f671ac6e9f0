"""JSON as we store and hash it."""

from datetime import UTC, date, datetime

import pytest
from asyncpg.pgproto import pgproto

from core.ids import new_id
from core.json import to_json


def test_ids_of_the_driver_are_ids() -> None:
    ours = new_id()
    assert to_json({"id": pgproto.UUID(str(ours))}) == to_json({"id": ours})


def test_moments_and_dates_are_iso() -> None:
    told = to_json({"at": datetime(2026, 11, 23, 4, tzinfo=UTC), "on": date(2026, 11, 23)})
    assert told == b'{"at":"2026-11-23T04:00:00+00:00","on":"2026-11-23"}'


def test_canonical_json_does_not_depend_on_the_order() -> None:
    assert to_json({"b": 1, "a": 2}, sort_keys=True) == to_json({"a": 2, "b": 1}, sort_keys=True)


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", 2**64])
def test_nothing_is_turned_into_text_by_accident(value: object) -> None:
    with pytest.raises(TypeError):
        to_json({"value": value})
