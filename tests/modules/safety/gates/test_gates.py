"""School gates: what is taken, what guardians are told of it, and who learns nothing."""

import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from core.city import load_city
from core.clock import SHANGHAI, ManualClock
from core.context.app import App
from core.context.call import Call
from core.context.sweep import SweepIncomplete
from core.database import connection, fetch_all
from core.deadline import Deadline
from core.errors import InvalidInput, NotFound
from core.ids import new_id
from core.security.authentication import Viewer
from modules.identity import families
from modules.identity.models import Citizen
from modules.safety.gates import leaves, notices, service
from modules.safety.gates.domain import (
    KEPT,
    REPEAT,
    AlarmKind,
    Direction,
    GateReading,
    Seen,
    passages,
)
from modules.safety.gates.ingest import receive
from modules.safety.gates.models import GateEvent, GateFeed, SilenceAlarm
from modules.safety.gates.notices import tell_pupils, tell_rest
from modules.safety.gates.silence import watch_silence
from modules.safety.schools.domain import School
from modules.safety.schools.upstream import DayRecord, list_schools
from notifications.messages.models import Delivery, Message
from tests.asgi import Client
from tests.conftest import NOON, ROOT
from tests.modules.safety.schools.bureau import (
    IN,
    OUT,
    FakeBureau,
    Family,
    acting,
    event,
    key_of,
    make_family,
    post,
    reading,
)

People = Callable[..., Awaitable[Viewer]]
DAY = date(2026, 11, 23)
TOMORROW = date(2026, 11, 24)


def at(text: str, day: date = DAY) -> datetime:
    """A moment of a school day, Shanghai's time."""
    return datetime.combine(day, time.fromisoformat(text), SHANGHAI)


async def school_of(app: App, code: str = "s001") -> School:
    """A school as the registry has it."""
    return (await list_schools(app, Deadline.after(5))).records[code]


async def follow(family: Family) -> None:
    """Every guardian follows the child."""
    for guardian in family.guardians:
        await service.follow(guardian, f"key-{new_id().hex}")


async def take(app: App, *readings: GateReading) -> None:
    """A batch comes, and its jobs run."""
    await receive(app, await school_of(app), app.clock.now(), readings)
    await tell_pupils(app, "s001", sorted({one.pupil_ref for one in readings}))


async def inbox(app: App, call: Call) -> list[str]:
    """What somebody was told, in the order of the inbox."""
    rows = await Message.filter(person_id=call.require_viewer().user_id).order_by("position")
    return [app.vault.decrypt(bytes(row.body_sealed), "notifications.body") for row in rows]


def test_repeats_and_late_news_follow_the_gates_time_not_the_order_of_arrival() -> None:
    """OCA/hr#845: a second reading of a badge made an entry an exit."""
    read = [reading("a", "P", at("07:41:02")), reading("b", "P", at("07:41:05"))]
    first, second = passages([(one, one.at) for one in read], [], at("07:42"))
    assert (first.is_repeat, second.is_repeat) == (False, True)
    seen = [Seen("P", IN, at("07:41")), Seen("P", OUT, at("16:30"))]
    (late,) = passages([(reading("c", "P", at("07:43")), at("07:43"))], seen, at("16:31"))
    assert (late.is_repeat, late.is_late, late.reading.direction) == (True, True, Direction.IN)
    (other,) = passages([(reading("d", "P", at("11:00")), at("11:00"))], seen, at("16:31"))
    assert (other.is_repeat, other.is_late) == (False, True)
    (of_another,) = passages([(reading("e", "Q", at("16:30")), at("16:30"))], seen, at("16:31"))
    assert (of_another.is_repeat, of_another.is_late) == (False, False)


def test_who_was_out_in_between_has_come_in_again() -> None:
    """The last that guardians hear is where the child is."""
    ways = [("a", "07:30", IN), ("b", "07:31", OUT), ("c", "07:33", IN), ("d", "07:33:04", IN)]
    read = [reading(ref, "P", at(moment), way) for ref, moment, way in ways]
    found = passages([(one, one.at) for one in read], [], at("07:34"))
    assert [one.is_repeat for one in found] == [False, False, False, True]
    seen = [Seen("P", way, at(moment)) for _, moment, way in reversed(ways[:2])]
    (again,) = passages([(read[2], at("07:33"))], seen, at("07:34"))
    assert (again.is_repeat, again.is_late) == (False, False)


