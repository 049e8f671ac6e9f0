"""Parking: what a stay costs, and that it is paid once and lets the car out."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.systems.parking import CLOSED_PLACE, SILENT_PLACE, WRONG_COUNTS, Tariff
from tests.sandbox.serving import Client

PLATE = "宁ZD00099"


async def enter(city: Client, minutes_ago: int, plate: str = PLATE) -> dict[str, Any]:
    body = {"plate": plate, "minutes_ago": minutes_ago}
    status, session = await city.post("/_control/parking/sessions", body)
    assert status == 201, session
    return dict(session)


async def pay(city: Client, session: dict[str, Any], ref: str, **changed: object) -> Any:
    body = {
        "payment_ref": ref,
        "amount_fen": session["amount_due_fen"],
        "paid_at": datetime.now(UTC).isoformat(),
    }
    return await city.post(f"/parking/sessions/{session['session_id']}/payments", body | changed)


@pytest.mark.parametrize(
    ("minutes", "fen"),
    [(0, 0), (15, 0), (15.01, 200), (30, 200), (31, 400), (600, 3000), (1440, 3000), (1441, 3200)],
)
def test_a_tariff_charges_begun_units_up_to_the_day(minutes: float, fen: int) -> None:
    assert Tariff(15, 30, 200, 3000).charge_fen(timedelta(minutes=minutes)) == fen


async def test_places_nearby_come_nearest_first(city: Client) -> None:
    status, body = await city.get("/parking/places?lat=36.67&lon=117.0&radius_m=4000")
    distances = [place["distance_m"] for place in body["places"]]
    assert status == 200 and distances == sorted(distances) and 0 < len(distances) < 24
    assert max(distances) <= 4000
    for place in body["places"]:
        observed = datetime.fromisoformat(place["observed_at"])
        assert timedelta() <= datetime.now(UTC) - observed
        if place["place_id"] not in (*WRONG_COUNTS, SILENT_PLACE):
            assert 0 <= place["free_spaces"] <= place["total_spaces"]
            assert datetime.now(UTC) - observed < timedelta(minutes=3)
    place = body["places"][0]
    assert (await city.get(f"/parking/places/{place['place_id']}"))[1]["lat"] == place["lat"]


async def test_without_a_point_all_places_come_with_what_was_usual(city: Client) -> None:
    _, body = await city.get("/parking/places")
    places = {place["place_id"]: place for place in body["places"]}
    assert len(places) == 24 and places[CLOSED_PLACE]["status"] == "CLOSED"
    _, body = await city.get("/parking/usual")
    for usual in body["places"]:
        total = places[usual["place_id"]]["total_spaces"]
        assert len(usual["free_spaces"]) == 8
        assert all(0 <= free <= total for free in usual["free_spaces"])


@pytest.mark.parametrize("query", ["?lat=36.67", "?lat=91&lon=0", "?lat=x&lon=1", "?lat=nan&lon=1"])
async def test_a_wrong_position_is_refused(city: Client, query: str) -> None:
    assert (await city.get(f"/parking/places{query}"))[0] == 400


async def test_the_demo_car_stands_somewhere(city: Client) -> None:
    plate = (await city.person("citizen"))["plate"]
    _, first = await city.post("/parking/sessions/query", {"plate": plate})
    (session,) = first["sessions"]
    assert session["amount_due_fen"] > 0 and session["exit_by"] is None
    _, again = await city.post("/parking/sessions/query", {"plate": plate})
    assert [s["session_id"] for s in again["sessions"]] == [session["session_id"]]
    assert (await city.post("/parking/sessions/query", {"plate": "宁ZD99999"}))[1] == {
        "sessions": []
    }


async def test_paying_lets_the_car_out_for_a_while(city: Client) -> None:
    session = await enter(city, 200)
    leave = f"/_control/parking/sessions/{session['session_id']}/exit"
    assert (await city.post(leave))[1]["code"] == "NOT_PAID"
    answers = await asyncio.gather(*(pay(city, session, "pay-1") for _ in range(10)))
    assert {status for status, _ in answers} == {200}
    assert len({body["receipt_no"] for _, body in answers}) == 1
    receipt = answers[0][1]
    left = datetime.fromisoformat(receipt["exit_by"]) - datetime.now(UTC)
    assert timedelta(minutes=14) < left < timedelta(minutes=16)
    assert (await city.get("/parking/payments/pay-1"))[1]["payable_no"] == session["session_id"]
    status, told = await city.post(leave)
    assert (status, told["amount_due_fen"]) == (200, 0)
    assert (await pay(city, session, "pay-2"))[1]["code"] == "ALREADY_LEFT"
    assert (await pay(city, session, "pay-1"))[1] == receipt


async def test_staying_on_after_paying_costs_the_rest(city: Client) -> None:
    session = await enter(city, 200)
    long_ago = (datetime.now(UTC) - timedelta(minutes=120)).isoformat()
    place = session["place"]["tariff"]
    then = Tariff(*place.values()).charge_fen(timedelta(minutes=80))
    assert (await pay(city, session, "pay-1", amount_fen=then, paid_at=long_ago))[0] == 200
    _, told = await city.get(f"/parking/sessions/{session['session_id']}")
    assert told["paid_fen"] == then
    assert told["amount_due_fen"] == session["amount_due_fen"] - then > 0


async def test_what_was_due_when_the_cashier_opened_is_taken(city: Client) -> None:
    session = await enter(city, 185)
    tariff = Tariff(*session["place"]["tariff"].values())
    earlier = {m: tariff.charge_fen(timedelta(minutes=185 - m)) for m in (20, 60)}
    assert earlier[60] < earlier[20] < session["amount_due_fen"]
    late = await pay(city, session, "pay-1", amount_fen=earlier[60])
    assert late[1]["code"] == "AMOUNT_MISMATCH"
    paid = await pay(city, session, "pay-2", amount_fen=earlier[20])
    assert paid[0] == 200
    assert (await city.get("/parking/payments/pay-2"))[1]["exit_by"] == paid[1]["exit_by"]


async def test_a_car_can_leave_one_place_for_another(city: Client) -> None:
    first = await enter(city, 200)
    body = {"plate": PLATE, "place_id": "p02", "leaves_first": True}
    status, second = await city.post("/_control/parking/sessions", body)
    assert status == 201 and second["session_id"] != first["session_id"]
    _, told = await city.post("/parking/sessions/query", {"plate": PLATE})
    assert [s["session_id"] for s in told["sessions"]] == [second["session_id"]]


async def test_a_wrong_payment_changes_nothing(city: Client) -> None:
    session = await enter(city, 200)
    wrong = session["amount_due_fen"] + 1
    assert (await pay(city, session, "pay-1", amount_fen=wrong))[1]["code"] == "AMOUNT_MISMATCH"
    assert (await city.get("/parking/payments/pay-1"))[0] == 404
    assert (await pay(city, session, "pay-1"))[0] == 200
    other = await enter(city, 300, "宁ZD00098")
    assert (await pay(city, other, "pay-1"))[1]["code"] == "PAYMENT_REF_REUSED"
    assert (await pay(city, {"session_id": "none", "amount_due_fen": 1}, "pay-3"))[0] == 404


async def test_a_car_is_inside_once(city: Client) -> None:
    await enter(city, 1)
    status, body = await city.post("/_control/parking/sessions", {"plate": PLATE})
    assert (status, body["code"]) == (409, "ALREADY_INSIDE")
