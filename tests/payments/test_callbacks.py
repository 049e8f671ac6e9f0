"""The callback route: what is counted, what is answered, and that refusals change nothing."""

import asyncio
from datetime import timedelta

import orjson
import pytest

from core.database import connection, fetch_one
from core.ids import new_id
from payments import jobs
from payments.routes import routes
from tests.payments.books import check_books, check_ended
from tests.payments.world import World, request_of


async def _journals() -> int:
    row = await fetch_one(connection(), "SELECT count(*) AS n FROM payments_journal")
    assert row is not None
    return int(row["n"])


async def _paid_body(world: World) -> tuple[object, bytes]:
    call = await world.citizen()
    intent_id = await world.start(call, await world.bill(call))
    world.psp.pay(intent_id)
    return intent_id, world.psp.callbacks.pop()[1]


async def test_what_is_not_believed_changes_nothing(world: World) -> None:
    intent_id, body = await _paid_body(world)
    headers, _ = world.psp.signed(body)
    told = orjson.loads(body)
    forged = headers | {"Fake-Signature": "0" * 64}
    assert await world.deliver(forged, body) == "signature"
    assert await world.deliver(*world.psp.signed(body, age_s=301)) == "stale"
    assert await world.deliver(headers, b"x" * 70_000) == "too_large"
    cheaper = orjson.dumps(told | {"fen": told["fen"] - 1})
    assert await world.deliver(*world.psp.signed(cheaper)) == "amount_differs"
    stranger = orjson.dumps(told | {"order": str(new_id())})
    assert await world.deliver(*world.psp.signed(stranger)) == "no_such_order"
    assert await _journals() == 0
    assert (await world.intent(intent_id)).state == "awaiting"
    assert await world.deliver(*world.psp.signed(body)) == "captured"
    other_payment = orjson.dumps(told | {"ref": "another"})
    assert await world.deliver(*world.psp.signed(other_payment)) == "amount_differs"
    assert await _journals() == 1
    await world.queue.run_for(timedelta(hours=1))
    await check_ended(world)


async def test_a_callback_before_its_order_reply_is_taken(world: World) -> None:
    call = await world.citizen()
    bill_id = await world.bill(call)
    world.psp.faults.queued.append("lost")
    intent_id = await world.start(call, bill_id)
    world.psp.pay(intent_id)
    assert await world.call_back() == ["captured"]
    await world.queue.run_for(timedelta(hours=1))
    assert (await world.intent(intent_id)).state == "fulfilled"
    await check_ended(world)


async def test_fifty_callbacks_at_once_have_one_effect(world: World) -> None:
    _, body = await _paid_body(world)
    outcomes = await asyncio.gather(*(world.deliver(*world.psp.signed(body)) for _ in range(50)))
    assert sorted(outcomes) == ["captured"] + ["known"] * 49
    assert await _journals() == 1
    await check_books(world)


async def test_the_route_answers_as_the_psp_expects(world: World) -> None:
    route, partner = routes(world.app)
    assert (route.path, partner.path) == ("/callbacks/wechatpay", "/callbacks/wechatpay-sp")
    _, body = await _paid_body(world)
    headers, _ = world.psp.signed(body)
    forged = headers | {"Fake-Signature": "0" * 64}
    expected = [
        (forged, body, 401, "signature"),
        (*world.psp.signed(body, age_s=400), 401, "stale"),
        (*world.psp.signed(body.replace(b"ref", b"fer")), 400, "malformed"),
        (headers, body, 204, "captured"),
        (headers, body, 401, "replay"),
        (*world.psp.signed(body), 204, "known"),
    ]
    for sent_headers, sent_body, status, outcome in expected:
        answer = await route.endpoint(request_of(sent_headers, sent_body))
        assert answer.status_code == status, outcome
        if status != 204:
            assert orjson.loads(answer.body) == {"code": "FAIL", "message": outcome}
    counted = world.app.metrics.render().decode()
    for outcome in ("signature", "stale", "malformed", "captured", "replay", "known"):
        name = "quancheng_payments_callbacks_total"
        assert f'{name}{{outcome="{outcome}",psp="wechatpay"}} 1.0' in counted


@pytest.mark.parametrize("repeat", [False, True])
async def test_nonces_are_forgotten_only_when_too_old(world: World, repeat: bool) -> None:
    _, body = await _paid_body(world)
    headers, _ = world.psp.signed(body)
    assert await world.deliver(headers, body) == "captured"
    world.clock.move(timedelta(minutes=4 if repeat else 16))
    await jobs.forget(world.app)
    assert await world.deliver(headers, body) == ("replay" if repeat else "stale")