def test_school_days_are_the_calendar_s_and_the_school_s_own() -> None:
    calendar = load_city(ROOT / "cities/jinan.toml").calendar
    special = {date(2026, 11, 24): None, date(2026, 11, 29): time(9)}
    school = School(
        "s", None, None, time(8), [(date(2026, 9, 1), date(2027, 1, 20))], special  # type: ignore[arg-type]
    )  # fmt: skip

    def hour(day: date) -> time | None:
        moment = school.arrival_on(day, calendar)
        return moment and moment.time()

    assert hour(DAY) == time(8)
    assert hour(date(2026, 11, 24)) is None  # the school is shut
    assert hour(date(2026, 11, 28)) is None  # a Saturday
    assert hour(date(2026, 11, 29)) == time(9)  # a Sunday that the school works
    assert hour(date(2026, 10, 1)) is None  # a holiday
    (worked, *_) = sorted(day for day in calendar.make_up_days if day >= date(2026, 9, 1))
    assert hour(worked) == time(8)  # worked in exchange, a weekend
    assert hour(date(2026, 7, 30)) is None  # no term


async def test_a_signed_batch_reaches_each_guardian_once(
    app: App, client: Client, bureau: FakeBureau
) -> None:
    family = await make_family(app, bureau, "P1", guardians=2)
    await follow(family)
    events = [event(reading("e1", "P1", NOON)), event(reading("e9", "nobody", NOON))]
    for expected in ({"accepted": 2, "duplicates": 0}, {"accepted": 1, "duplicates": 1}):
        answer = await post(client, "s001", events, created=NOON)
        assert (answer.status, answer.json) == (200, expected | {"refused": []})
        await tell_pupils(app, "s001", ["P1"])
    told = ["贾小例 entered School s001 at 11-23 12:00."]
    assert [await inbox(app, one) for one in family.guardians] == [told, told]
    assert await GateEvent.all().count() == 1  # nothing is kept of pupils whom nobody follows
    assert {row.lane for row in await Delivery.all()} == {"critical"}


async def test_another_s_signature_is_refused_like_a_stranger_s(
    app: App, client: Client, bureau: FakeBureau
) -> None:
    await follow(await make_family(app, bureau, "P1"))
    events = [event(reading("e1", "P1", NOON))]
    others: list[tuple[str, dict[str, Any]]] = [
        ("s001", {"key": key_of("s002")}),
        ("s001", {"key_id": "s002"}),
        ("s001", {"key": key_of("s002"), "key_id": "s002"}),
        ("s001", {"key_id": "s404"}),
        ("s404", {}),
    ]
    answers = [
        await post(client, school, events, created=NOON, **given) for school, given in others
    ]
    assert {(answer.status, answer.body) for answer in answers} == {(401, answers[0].body)}
    assert answers[0].json["title"] == "SIGNATURE_INVALID"
    assert await GateEvent.all().count() == await GateFeed.all().count() == 0


async def test_a_changed_body_and_a_malformed_one_are_refused_and_nothing_is_stored(
    app: App, client: Client, bureau: FakeBureau
) -> None:
    await follow(await make_family(app, bureau, "P1"))
    good = event(reading("e1", "P1", NOON))
    unsigned = await client.post(b"{}", path="/ingest/schools/v1/events")
    assert (unsigned.status, unsigned.json["title"]) == (401, "SIGNATURE_INVALID")
    for bad in (
        good | {"direction": "UP"},
        good | {"at": "2026-11-23T12:00:00"},
        good | {"event_id": ""},
        good | {"event_id": "a b"},
        good | {"name": "贾小例"},
        {k: v for k, v in good.items() if k != "gate_ref"},
    ):
        answer = await post(client, "s001", [good, bad], created=NOON)
        assert (answer.status, answer.json["title"]) == (422, "BATCH_INVALID"), bad
    too_many = [good | {"event_id": f"e{n}"} for n in range(501)]
    assert (await post(client, "s001", too_many, created=NOON)).status == 422
    assert await GateEvent.all().count() == 0


