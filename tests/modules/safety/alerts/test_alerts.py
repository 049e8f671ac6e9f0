"""Alerts: whom they reach, what becomes of them, and that an exercise is never a warning."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import count, product
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import orjson
import pytest
from lxml import etree

from core.clock import ManualClock
from core.context import sweep
from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_all
from core.errors import Conflict
from core.ids import new_id
from core.security.authentication import Viewer
from core.standards.cap import CapAlert, CapArea, Circle, MsgType, Scope, Severity, Status
from core.standards.cap_writer import write_alert
from core.standards.coordinates import GeoPoint, cell_of
from core.upstream.exchange import Response
from kinds.subscription import list_mine, unsubscribe
from modules.safety.alerts import domain, messages, service
from modules.safety.alerts.domain import AlertLevel, AlertPlaceKind, NoticeKind
from modules.safety.alerts.ingest import receive
from modules.safety.alerts.models import AlertPlace, AlertRecipient, EmergencyAlert
from modules.safety.alerts.notices import PLACES
from modules.safety.alerts.upstream import fetch_sources
from notifications.api import MessageClass
from notifications.messages.models import Message
from tests.asgi import Client
from tests.core.standards.test_cap import SCHEMA
from tests.jobs import run_due
from tests.modules.safety.alerts.bureau import (
    FAR,
    HOME,
    SENDER,
    FakeBureau,
    alert,
    around,
    signed,
    source_of,
    take,
    tell,
)

People = Callable[..., Awaitable[Viewer]]
Person = Callable[..., Awaitable[Call]]
UPDATE, CANCEL = MsgType.UPDATE, MsgType.CANCEL
INGEST = "/ingest/alerts/v1"
JOBS = ("safety.tell_alert", "safety.tell_alert_places")


@pytest.fixture
def person(citizen: People, call: Callable[..., Call]) -> Person:
    """Makes somebody who is warned for a place, or for the whole city where it is None."""

    async def make(spot: GeoPoint | None = HOME, **settings: Any) -> Call:
        me = call(user_id=(await citizen(level=1)).user_id, level=1)
        kind = settings.pop("kind", AlertPlaceKind.HOME if spot else AlertPlaceKind.CITY)
        await service.watch(me, kind, spot, f"key-{new_id().hex}", **settings)
        return me

    return make


async def titles(app: App, *people: Call) -> list[list[str]]:
    """What each of some people was told, the titles in order."""
    found = []
    for one in people:
        rows = await Message.filter(person_id=one.subject_id).order_by("position")
        found.append(
            [app.vault.decrypt(bytes(row.title_sealed), "notifications.title") for row in rows]
        )
    return found


WARNED, CLEARED, DRILLED = (
    f"{word}Red rainstorm warning" for word in ("Warning: ", "All clear: ", "EXERCISE: ")
)


async def test_those_in_the_area_are_warned_once_by_level(app: App, person: Person) -> None:
    here, city, far = await person(), await person(None), await person(FAR)
    grave_only = await person(min_level=AlertLevel.EXTREME)
    for _ in range(2):
        await take(app, alert("a1"))
    people = here, city, far, grave_only
    assert await titles(app, *people) == [[WARNED], [WARNED], [], []]
    await take(app, alert("a2", severity=Severity.EXTREME))
    assert [len(told) for told in await titles(app, *people)] == [2, 2, 0, 1]
    body = (await Message.filter(person_id=here.subject_id).first()).body_sealed  # type: ignore[union-attr]
    assert app.vault.decrypt(bytes(body), "notifications.body") == (
        "示范区: 100 mm in three hours. Stay on high ground."
    )


async def test_circles_codes_and_no_area_at_all(app: App, person: Person) -> None:
    here, far = await person(), await person(FAR, district_code="370102")
    areas = [
        CapArea("圆", circles=(Circle(HOME, 2.0),)),
        CapArea("区", geocodes=(("GB/T 2260", "370102"),)),
        CapArea("市", geocodes=(("GB/T 2260", app.city.division_code),)),
        CapArea("外地", geocodes=(("GB/T 2260", "440100"),)),
        CapArea("只有文字"),
    ]
    expected = [(1, 0), (0, 1), (1, 1), (0, 0), (1, 1), (1, 1)]
    for n, (area, new) in enumerate(zip([*areas, None], expected, strict=True)):
        before = await titles(app, here, far)
        await take(app, alert(f"a{n}", areas=[area] if area else []))
        after = await titles(app, here, far)
        assert [len(b) - len(a) for a, b in zip(before, after, strict=True)] == [*new], area


async def test_where_somebody_is_counts_for_two_hours(
    app: App, person: Person, clock: ManualClock
) -> None:
    visitor = await person(HOME, kind=AlertPlaceKind.HERE)
    await take(app, alert("a1"))
    clock.move(service.HERE_FOR)
    await take(app, alert("a2"))
    assert await titles(app, visitor) == [[WARNED]]
    await service.forget_places(app)
    assert await AlertPlace.all().count() == 0
    await take(app, alert("a3", "a1", msg_type=CANCEL))
    assert await titles(app, visitor) == [[WARNED, CLEARED]]  # though nowhere any more


async def test_updates_and_cancels_reach_those_who_got_the_first(app: App, person: Person) -> None:
    here, far = await person(), await person(FAR)
    await take(app, alert("a1"))
    (place,) = await list_mine(here, PLACES)
    await unsubscribe(here, PLACES, "key-00000001", id=place.id)
    await take(app, alert("a2", "a1", msg_type=UPDATE, areas=[around(FAR)]))
    assert await titles(app, here, far) == [[WARNED, WARNED], [WARNED]]
    await take(app, alert("a3", "a2", msg_type=CANCEL))
    assert await titles(app, here, far) == [[WARNED, WARNED, CLEARED], [WARNED, CLEARED]]
    states = {row.identifier: row.state for row in await EmergencyAlert.all()}
    assert states == {"a1": "SUPERSEDED", "a2": "CANCELLED", "a3": "NOTED"}


async def test_a_cancel_may_reference_what_is_cancelled_already(app: App, person: Person) -> None:
    """alphagov/notifications-api#3461."""
    here = await person()
    for n in (1, 2, 3):
        await take(app, alert(f"a{n}"))
    await take(app, alert("c1", "a1", msg_type=CANCEL))
    await take(app, alert("c2", "a2", msg_type=CANCEL))
    await take(app, alert("c3", "a1", "a2", "a3", msg_type=CANCEL))
    assert await titles(app, here) == [[WARNED] * 3 + [CLEARED] * 3]
    assert await EmergencyAlert.filter(state="ACTIVE").count() == 0


