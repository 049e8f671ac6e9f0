"""The decision log: chained, complete, replayable bit for bit."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest

from credit.errors import LogError
from credit.log.chain import Head, JsonLinesStore, MemoryStore, append, entries, verify
from credit.log.decisions import record, replay
from credit.policy.choice import shipped

from .conftest import engine_of, history

AT = datetime(2025, 6, 30, 1, 0, tzinfo=UTC)
SHORT, SOAK = 1_000, 10_000


def application(i: int) -> dict[str, object]:
    at = i % len(history()["loan_no"])
    return {name: values[at] for name, values in history().items()} | {
        # every application differs, also the second time round
        "months_registered": history()["months_registered"][at] + i // 6_000
    }


@pytest.fixture(params=["file", "memory"])
def store(request, tmp_path):
    return JsonLinesStore(tmp_path / "log.jsonl") if request.param == "file" else MemoryStore()


def models(*artefacts):
    known = {artefact.hash: artefact for artefact in artefacts}
    return known.__getitem__


@pytest.mark.parametrize("count", [SHORT, pytest.param(SOAK, marks=pytest.mark.soak)])
def test_thousands_of_decisions_replay_identically(champion, challenger, count):
    store = MemoryStore()
    engine = engine_of(champion, shadows=(challenger,))
    for i in range(count):
        record(store, engine, application(i), AT + timedelta(seconds=i))
    result = replay(store, models(champion, challenger), shipped())
    assert result.same == count
    assert result.different == ()
    assert verify(store) == store.head()


def test_a_replay_with_another_policy_or_model_shows(champion, challenger, store):
    engine = engine_of(champion)
    for i in range(40):
        record(store, engine, application(i), AT)
    swapped = replay(store, lambda _: challenger, shipped())
    assert swapped.same == 0
    assert len(swapped.different) == 40
    with pytest.raises(LogError, match="cannot be replayed"):
        replay(store, models(), shipped())


def test_every_changed_byte_is_found(champion, tmp_path):
    path = tmp_path / "log.jsonl"
    store = JsonLinesStore(path)
    for i in range(12):
        record(store, engine_of(champion), application(i), AT)
    whole = path.read_bytes()
    names = [whole.index(name) for name in (b'"number"', b'"payload"', b'"previous"')]
    for place in [*(n + 2 for n in names), *range(0, len(whole), max(1, len(whole) // 150))]:
        spoilt = bytearray(whole)
        spoilt[place] ^= 1
        path.write_bytes(bytes(spoilt))
        with pytest.raises(LogError, match="broken"):
            verify(store)
    path.write_bytes(whole)
    assert verify(store).count == 12


def test_the_last_entry_is_guarded_too(champion, tmp_path):
    path = tmp_path / "log.jsonl"
    store = JsonLinesStore(path)
    for i in range(3):
        record(store, engine_of(champion), application(i), AT)
    lines = path.read_bytes().splitlines()
    last = orjson.loads(lines[-1])
    last["payload"]["decision"]["outcome"] = "approve!"
    lines[-1] = orjson.dumps(last, option=orjson.OPT_SORT_KEYS)
    path.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(LogError, match="broken at entry 3"):
        verify(store)


def test_cut_dropped_and_swapped_lines_are_found(champion, tmp_path):
    path = tmp_path / "log.jsonl"
    store = JsonLinesStore(path)
    for i in range(5):
        record(store, engine_of(champion), application(i), AT)
    lines = path.read_bytes().splitlines(keepends=True)
    for wrong in (lines[:-1], lines[1:], lines[:2] + lines[3:], [*lines[:3], lines[4], lines[3]]):
        path.write_bytes(b"".join(wrong))
        with pytest.raises(LogError):
            verify(store)


def test_a_torn_last_line_is_found(champion, tmp_path):
    path = tmp_path / "log.jsonl"
    store = JsonLinesStore(path)
    for i in range(2):
        record(store, engine_of(champion), application(i), AT)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(LogError, match="entry 2"):
        list(entries(store))


def test_a_death_before_the_head_was_noted_loses_nothing(tmp_path):
    path = tmp_path / "log.jsonl"
    store = JsonLinesStore(path)
    append(store, {"i": 0})
    noted = path.with_name("log.jsonl.head")
    before = noted.read_bytes()
    append(store, {"i": 1})
    noted.write_bytes(before)
    with path.open("ab") as file:
        file.write(b'{"number":3,"prev')
    assert store.head().count == 2
    append(store, {"i": 2})
    assert [entry.payload["i"] for entry in entries(store)] == [0, 1, 2]
    assert verify(store).count == 3


def test_nothing_is_appended_to_a_log_cut_short(tmp_path):
    path = tmp_path / "log.jsonl"
    store = JsonLinesStore(path)
    append(store, {"i": 0})
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    with pytest.raises(LogError, match="shorter than its head"):
        append(store, {"i": 1})
    assert path.read_bytes() == whole[:-9]


def test_a_head_kept_elsewhere_finds_a_rewritten_history(store):
    for i in range(4):
        append(store, {"i": i})
    kept = store.head()
    append(store, {"i": 4})
    assert verify(store, kept).count == 5
    other = MemoryStore()
    for i in range(6):
        append(other, {"i": -i})
    with pytest.raises(LogError, match="does not contain"):
        verify(other, kept)


def test_only_the_holder_of_the_head_may_append(store):
    append(store, {"i": 0})
    stale = Head(0, "0" * 64)
    assert store.append_after(stale, b"{}") is False
    assert store.head().count == 1
    assert len(list(store.lines())) == 1


def test_an_empty_log_is_whole(store):
    assert verify(store).count == 0
    assert list(entries(store)) == []