async def test_single_readings_are_refused_with_their_reason(
    app: App, client: Client, bureau: FakeBureau
) -> None:
    await follow(await make_family(app, bureau, "P1"))
    await take(app, reading("e1", "P1", NOON))
    minute = timedelta(minutes=1)
    answer = await post(
        client,
        "s001",
        [
            event(reading("future", "P1", NOON + 3 * minute)),
            event(reading("old", "P1", NOON - timedelta(days=8))),
            event(reading("e1", "P1", NOON, OUT)),
            event(reading("late", "P1", NOON - timedelta(hours=5), OUT)),
        ],
        created=NOON,
    )
    refused = {one["event_id"]: one["code"] for one in answer.json["refused"]}
    assert refused == {"future": "FUTURE", "old": "TOO_OLD", "e1": "EVENT_REUSED"}
    assert (answer.status, answer.json["accepted"]) == (200, 1)
    assert {row.event_ref for row in await GateEvent.all()} == {"e1", "late"}


async def test_a_gate_s_wrong_clock_is_put_right_or_refused(
    app: App, client: Client, bureau: FakeBureau
) -> None:
    await follow(await make_family(app, bureau, "P1"))
    for ahead in (timedelta(minutes=47), -timedelta(hours=3)):
        shown = NOON + ahead
        sent = [event(reading(f"e{ahead}".replace(" ", ""), "P1", shown - timedelta(hours=1)))]
        assert (await post(client, "s001", sent, created=shown)).json["accepted"] == 1
    assert {row.occurred_at for row in await GateEvent.all()} == {NOON - timedelta(hours=1)}
    wrong = NOON + timedelta(days=2)
    answer = await post(client, "s001", [event(reading("x", "P1", wrong))], created=wrong)
    assert (answer.status, answer.json["title"]) == (409, "CLOCK_WRONG")
    assert await GateEvent.all().count() == 2


async def test_late_news_says_so_and_the_last_state_is_the_gates(
    app: App, bureau: FakeBureau, clock: ManualClock
) -> None:
    family = await make_family(app, bureau, "P1")
    await follow(family)
    clock.move(at("16:31") - NOON)
    await take(app, reading("out", "P1", at("16:30"), OUT))
    await take(app, reading("in", "P1", at("07:41")), reading("in2", "P1", at("07:43")))
    (guardian,) = family.guardians
    assert await inbox(app, guardian) == [
        "贾小例 left School s001 at 11-23 16:30.",
        "Late news: 贾小例 entered School s001 at 11-23 07:41; the school's gate has only just "
        "said so.",
    ]
    seen = await service.look(guardian)
    assert seen is not None and seen.last_direction is OUT
    assert [(one.direction, one.is_late) for one in seen.events] == [(OUT, False), (IN, True)]


async def test_a_batch_is_told_together_and_one_in_trouble_keeps_no_other_from_it(
    app: App, bureau: FakeBureau
) -> None:
    pupils = [f"P{n}" for n in range(5)]
    homes = [await make_family(app, bureau, pupil) for pupil in pupils]
    for home in homes:
        await follow(home)
    await take(app, *(reading(f"in-{pupil}", pupil, NOON) for pupil in pupils))
    (jobs,) = await fetch_all(
        connection(),
        "SELECT count(*) AS n FROM pgqueuer WHERE entrypoint = 'notifications.deliver_critical'",
    )
    assert (jobs["n"], await Message.all().count()) == (1, 5)

    (guardian,) = homes[2].guardians
    person = Citizen.filter(id=guardian.require_viewer().user_id)
    (sealed,) = await person.values_list("phone_sealed", flat=True)
    await person.update(phone_sealed=b"unreadable")
    later = [reading(f"out-{pupil}", pupil, NOON, OUT) for pupil in pupils]
    with pytest.raises(SweepIncomplete):
        await take(app, *later)
    assert await Message.all().count() == 9
    await person.update(phone_sealed=sealed)
    await tell_pupils(app, "s001", pupils)
    assert [len(await inbox(app, home.guardians[0])) for home in homes] == [2] * 5