async def test_an_update_of_an_unknown_alert_is_new_and_its_late_original_stays_superseded(
    app: App, client: Client, person: Person
) -> None:
    here = await person()
    taken = await take(app, alert("a2", "a1", msg_type=UPDATE))
    assert (taken.of_unknown, taken.state) == (True, "ACTIVE")
    await take(app, alert("a1"))
    assert await titles(app, here) == [[WARNED]]
    (shown,) = (await client.data("{ emergencyAlerts { ofUnknown headline } }"))["emergencyAlerts"]
    assert shown == {"ofUnknown": True, "headline": "Red rainstorm warning"}
    cancelled = await take(app, alert("c1", "a9", msg_type=CANCEL))
    assert (cancelled.of_unknown, cancelled.state) == (True, "NOTED")
    await take(app, alert("a9"))
    assert await titles(app, here) == [[WARNED]]


async def test_an_identifier_stands_for_one_alert(app: App, person: Person) -> None:
    """sahana/eden-legacy#1191."""
    here = await person()
    await take(app, alert("a1"))
    other = signed(alert("a1", "a1", msg_type=UPDATE))
    with pytest.raises(Conflict, match="ALERT_REUSED"):
        await receive(app, other)
    assert await titles(app, here) == [[WARNED]]
    again = await asyncio.gather(*(receive(app, signed(alert("a1"))) for _ in range(4)))
    assert [one.is_new for one in again] == [False] * 4


async def test_an_exercise_is_told_as_one_to_those_who_want_it_and_ends_nothing_real(
    app: App, client: Client, person: Person
) -> None:
    plain, keen = await person(), await person(wants_drills=True)
    await take(app, alert("a1"))
    exercise = {"status": Status.EXERCISE}
    await take(app, alert("x1", **exercise))
    await take(app, alert("x2", "a1", msg_type=CANCEL, **exercise))
    await take(app, alert("x3", "a1", msg_type=UPDATE, **exercise))
    assert await titles(app, plain) == [[WARNED]]
    assert await titles(app, keen) == [[WARNED, DRILLED, DRILLED]]
    assert (await EmergencyAlert.get(identifier="a1")).state == "ACTIVE"
    feed = await client.request("GET", "/alerts/cap.atom")
    assert feed.body.count(b"<entry>") == 1


