"""The fault switches over real sockets: what the client sees, and whether the work was done."""

import asyncio
import statistics
import time

import aiohttp
import pytest

from tests.sandbox.serving import Client

MESSAGE = {"message_ref": "m-1", "phone": "19900000001", "text": "你好"}


async def inbox(city: Client) -> list[dict[str, str]]:
    return (await city.get("/_control/sms?phone=19900000001"))[1]


async def test_latency_delays_the_answer(city: Client) -> None:
    await city.put("/_control/faults/sms", {"latency_ms": 300})
    started = time.monotonic()
    assert (await city.post("/sms/messages", MESSAGE))[0] == 202
    assert time.monotonic() - started >= 0.3


async def test_latency_is_drawn_from_a_distribution_and_told_by_request(city: Client) -> None:
    fault = {"latency_ms": 10, "latency_p99_ms": 30}
    await city.put("/_control/faults/sms", fault)
    for n in range(40):
        message = MESSAGE | {"message_ref": f"m-{n}"}
        await city.post("/sms/messages", message, headers={"X-Request-Id": f"r-{n}"})
    _, waits_ms = await city.post("/_control/delays", None)
    assert set(waits_ms) == {f"r-{n}" for n in range(40)}
    assert 7 < statistics.median(waits_ms.values()) < 14
    assert len({round(wait_ms, 3) for wait_ms in waits_ms.values()}) > 30
    assert (await city.post("/_control/delays", None))[1] == {}


async def test_errors_leave_the_work_undone(city: Client) -> None:
    await city.put("/_control/faults/sms", {"error_rate": 1})
    status, body = await city.post("/sms/messages", MESSAGE)
    assert (status, body["code"]) == (503, "SYSTEM_ERROR")
    assert await inbox(city) == []


async def test_error_rate_is_about_right(city: Client) -> None:
    await city.put("/_control/faults/sms", {"error_rate": 0.3})
    answers = [await city.post("/sms/messages", MESSAGE) for _ in range(200)]
    assert 30 <= sum(status == 503 for status, _ in answers) <= 90


async def test_a_lost_reply_cuts_the_connection_after_the_work(city: Client) -> None:
    await city.put("/_control/faults/sms", {"lose_reply_rate": 1})
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await city.post("/sms/messages", MESSAGE)
    assert [message["text"] for message in await inbox(city)] == ["你好"]
    assert (await city.get("/_control/healthz"))[0] == 200


async def test_only_the_faulty_connection_is_cut(city: Client) -> None:
    await city.put("/_control/faults/sms", {"lose_reply_rate": 0.5})
    answers = await asyncio.gather(
        *(city.post("/sms/messages", MESSAGE | {"message_ref": f"r-{n}"}) for n in range(40)),
        return_exceptions=True,
    )
    cut = [answer for answer in answers if isinstance(answer, BaseException)]
    assert all(isinstance(answer, aiohttp.ServerDisconnectedError) for answer in cut)
    assert 5 <= len(cut) <= 35
    assert all(answer[0] == 202 for answer in answers if not isinstance(answer, BaseException))
    assert len(await inbox(city)) == 40


async def test_a_hanging_system_answers_nothing_and_does_nothing(city: Client) -> None:
    await city.put("/_control/faults/sms", {"hang": True})
    with pytest.raises(TimeoutError):
        await city.post("/sms/messages", MESSAGE, timeout=aiohttp.ClientTimeout(total=0.5))
    assert await inbox(city) == []


async def test_garbage_is_no_json(city: Client) -> None:
    await city.put("/_control/faults/sms", {"garbage": True})
    with pytest.raises(ValueError):
        await city.post("/sms/messages", MESSAGE)
    assert len(await inbox(city)) == 1


async def test_an_operation_fails_alone(city: Client) -> None:
    account = (await city.person("citizen"))["household"]["water_account_no"]
    await city.put("/_control/faults/biller_water", {"operation": "get_account", "error_rate": 1})
    assert (await city.get(f"/billers/water/accounts/{account}"))[0] == 503
    assert (await city.get(f"/billers/water/accounts/{account}/bills"))[0] == 200


async def test_an_operations_own_switch_comes_before_the_systems(city: Client) -> None:
    account = (await city.person("citizen"))["household"]["water_account_no"]
    await city.put("/_control/faults/biller_water", {"error_rate": 1})
    await city.put("/_control/faults/biller_water", {"operation": "get_account", "latency_ms": 1})
    assert (await city.get(f"/billers/water/accounts/{account}"))[0] == 200
    assert (await city.get(f"/billers/water/accounts/{account}/bills"))[0] == 503


async def test_switches_are_listed_and_cleared(city: Client) -> None:
    await city.put("/_control/faults/sms", {"hang": True})
    await city.put("/_control/faults/police", {"operation": "verify", "latency_ms": 5})
    assert (await city.get("/_control/faults"))[1] == [
        {"system": "police", "operation": "verify", "latency_ms": 5},
        {"system": "sms", "operation": None, "hang": True},
    ]
    assert (await city.call("DELETE", "/_control/faults/sms"))[0] == 204
    assert [fault["system"] for fault in (await city.get("/_control/faults"))[1]] == ["police"]
    assert (await city.call("DELETE", "/_control/faults"))[0] == 204
    assert (await city.get("/_control/faults"))[1] == []


@pytest.mark.parametrize(
    ("system", "body", "status"),
    [
        ("nowhere", {}, 404),
        ("sms", {"operation": "fly"}, 404),
        ("sms", {"error_rate": 2}, 400),
        ("sms", {"latency": 5}, 400),
    ],
)
async def test_a_switch_that_does_not_exist_is_refused(
    city: Client, system: str, body: dict[str, object], status: int
) -> None:
    assert (await city.put(f"/_control/faults/{system}", body))[0] == status
    assert (await city.get("/_control/faults"))[1] == []
