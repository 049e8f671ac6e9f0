"""The decision log: chained, complete, replayable bit for bit."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import orjson
import pytest

from credit.log.chain import Head, JsonLinesStore, MemoryStore, append, entries, verify
from credit.log.entries import (
    Subject,
    decision_entry,
    outcome_entry,
    override_entry,
    review_entry,
)
from credit.log.files import Log, MemoryBodies, open_log
from credit.log.replay import replay
from credit.policy.choice import shipped
from credit.policy.rules import Outcome, policy_by_hash
from credit.storage.errors import LogError

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


def policies(digest):
    return policy_by_hash(shipped(), digest)


def subject(i: int) -> Subject:
    return Subject(f"app-{i}", f"key-{i}", "bank", "loan")


def record(log, engine, i, at=AT):
    decision, draft = decision_entry(subject(i), engine, application(i), at)
    return decision, log.add(draft)


def again(log, find_model):
    return replay(((e, log.body(e)) for e in entries(log.chain)), find_model, policies)


@pytest.fixture
def log():
    return Log(MemoryStore(), MemoryBodies())


@pytest.mark.parametrize("count", [SHORT, pytest.param(SOAK, marks=pytest.mark.soak)])
def test_thousands_of_decisions_replay_identically(champion, challenger, log, count):
    engine = engine_of(champion, shadows=(challenger,))
    for i in range(count):
        record(log, engine, i, AT + timedelta(seconds=i))
    result = again(log, models(champion, challenger))
    assert (result.same, result.different, result.changed_code) == (count, (), ())
    assert verify(log.chain) == log.chain.head()


def test_a_replay_with_another_model_shows(champion, challenger, log):
    for i in range(40):
        record(log, engine_of(champion), i)
    swapped = again(log, lambda _: challenger)
    assert swapped.same == 0
    assert len(swapped.different) == 40
    with pytest.raises(LogError, match="cannot be replayed"):
        again(log, models())


def test_a_decision_of_other_code_is_told_apart(champion, challenger, log):
    _, draft = decision_entry(subject(0), engine_of(champion), application(0), AT)
    log.add(replace(draft, payload=draft.payload | {"code": "0" * 64}))
    assert again(log, models(champion)).same == 1
    result = again(log, lambda _: challenger)
    assert (result.changed_code, result.different) == ((1,), ())


def test_overrides_reviews_and_outcomes_stand_beside_decisions(champion, log):
    """They are entries of their own form, and no replay stumbles over them."""
    _, first = record(log, engine_of(champion), 0)
    for i, draft in enumerate((
        override_entry(subject(10), first.hash, Outcome.APPROVE, "officer 7", "known well", AT),
        review_entry(subject(11), first.hash, Outcome.REFER, "officer 8", "asked for papers", AT),
        outcome_entry(subject(12), first.hash, False, date(2026, 6, 30), AT),
    )):  # fmt: skip
        assert log.add(draft).number == i + 2
    assert [e.payload["kind"] for e in entries(log.chain)] == [
        "decision", "override", "review", "outcome",
    ]  # fmt: skip
    result = again(log, models(champion))
    assert (result.same, result.others) == (1, 3)
    with pytest.raises(LogError, match="somebody and a reason"):
        override_entry(subject(13), first.hash, Outcome.APPROVE, " ", "x", AT)


def test_one_application_sent_twice_is_one_entry(champion, log):
    engine = engine_of(champion)
    _, entry = record(log, engine, 3)
    assert record(log, engine, 3, AT + timedelta(seconds=9))[1] == entry
    assert log.chain.head().count == 1
    _, other = decision_entry(subject(3), engine, application(4), AT)
    with pytest.raises(LogError, match="stands for another entry"):
        log.add(other)
    assert log.chain.head().count == 1
    fresh = Log(log.chain, log.bodies)
    assert fresh.find("key-3") == entry


def test_what_a_person_told_us_can_be_destroyed_and_the_chain_still_holds(champion, tmp_path):
    log = open_log(tmp_path, "bank-1")
    for i in range(4):
        record(log, engine_of(champion), i)
    chain = (tmp_path / "bank-1.jsonl").read_bytes()
    for told in ("SIM0000001", history()["uscc"][0], str(history()["invoiced_12m_fen"][0])):
        assert told.encode() not in chain
    bodies = b"".join(path.read_bytes() for path in (tmp_path / "bodies").rglob("*.body"))
    assert history()["uscc"][0].encode() not in bodies
    assert log.forget("app-1") == 1
    assert verify(log.chain).count == 4
    result = again(log, models(champion))
    assert (result.same, result.destroyed) == (3, 1)
    assert [log.body(e) is None for e in entries(log.chain)] == [False, True, False, False]
    with pytest.raises(LogError, match="no bank's name"):
        open_log(tmp_path, "../etc")


def test_a_changed_body_is_found(champion, log):
    _, entry = record(log, engine_of(champion), 0)
    body, key = log.bodies.kept[entry.payload["body"]]
    log.bodies.kept[entry.payload["body"]] = (body[:-1] + bytes([body[-1] ^ 1]), key)
    with pytest.raises(LogError, match="body of entry 1 was changed"):
        log.body(entry)


def chained(path, champion, count) -> JsonLinesStore:
    log = Log(JsonLinesStore(path), MemoryBodies())
    for i in range(count):
        record(log, engine_of(champion), i)
    return log.chain


def test_every_changed_byte_is_found(champion, tmp_path):
    path = tmp_path / "log.jsonl"
    store = chained(path, champion, 12)
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
    store = chained(path, champion, 3)
    lines = path.read_bytes().splitlines()
    last = orjson.loads(lines[-1])
    last["payload"]["outcome"] = "approve!"
    lines[-1] = orjson.dumps(last, option=orjson.OPT_SORT_KEYS)
    path.write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(LogError, match="broken at entry 3"):
        verify(store)


def test_cut_dropped_and_swapped_lines_are_found(champion, tmp_path):
    path = tmp_path / "log.jsonl"
    store = chained(path, champion, 5)
    lines = path.read_bytes().splitlines(keepends=True)
    for wrong in (lines[:-1], lines[1:], lines[:2] + lines[3:], [*lines[:3], lines[4], lines[3]]):
        path.write_bytes(b"".join(wrong))
        with pytest.raises(LogError):
            verify(store)


def test_a_torn_last_line_is_found(champion, tmp_path):
    path = tmp_path / "log.jsonl"
    store = chained(path, champion, 2)
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
