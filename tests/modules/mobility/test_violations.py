"""Traffic violations: what is open and settled, the points, pictures by a link that ends."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.clock import ManualClock
from core.context.call import Call
from core.people.personal_files import LIFE
from core.people.personal_read import grant_consent, withdraw_consent
from core.security.authentication import Viewer
from core.upstream.client import Response
from core.upstream.records import Records
from modules.mobility.fines.domain import FineStatus
from modules.mobility.fines.upstream import POLICE
from modules.mobility.violations.lookup import PURPOSE, read_picture
from tests.asgi import Answer, Client
from tests.conftest import NOON
from tests.modules.mobility.police import PNG, FakePolice, violation
from tests.upstreams import by_operation

Citizen = Callable[..., Awaitable[Viewer]]


@pytest.fixture
def police() -> FakePolice:
    """The traffic police."""
    return FakePolice()


@pytest.fixture
def upstreams(police: FakePolice) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return by_operation(police, POLICE)


@pytest.fixture
async def driver(call: Callable[..., Call], citizen: Citizen) -> Viewer:
    """Somebody verified who has consented."""
    viewer = await citizen()
    await grant_consent(call(user_id=viewer.user_id, level=2), PURPOSE.id, PURPOSE.text_version)
    return viewer


async def _record(client: Client, driver: Viewer) -> Any:
    answer = await client.operate("TrafficViolations", viewer=driver)
    assert "errors" not in answer.json, answer.json
    return answer.json["data"]["trafficViolations"]["record"]


async def _fetch(client: Client, url: str) -> Answer:
    return await client.request("GET", url)


async def test_open_and_settled_are_told_apart_with_what_is_to_be_done(
    client: Client, driver: Viewer, police: FakePolice
) -> None:
    police.violations = Records(
        [
            violation("old", FineStatus.UNCONFIRMED, committed_at=NOON - timedelta(days=9)),
            violation("new", FineStatus.UNPAID),
            violation("grave", FineStatus.UNCONFIRMED, needs_hearing=True, points=12),
            violation("paid", FineStatus.SETTLED),
            violation("back", FineStatus.WITHDRAWN, needs_hearing=True),
        ],
        1,
    )
    record = await _record(client, driver)
    assert [(one["violationNo"], one["nextStep"]) for one in record["unsettled"]] == [
        ("new", "PAY"), ("grave", "HEARING"), ("old", "ACCEPT"),
    ]  # fmt: skip
    assert [(one["violationNo"], one["nextStep"]) for one in record["settled"]] == [
        ("paid", "NONE"), ("back", "NONE"),
    ]  # fmt: skip
    links = {one["violationNo"]: one["settleLink"] for one in record["unsettled"]}
    payment = "lovecity://services/traffic-fine-payment"
    assert links == {"new": payment, "grave": None, "old": payment}
    assert (record["unreadable"], record["pointsOpen"]) == (1, 18)
    assert record["licence"]["pointsLeft"] == 7
    assert (record["unsettled"][0]["place"], record["unsettled"][0]["fine"]) == ("Road", 20_000)


@pytest.mark.parametrize(("used", "left"), [(0, 12), (12, 0), (15, 0)])
async def test_points_left_are_never_less_than_none(
    client: Client, driver: Viewer, police: FakePolice, used: int, left: int
) -> None:
    assert police.licence is not None
    police.licence = replace(police.licence, points_used=used)
    assert (await _record(client, driver))["licence"]["pointsLeft"] == left


async def test_neither_car_nor_licence_is_an_answer(
    client: Client, driver: Viewer, police: FakePolice
) -> None:
    police.violations = police.licence = None
    assert await _record(client, driver) == {
        "unsettled": [], "settled": [], "unreadable": 0, "pointsOpen": 0, "licence": None
    }  # fmt: skip


async def test_a_picture_opens_by_its_link_for_some_minutes(
    client: Client, driver: Viewer, police: FakePolice, clock: ManualClock
) -> None:
    police.violations = Records([violation("V1", FineStatus.UNPAID)])
    evidence = (await _record(client, driver))["unsettled"][0]["evidence"]
    assert evidence["expiresAt"] == "2026-11-23T04:05:00.000Z"
    shown = await _fetch(client, evidence["url"])
    assert (shown.status, shown.body) == (200, PNG)
    assert shown.headers["content-type"] == "image/png"
    assert shown.headers["cache-control"] == "private, no-store"
    assert shown.headers["x-content-type-options"] == "nosniff"
    ((number, access),) = police.asked
    assert number == "V1" and access.person.id == driver.user_id
    clock.move(LIFE)
    assert (await _fetch(client, evidence["url"])).status == 404
    assert len(police.asked) == 1


async def test_a_link_is_worth_nothing_when_it_is_altered_or_the_consent_is_gone(
    client: Client, call: Callable[..., Call], driver: Viewer, police: FakePolice
) -> None:
    police.violations = Records([violation("V1", FineStatus.UNPAID)])
    url = (await _record(client, driver))["unsettled"][0]["evidence"]["url"]
    head, _, signature = url.rpartition(".")
    bearer = client.token(driver)["authorization"].removeprefix("Bearer ")
    for token in (f"{head.rpartition('/')[2]}.{signature[::-1]}", "x", bearer):
        forged = f"/files/traffic-evidence/{token}"
        assert (await _fetch(client, forged)).status == 404
    await withdraw_consent(call(user_id=driver.user_id, level=2), PURPOSE.id)
    assert (await _fetch(client, url)).status == 403
    assert police.asked == []


async def test_a_picture_that_the_police_do_not_give_is_not_found(
    client: Client, driver: Viewer, police: FakePolice
) -> None:
    police.violations = Records([violation("gone", FineStatus.UNPAID)])
    url = (await _record(client, driver))["unsettled"][0]["evidence"]["url"]
    refused = await _fetch(client, url)
    assert (refused.status, refused.json["title"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "body", [b"", b"<svg onload='x'/>", b"<html>", b"GIF89a", b"\x89PNG"], ids=repr
)
def test_what_is_no_picture_is_not_shown(body: bytes) -> None:
    with pytest.raises(ValueError, match="no picture"):
        read_picture(Response("traffic_police", "fetch_evidence", 200, {}, body))


async def test_the_card_counts_and_tells_the_points(
    client: Client, driver: Viewer, police: FakePolice
) -> None:
    police.violations = Records([violation("V1", FineStatus.UNPAID)])
    query = """{ home { sections { id status
        ... on TrafficViolationsSection { unsettledCount pointsLeft } } } }"""

    async def card() -> dict[str, Any]:
        sections = (await client.data(query, viewer=driver))["home"]["sections"]
        return next(one for one in sections if one["id"] == "traffic-violations")

    shown = {"id": "traffic-violations", "status": "LIVE", "unsettledCount": 1, "pointsLeft": 7}
    assert await card() == shown
    police.violations = Records(police.violations.items, unreadable=1)
    assert await card() == shown | {"unsettledCount": None}