def test_nothing_but_an_actual_public_alert_is_ever_a_warning() -> None:
    for status, kind, scope, severity in product(Status, MsgType, Scope, Severity):
        made = alert("a1", "a0", status=status, msg_type=kind, scope=scope, severity=severity)
        notice_kind = domain.notice_kind_of(made)
        is_real = status is Status.ACTUAL and scope is Scope.PUBLIC
        if notice_kind in (NoticeKind.WARNING, NoticeKind.CANCELLED):
            assert is_real and kind not in (MsgType.ACK, MsgType.ERROR)
        if status is Status.EXERCISE and notice_kind is not None:
            drill = messages.BY_KIND[notice_kind]
            assert drill.about is MessageClass.SERVICE
            assert drill.title.zh.startswith("【演练】") and drill.title.en.startswith("EXERCISE")
        if status in (Status.TEST, Status.SYSTEM, Status.DRAFT):
            assert notice_kind is None and domain.state_of(made) is domain.AlertState.NOTED


@pytest.mark.parametrize("kind", [MsgType.ACK, MsgType.ERROR])
async def test_answers_to_alerts_are_noted_and_tell_nobody(
    app: App, person: Person, kind: MsgType
) -> None:
    here = await person()
    await take(app, alert("a1"))
    taken = await take(app, alert("a2", "a1", msg_type=kind))
    assert (taken.state, await titles(app, here)) == ("NOTED", [[WARNED]])


async def _queued(app: App, kind: str) -> int:
    rows = await fetch_all(connection(), "SELECT 1 FROM pgqueuer WHERE entrypoint = $1", kind)
    return len(rows)


async def test_what_has_run_out_is_neither_told_nor_shown(
    app: App, client: Client, person: Person, clock: ManualClock
) -> None:
    here = await person()
    clock.move(timedelta(hours=7))
    await receive(app, signed(alert("a1")))
    assert await _queued(app, "safety.tell_alert") == 0
    assert await titles(app, here) == [[]]
    assert (await client.data("{ emergencyAlerts { alertRef } }"))["emergencyAlerts"] == []


async def test_an_alert_that_runs_out_before_it_is_told_is_told_nobody(
    app: App, person: Person, clock: ManualClock
) -> None:
    here = await person()
    taken = await receive(app, signed(alert("a1")))
    clock.move(timedelta(hours=7))  # no worker was there
    await tell(app, taken.alert_id)
    assert await titles(app, here) == [[]]


async def test_a_job_queued_by_the_version_before_has_the_places_told(
    app: App, person: Person
) -> None:
    here = await person()
    taken = await receive(app, signed(alert("a1")))
    queued = "DELETE FROM pgqueuer WHERE entrypoint = ANY($1)"
    await connection().execute_query(queued, [list(JOBS)])
    payload = {"alert_id": taken.alert_id, "after": UUID(int=0)}
    await app.queue.kinds[JOBS[0]].run(app, orjson.dumps(payload))
    assert await run_due(app, JOBS[1]) == 1
    assert len((await titles(app, here))[0]) == 1


async def test_an_alert_that_is_taken_back_while_it_is_told_stops(app: App, person: Person) -> None:
    here = await person()
    taken = await receive(app, signed(alert("a1")))
    await receive(app, signed(alert("c1", "a1", msg_type=CANCEL)))
    await tell(app, taken.alert_id)
    assert await titles(app, here) == [[]]


