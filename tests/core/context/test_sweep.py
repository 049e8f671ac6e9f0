"""A pass over many rows: each by itself, counted, and never stopped by the bad ones."""

from collections import Counter
from collections.abc import Sequence
from itertools import count
from types import SimpleNamespace
from uuid import UUID

import pytest

from core.context import sweep as sweeping
from core.context.app import App
from core.context.sweep import WHOLE, Part, SweepIncomplete, Swept, sweep, sweep_pages
from core.ids import new_id
from core.upstream.exchange import UpstreamTimeout


async def test_one_bad_row_stops_no_other(app: App) -> None:
    done: list[int] = []

    async def each(row: int) -> None:
        if row == 2:
            raise OverflowError("date value out of range")
        if row == 4:
            raise UpstreamTimeout("sms", "send", "no answer in time")
        done.append(row)

    swept = await sweep(app, "test.rows", range(6), each)
    assert swept == Swept(done=4, waiting=1, failed=1)
    assert done == [0, 1, 3, 5]
    with pytest.raises(SweepIncomplete):
        swept.require_whole()
    assert await sweep(app, "test.rows", range(6), each, at_once=3) == swept
    shown = app.metrics.render().decode()
    assert 'quancheng_sweep_rows_total{outcome="failed",sweep="test.rows"} 2.0' in shown


async def test_a_lost_database_is_no_row_s_fault(app: App) -> None:
    async def each(row: int) -> None:
        raise ConnectionRefusedError

    for at_once in (1, 2):
        with pytest.raises(ConnectionRefusedError):
            await sweep(app, "test.lost", range(3), each, at_once=at_once)


async def test_pages_of_bad_rows_do_not_keep_a_pass_from_the_good_ones(app: App) -> None:
    ids = sorted(new_id() for _ in range(25))
    good, seen = set(ids[-3:]), []

    async def page(after: UUID, limit: int) -> list[UUID]:
        return [row for row in ids if row > after][:limit]

    async def each(row: UUID) -> None:
        if row not in good:
            raise ValueError
        seen.append(row)

    swept = await sweep_pages(app, "test.pages", page, each, key=lambda row: row, size=5)
    assert (swept.done, swept.failed) == (3, 22)
    assert seen == ids[-3:]


async def test_a_pass_whose_time_is_over_is_not_whole_or_hands_on_what_is_left(app: App) -> None:
    ids, seen, left = sorted(new_id() for _ in range(12)), [], []

    async def page(after: UUID, limit: int) -> list[UUID]:
        return [row for row in ids if row > after][:limit]

    async def each(row: UUID) -> None:
        seen.append(row)

    async def rest(parts: Sequence[Part]) -> None:
        left.extend(parts)

    swept = await sweep_pages(app, "test", page, each, key=lambda row: row, size=5, within_s=0)
    assert (swept, seen) == (Swept(done=5, waiting=1), ids[:5])
    with pytest.raises(SweepIncomplete, match="0 rows failed, 1 wait"):
        swept.require_whole()

    async def go_on(after: UUID) -> Swept:
        return await sweep_pages(
            app,
            "test",
            page,
            each,
            key=lambda row: row,
            part=Part(after, None),
            rest=rest,
            size=5,
            within_s=0,
        )

    assert (await go_on(ids[4]), left, seen) == (Swept(done=5), [Part(ids[9], None)], ids[:10])
    assert (await go_on(left[0].after), len(left), seen) == (Swept(done=2), 1, ids)


@pytest.mark.parametrize("pages", [1, 2, 3])
async def test_the_rest_of_a_pass_is_handed_on_once_whatever_fails_before_it(
    app: App, monkeypatch: pytest.MonkeyPatch, pages: int
) -> None:
    """Each job has ten attempts; a row that always fails uses up those of its own part alone."""
    ids, attempts = sorted(new_id() for _ in range(23)), 10
    bad, seen = {ids[1], ids[12]}, Counter[UUID]()
    ticks = count()
    monkeypatch.setattr(sweeping, "time", SimpleNamespace(monotonic=lambda: next(ticks)))

    async def page(after: UUID, limit: int) -> list[UUID]:
        return [row for row in ids if row > after][:limit]

    async def each(row: UUID) -> None:
        seen[row] += 1
        if row in bad:
            raise ValueError

    async def rest(parts: Sequence[Part]) -> None:
        waiting.extend(parts)

    waiting, jobs, dead = [WHOLE], 0, []
    while waiting:
        part, jobs = waiting.pop(), jobs + 1
        for _ in range(attempts):
            swept = await sweep_pages(
                *(app, "test.rest", page, each),
                key=lambda row: row,
                part=part,
                rest=rest,
                size=4,
                within_s=pages,
            )
            if not (swept.failed or swept.waiting):
                break
        else:
            dead.append(part)
    assert jobs <= 15 and len(dead) == 2
    assert all(any(p.after < row <= (p.until or row) for p in dead) for row in bad)
    assert set(seen) == set(ids)
    for row, times in seen.items():  # beside a bad one, with it; else twice at most
        is_beside = any(p.after < row <= (p.until or row) for p in dead)
        assert times <= (attempts + 3 if is_beside else 3), row


async def test_pages_come_to_the_last_whatever_stays() -> None:
    ids = [UUID(int=n) for n in range(1, 8)]

    async def after(last: UUID, size: int) -> Sequence[UUID]:
        return [id for id in ids if id > last][:size]

    for size in (1, 2, 3, 7, 8):
        found = [list(page) async for page in sweeping.pages(after, key=lambda id: id, size=size)]
        assert [id for page in found for id in page] == ids
        assert all(len(page) <= size for page in found)