async def _expected_messages(
    app: App, bureau: FakeBureau, count: int, pupils: int, seed: int
) -> None:
    """So many events, three in ten sent again, shuffled, in batches of any size."""
    draw = random.Random(seed)
    families = [await make_family(app, bureau, f"P{n}", guardians=1 + n % 3) for n in range(pupils)]
    for family in families:
        await follow(family)
    start = app.clock.now() - timedelta(days=3)
    events = [
        reading(f"e{n}", f"P{n % pupils}", start + n // pupils * 2 * REPEAT, (IN, OUT)[n % 2])
        for n in range(count)
    ]
    sent = events + draw.choices(events, k=count * 3 // 10)
    draw.shuffle(sent)
    school = await school_of(app)
    while sent:
        batch, sent = sent[: (size := draw.randint(1, 200))], sent[size:]
        await receive(app, school, app.clock.now(), batch)
        if draw.random() < 0.5:
            await tell_pupils(app, "s001", sorted({one.pupil_ref for one in batch}))
    await tell_pupils(app, "s001", [f"P{n}" for n in range(pupils)])
    for n, family in enumerate(families):
        mine = len(events[n::pupils])
        counts = [len(await inbox(app, one)) for one in family.guardians]
        assert counts == [mine] * (1 + n % 3)
    assert await Message.all().count() == sum(
        len(events[n::pupils]) * (1 + n % 3) for n in range(pupils)
    )


async def test_shuffled_and_doubled_events_make_exactly_the_expected_messages(
    app: App, bureau: FakeBureau
) -> None:
    await _expected_messages(app, bureau, 300, 10, seed=57)


@pytest.mark.soak
async def test_ten_thousand_shuffled_and_doubled_events(app: App, bureau: FakeBureau) -> None:
    await _expected_messages(app, bureau, 10_000, 100, seed=57)


async def test_whoever_is_no_guardian_any_more_is_told_nothing_and_sees_nothing(
    app: App, client: Client, bureau: FakeBureau, citizen: People
) -> None:
    family = await make_family(app, bureau, "P1", guardians=2)
    await follow(family)
    stays, goes = family.guardians
    assert goes.mandate is not None
    await families.end_mandate(goes, goes.mandate.id)
    await take(app, reading("e1", "P1", NOON))
    assert [len(await inbox(app, one)) for one in (stays, goes)] == [1, 0]
    stranger = await citizen()
    query = "query ($of: ID) { schoolGate(onBehalfOf: $of) { school } }"
    asked = [
        (goes.require_viewer(), family.child_id),
        (stranger, family.child_id),
        (stranger, new_id()),
    ]
    answers = [await client.run(query, {"of": str(of)}, viewer=who) for who, of in asked]
    assert {answer.body for answer in answers} == {answers[0].body}
    assert answers[0].codes == ["NOT_FOUND"]


async def test_only_a_guardian_follows_and_only_an_enrolled_child(
    app: App, bureau: FakeBureau, citizen: People, call: Callable[..., Call]
) -> None:
    me = call(user_id=(await citizen()).user_id, level=2)
    with pytest.raises(InvalidInput, match="NAME_A_CHILD"):
        await service.follow(me, "key-00000001")
    family = await make_family(app, bureau, "P1")
    bureau.pupils.clear()
    with pytest.raises(NotFound, match="NOT_ENROLLED"):
        await service.follow(family.guardians[0], "key-00000002")


async def _silent_morning(app: App, clock: ManualClock, heard: Sequence[str] = ("s001",)) -> None:
    """It is 08:20 on a school day, and these schools' gates have just been heard."""
    clock.move(at("08:20", date(2026, 11, 24)) - app.clock.now())
    for code in heard:
        await receive(app, await school_of(app, code), app.clock.now(), [])


async def test_a_child_that_does_not_arrive_raises_one_alarm_which_its_arrival_withdraws(
    app: App, bureau: FakeBureau, clock: ManualClock
) -> None:
    family = await make_family(app, bureau, "P1", guardians=2)
    there = await make_family(app, bureau, "P2")
    for one in (family, there):
        await follow(one)
    await _silent_morning(app, clock)
    await take(app, reading("e2", "P2", app.clock.now() - timedelta(minutes=15)))
    for _ in range(3):
        await watch_silence(app)
    alarm = (
        "By 11-24 08:10 School s001 has not seen 贾小例 enter, and no leave was filed. "
        "Please call its teacher."
    )
    assert [await inbox(app, one) for one in family.guardians] == [[alarm], [alarm]]
    assert len(await inbox(app, there.guardians[0])) == 1
    await take(app, reading("e1", "P1", app.clock.now()))
    relieved = "The alarm is withdrawn: 贾小例 entered School s001 at 11-24 08:20."
    assert (await inbox(app, family.guardians[1]))[1:] == [relieved]
    await watch_silence(app)
    assert await SilenceAlarm.filter(withdrawn_at=None).count() == 0
    assert await Message.all().count() == 5


async def test_a_silent_gate_is_no_absent_child(
    app: App, bureau: FakeBureau, clock: ManualClock
) -> None:
    family = await make_family(app, bureau, "P1")
    await follow(family)
    await _silent_morning(app, clock, heard=())
    await watch_silence(app)
    await watch_silence(app)
    (told,) = await inbox(app, family.guardians[0])
    assert told.startswith("By 11-24 08:10 the gates of School s001 have sent nothing")
    await receive(app, await school_of(app), app.clock.now(), [])
    await watch_silence(app)
    assert "has not seen" in (await inbox(app, family.guardians[0]))[1]


async def test_no_alarm_on_leave_on_a_free_day_or_before_the_hour(
    app: App, bureau: FakeBureau, clock: ManualClock
) -> None:
    family = await make_family(app, bureau, "P1", guardians=2)
    await follow(family)
    tomorrow = TOMORROW
    leave = await leaves.file_leave(family.guardians[0], tomorrow, tomorrow, "key-00000001")
    await leaves.report_leave(app, leave.id)
    assert bureau.leaves == {leave.id: ("s001", "P1", tomorrow, tomorrow)}
    await _silent_morning(app, clock)
    await watch_silence(app)
    assert await Message.all().count() == 0
    stranger = await make_family(app, bureau, "P2", guardians=1)
    with pytest.raises(NotFound):
        await leaves.withdraw_leave(stranger.guardians[0], leave.id, "key-00000002")
    for _ in range(2):  # the other guardian may, too
        await leaves.withdraw_leave(family.guardians[1], leave.id, "key-00000002")
    await leaves.report_leave(app, leave.id)
    assert bureau.leaves == {}
    bureau.days = [DayRecord(tomorrow, None)]
    clock.move(timedelta(minutes=2))  # the registry is asked anew
    await watch_silence(app)
    bureau.days = [DayRecord(tomorrow, time(9, 30))]
    clock.move(timedelta(minutes=2))
    await watch_silence(app)
    assert await Message.all().count() == 0
    bureau.days = []
    clock.move(timedelta(minutes=2))
    await watch_silence(app)
    assert await Message.all().count() == 2
    today = await leaves.file_leave(family.guardians[1], tomorrow, tomorrow, "key-00000003")
    assert [len(await inbox(app, one)) for one in family.guardians] == [2, 2]
    assert today.until_on == tomorrow
    with pytest.raises(InvalidInput, match="LEAVE_DAYS"):
        await leaves.file_leave(family.guardians[0], DAY, DAY, "key-00000004")


async def test_without_the_registry_nothing_is_alarmed_and_gates_are_asked_to_come_again(
    app: App, client: Client, bureau: FakeBureau
) -> None:
    bureau.is_silent = True
    answer = await post(client, "s001", [], created=NOON)
    assert (answer.status, answer.json["title"]) == (503, "UPSTREAM_UNAVAILABLE")
    with pytest.raises(Exception, match="UPSTREAM_UNAVAILABLE"):
        await watch_silence(app)


async def test_a_school_whose_record_cannot_be_read_is_not_one_without_an_alarm(
    app: App, client: Client, bureau: FakeBureau, clock: ManualClock
) -> None:
    lost = await make_family(app, bureau, "P1")
    there = await make_family(app, bureau, "P2")
    gone = await make_family(app, bureau, "P3", school="s404")  # of no school of the registry
    for one in (lost, there):
        await follow(one)
    bureau.bad = {"s001"}
    await GateEvent.create(
        id=new_id(), school_code="s001", event_ref="e", pupil_ref="P2", gate_ref="g", direction=IN,
        device_at=at("07:50", TOMORROW), occurred_at=at("07:50", TOMORROW), is_late=False,
        received_at=at("07:50", TOMORROW), is_repeat=False, told_at=NOON,
    )  # fmt: skip
    for hour, told in (("08:00", 0), ("08:20", 1), ("08:30", 1)):
        clock.move(at(hour, TOMORROW) - app.clock.now())
        await watch_silence(app)
        assert await Message.all().count() == told
    (text,) = await inbox(app, lost.guardians[0])
    assert text.startswith("By 11-24 08:10 what the education bureau has registered of s001 could")
    (alarm,) = await SilenceAlarm.all()
    assert (alarm.child_id, alarm.kind) == (lost.child_id, AlarmKind.HOURS_UNKNOWN)
    answer = await post(client, "s001", [], created=app.clock.now())
    assert (answer.status, answer.json["title"]) == (503, "UPSTREAM_UNAVAILABLE"), "come again"
    bureau.bad = set()
    await follow(gone)
    clock.move(at("08:20", TOMORROW + timedelta(days=1)) - app.clock.now())
    await watch_silence(app)
    assert await inbox(app, gone.guardians[0]) == [], "the whole registry has no such school"


async def test_a_school_that_was_read_before_is_watched_as_it_was(
    app: App, client: Client, bureau: FakeBureau, clock: ManualClock
) -> None:
    family = await make_family(app, bureau, "P1")
    await follow(family)
    await _silent_morning(app, clock)
    bureau.bad = {"s001"}
    clock.move(timedelta(minutes=2))
    assert (await post(client, "s001", [], created=app.clock.now())).status == 200
    await watch_silence(app)
    (text,) = await inbox(app, family.guardians[0])
    assert text.startswith("By 11-24 08:10 School s001 has not seen")
    for days, kinds in ((5, ["ABSENT"]), (6, ["ABSENT"]), (8, ["ABSENT", "HOURS_UNKNOWN"])):
        clock.move(at("09:00", TOMORROW + timedelta(days=days)) - app.clock.now())
        await watch_silence(app)  # a Sunday is free, and after a week nothing is remembered
        found = await SilenceAlarm.all().order_by("raised_at")
        assert [alarm.kind for alarm in found if alarm.kind != "SCHOOL_SILENT"] == kinds


async def test_what_was_left_untold_is_told_later_and_forgotten_after_a_month(
    app: App, bureau: FakeBureau, clock: ManualClock
) -> None:
    family = await make_family(app, bureau, "P1")
    await follow(family)
    await receive(app, await school_of(app), NOON, [reading("e1", "P1", NOON)])
    await tell_rest(app)
    assert await Message.all().count() == 0  # its own job is still to come
    clock.move(timedelta(minutes=6))
    await tell_rest(app)
    assert await Message.all().count() == 1
    clock.move(KEPT - timedelta(minutes=7))
    await service.forget_gates(app)
    assert await GateEvent.all().count() == 1
    clock.move(timedelta(minutes=2))
    await service.forget_gates(app)
    assert await GateEvent.all().count() == 0


@pytest.mark.parametrize("in_trouble", [0, 1])
async def test_who_is_always_in_trouble_keeps_no_other_from_being_told_at_last(
    app: App,
    bureau: FakeBureau,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    in_trouble: int,
) -> None:
    """There are more of them than one pass takes."""
    monkeypatch.setattr(notices, "_REST_MAX", 1)
    homes = [await make_family(app, bureau, f"P{number}") for number in range(2)]
    for home in homes:
        await follow(home)
    (guardian,) = homes[in_trouble].guardians
    person = Citizen.filter(id=guardian.require_viewer().user_id)
    await person.update(phone_sealed=b"unreadable")
    readings = [reading(f"e{number}", f"P{number}", NOON) for number in range(2)]
    await receive(app, await school_of(app), NOON, readings)
    clock.move(timedelta(minutes=6))
    for _ in range(40):
        await tell_rest(app)
    (told,) = homes[1 - in_trouble].guardians
    assert len(await inbox(app, told)) == 1


async def test_the_service_over_the_api(app: App, client: Client, bureau: FakeBureau) -> None:
    family = await make_family(app, bureau, "P1")
    viewer, of = family.guardians[0].require_viewer(), str(family.child_id)
    await acting(app, viewer, family.child_id)
    followed = await client.operate(
        "FollowSchoolGate", {"onBehalfOf": of, "key": "key-00000001"}, viewer=viewer
    )
    follow_id = followed.json["data"]["followSchoolGate"]["followId"]
    await take(app, reading("e1", "P1", NOON))
    leave = {"from": "2026-11-25", "until": "2026-11-26", "leaveKey": "key-00000002"}
    filed = await client.operate("FileSchoolLeave", {"onBehalfOf": of} | leave, viewer=viewer)
    assert filed.json["data"]["fileSchoolLeave"]["leave"]["from"] == "2026-11-25"
    shown = await client.operate("SchoolGate", {"onBehalfOf": of}, viewer=viewer)
    gate = shown.json["data"]["schoolGate"]
    assert (gate["followId"], gate["lastDirection"], len(gate["leaves"])) == (follow_id, "IN", 1)
    (passed,) = gate["events"]
    assert (passed["direction"], passed["occurredAt"]) == ("IN", "2026-11-23T04:00:00.000Z")