async def test_all_are_told_however_many_passes_it_takes(
    app: App, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await person()
    place = await AlertPlace.get()
    await AlertPlace.bulk_create(  # two full pages, of people who are gone
        place.clone(new_id()).update_from_dict({"citizen_id": new_id()}) for _ in range(400)
    )
    last = await person()
    ticks = count(step=1000)
    monkeypatch.setattr(sweep, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    warned = await receive(app, signed(alert("a1")))
    assert await run_due(app, *JOBS) == 4
    assert await titles(app, first, last) == [[WARNED], [WARNED]]
    await AlertRecipient.bulk_create(
        AlertRecipient(id=new_id(), alert_id=warned.alert_id, citizen_id=new_id())
        for _ in range(400)
    )
    late = (await person()).subject_id
    await AlertRecipient.create(id=new_id(), alert_id=warned.alert_id, citizen_id=late)
    await receive(app, signed(alert("c1", "a1", msg_type=CANCEL)))
    assert await run_due(app, *JOBS) == 3
    assert await titles(app, first, last) == [[WARNED, CLEARED]] * 2
    assert await Message.filter(person_id=late).count() == 1


def _unsigned(given: CapAlert) -> bytes:
    return etree.tostring(write_alert(given))


REFUSED = [
    (b"not XML", 422, "ALERT_INVALID"),
    (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 422, "ALERT_INVALID"),
    (b"<a>" + b" " * 1_000_001, 422, "ALERT_INVALID"),
    (_unsigned(alert("a1")), 401, "ALERT_UNSIGNED"),
    (signed(alert("a1"), seed=2), 401, "ALERT_UNSIGNED"),
    (signed(alert("a1", sender="nobody@city.invalid")), 401, "ALERT_UNSIGNED"),
    (signed(alert("a1", sender="other@city.invalid")), 401, "ALERT_UNSIGNED"),
    (signed(alert("a1")).replace(b">Severe<", b">Minor<"), 401, "ALERT_UNSIGNED"),
    (signed(alert("a1", msg_type=UPDATE)), 422, "ALERT_INVALID"),
]


async def test_what_is_no_alert_of_a_known_source_is_refused_and_not_stored(
    app: App, client: Client, person: Person
) -> None:
    here = await person()
    for body, status, code in REFUSED:
        answer = await client.post(body, path=INGEST)
        assert (answer.status, answer.json["title"]) == (status, code), body[:60]
    assert await EmergencyAlert.all().count() == 0
    assert await titles(app, here) == [[]]


async def test_our_own_feed_fits_the_schema_and_leads_to_each_alert(
    app: App, client: Client, person: Person
) -> None:
    answer = await client.post(signed(alert("a1")), path=INGEST)
    assert (answer.status, answer.json["state"]) == (201, "ACTIVE")
    assert (await client.post(signed(alert("a1")), path=INGEST)).status == 200
    feed = etree.fromstring((await client.request("GET", "/alerts/cap.atom")).body)
    (link,) = feed.iterfind(".//{*}entry/{*}link")
    path = "/alerts/" + str(link.get("href")).rpartition("/")[2]
    shown = await client.request("GET", path)
    assert shown.headers["content-type"] == "application/cap+xml"
    SCHEMA.assertValid(etree.fromstring(shown.body))
    gone = await client.request("GET", f"/alerts/{new_id()}.cap")
    assert (gone.status, gone.json["title"]) == (404, "NOT_FOUND")


async def test_places_are_asked_for_by_their_owner(
    app: App, client: Client, bureau: FakeBureau, citizen: People
) -> None:
    viewer = await citizen(level=1)
    variables = {
        "kind": "WORK", "at": {"lat": 36.6, "lon": 117.0}, "label": "", "districtCode": "370102",
        "minLevel": "SEVERE", "wantsDrills": False, "watchKey": "key-00000001",
    }  # fmt: skip
    made = await client.operate("WatchAlerts", variables, viewer=viewer)
    place = made.json["data"]["watchAlerts"]["place"]
    assert (place["at"], place["minLevel"]) == ({"lat": 36.6, "lon": 117.0}, "SEVERE")
    listed = await client.operate("AlertPlaces", viewer=viewer)
    assert listed.json["data"]["alertPlaces"] == [place]
    row = await AlertPlace.get(id=place["id"])
    assert row.cell == cell_of(HOME) and b"36.6" not in bytes(row.spot_sealed or b"")
    for bad, field in (
        ({"at": None}, "at"),
        ({"kind": "CITY"}, "at"),
        ({"districtCode": "440100"}, "districtCode"),
    ):
        refused = await client.operate("WatchAlerts", variables | bad, viewer=viewer)
        assert refused.json["data"]["watchAlerts"]["field"] == field


async def test_without_the_list_of_sources_nothing_is_taken(
    app: App, client: Client, bureau: FakeBureau
) -> None:
    bureau.is_silent = True
    answer = await client.post(signed(alert("a1")), path=INGEST)
    assert (answer.status, answer.json["title"]) == (503, "UPSTREAM_UNAVAILABLE")


async def test_a_source_that_cannot_be_read_is_no_stranger(
    app: App, client: Client, bureau: FakeBureau, clock: ManualClock
) -> None:
    bureau.bad = {SENDER}
    answer = await client.post(signed(alert("a1")), path=INGEST)
    assert (answer.status, answer.json["title"]) == (503, "UPSTREAM_UNAVAILABLE"), "come again"
    assert await EmergencyAlert.all().count() == 0
    for is_good, status in ((True, 201), (False, 200)):  # read once, it is remembered
        bureau.bad = set() if is_good else {SENDER}
        clock.move(timedelta(minutes=2))
        answer = await client.post(signed(alert("a1")), path=INGEST)
        assert answer.status == status
    clock.move(timedelta(days=8))
    answer = await client.post(signed(alert("a1")), path=INGEST)
    assert answer.status == 503


def test_a_source_without_a_certificate_cannot_be_read() -> None:
    good = {"sender": "a", "certificate_pem": source_of("a", 1).certificate_pem}
    told = orjson.dumps({"sources": [good, good | {"certificate_pem": "none"}]})
    found = fetch_sources.answers.read(Response("emergency", "fetch_sources", 200, {}, told))
    assert ([one.sender for one in found.items], found.unreadable) == (["a"], 1)
