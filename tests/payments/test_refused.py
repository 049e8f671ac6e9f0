"""A PSP that refuses us, and refunds that it refuses: new payments go elsewhere, all has an end."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.clock import ManualClock
from core.database import connection, transaction
from core.deadline import Deadline
from core.ids import new_id
from core.security.keys import Keys, load_keys
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient, UpstreamRejected
from payments import jobs, oddities, saga
from payments.events import Oddity
from payments.models import Intent, LeftOrder, Refund
from payments.psp import routing
from payments.psp.port import MerchantRefused, Order, RefundOrder, RefundState
from payments.psp.wechatpay import WeChatPayClient
from payments.psp.wechatpay_merchant import SANDBOX_MERCHANT
from payments.reconciliation import cases
from payments.reconciliation.models import Case
from tests.payments.town import Town, check_town_ended
from tests.payments.world import World

HOUR, DAY = timedelta(hours=1), timedelta(hours=26)


@pytest.fixture
def upstreams(two_psps: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Both PSPs."""
    return two_psps


class Wire:
    """WeChat Pay's side of the wire, which refuses everything it is asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.heard: list[dict[str, Any]] = []

    async def answer(self, request: web.Request) -> web.Response:
        """The next refusal; the last one goes on."""
        body = await request.read()
        self.heard.append(orjson.loads(body) if body else {})
        status, told = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        return web.json_response(told, status=status)


@pytest.fixture
def wire() -> Wire:
    """The other side."""
    return Wire()


@pytest.fixture
async def client(keys_dir: Any, clock: ManualClock, wire: Wire) -> AsyncIterator[WeChatPayClient]:
    """Our side, connected to it."""
    keys: Keys = load_keys(keys_dir)
    site = web.Application()
    site.router.add_route("*", "/{path:.*}", wire.answer)
    async with TestServer(site) as server, HttpClient(Metrics()) as http:
        yield WeChatPayClient(
            http=http.upstream("wechatpay", str(server.make_url("")).rstrip("/")),
            clock=clock,
            merchant=SANDBOX_MERCHANT,
            private_key=keys.wechat_merchant_private,
            platform_key=keys.wechat_platform_public,
            apiv3_key=keys.wechat_apiv3,
            notify_url="http://127.0.0.1:9/callbacks/wechatpay",
        )


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (401, "SIGN_ERROR"),
        (401, ""),
        (403, "NO_AUTH"),
        (403, ""),
        (400, "APPID_MCHID_NOT_MATCH"),
        (400, "MCH_NOT_EXISTS"),
    ],
)
async def test_a_refusal_of_us_is_told_from_one_of_an_order(
    client: WeChatPayClient, wire: Wire, clock: ManualClock, status: int, code: str
) -> None:
    wire.answers = [(status, {"code": code} if code else {})]
    order = Order(new_id(), "水费", 100, clock.now() + HOUR, "127.0.0.1")
    refund = RefundOrder(new_id(), order.intent_id, 100, 100, "TEST")
    for ask in (
        lambda: client.order(order, _soon()),
        lambda: client.find_order(order.intent_id, _soon()),
        lambda: client.close_order(order.intent_id, _soon()),
        lambda: client.refund(refund, _soon()),
        lambda: client.find_refund(refund, _soon()),
    ):
        with pytest.raises(MerchantRefused) as refused:
            await ask()
        assert refused.value.outcome_known and refused.value.blamed


@pytest.mark.parametrize("code", ["OUT_TRADE_NO_USED", "ORDER_CLOSED", "RULE_LIMIT"])
async def test_a_403_of_one_order_refuses_that_order(
    client: WeChatPayClient, wire: Wire, clock: ManualClock, code: str
) -> None:
    wire.answers = [(403, {"code": code})]
    order = Order(new_id(), "水费", 100, clock.now() + HOUR, "127.0.0.1")
    with pytest.raises(UpstreamRejected):
        await client.order(order, _soon())


async def test_a_refund_takes_the_money_there_is(client: WeChatPayClient, wire: Wire) -> None:
    """Reported as binarywang/WxJava#716: unsettled money is too little every morning."""
    refund = RefundOrder(new_id(), new_id(), 100, 100, "TEST")
    wire.answers = [(403, {"code": "NOT_ENOUGH"})]
    assert (await client.refund(refund, _soon())).state is RefundState.SHORT
    assert [heard.get("funds_account") for heard in wire.heard] == [None, "AVAILABLE"]
    assert {heard["out_refund_no"] for heard in wire.heard} == {refund.refund_id.hex}
    wire.answers = [(403, {"code": "NOT_ENOUGH"}), (403, {"code": "USER_ACCOUNT_ABNORMAL"})]
    assert (await client.refund(refund, _soon())).state is RefundState.FAILED


async def test_new_payments_go_elsewhere_and_none_is_doubled(town: Town) -> None:
    """Everything at WeChat Pay is refused in mid-flow, for an hour."""
    calls = [await town.citizen() for _ in range(6)]
    accounts = [f"10000001{n:02d}" for n in range(6)]
    bills = [await town.bill(call, 1000 + n, accounts[n]) for n, call in enumerate(calls)]
    opened = await town.begin(calls[0], bills[0])
    town.wechat.faults.always = "merchant"
    for call, bill_id in zip(calls[1:], bills[1:], strict=True):
        intent = await town.begin(call, bill_id)
        assert (intent.psp, intent.state) == ("alipay", "awaiting")
        assert town.alipay.pay(intent.id)
    assert not routing.health(town.app, "wechatpay").ready
    assert {left.evidence for left in await LeftOrder.all()} <= {"unsent"}
    await town.hear_all()
    await town.queue.run_for(HOUR)
    assert (await town.intent(opened.id)).state == "closing"
    town.wechat.faults.always = "ok"
    await town.queue.run_for(DAY)
    states = [intent.state for intent in await Intent.all().order_by("amount_fen")]
    assert states == ["expired"] + ["fulfilled"] * 5
    await check_town_ended(town)


async def test_a_payer_s_money_on_its_way_is_found_when_it_knows_us_again(town: Town) -> None:
    call = await town.citizen()
    intent = await town.begin(call, await town.bill(call))
    town.wechat.faults.always = "merchant"
    town.wechat.pay(intent.id)
    town.wechat.callbacks.clear()
    await town.queue.run_for(HOUR)
    assert (await town.intent(intent.id)).state == "closing"
    town.wechat.faults.always = "ok"
    await town.queue.run_for(HOUR)
    assert (await town.intent(intent.id)).state == "fulfilled"


async def test_what_was_never_sent_ends_without_being_asked_for(town: Town) -> None:
    """Both PSPs refuse us: the bill is free again when the cashier's time is over."""
    call = await town.citizen()
    bill_id = await town.bill(call)
    town.wechat.faults.always = town.alipay.faults.always = "merchant"
    intent = await town.begin(call, bill_id)
    assert (intent.state, intent.cashier_url) in (("order_unknown", None), ("created", None))
    await town.queue.run_for(HOUR)
    assert (await town.intent(intent.id)).state == "expired"
    town.wechat.faults.always = town.alipay.faults.always = "ok"
    again = await town.begin(call, bill_id)
    assert again.id != intent.id
    assert await Intent.filter(state="expired").count() == 1


async def _refunding(world: World) -> Refund:
    """A payment that its payee refuses, so that its money is to go back."""
    call = await world.citizen()
    bill_id = await world.bill(call)
    world.billers.refuses[next(iter(world.billers.bills))] = "BILL_WITHDRAWN"
    intent_id = await world.start(call, bill_id)
    world.psp.pay(intent_id)
    await world.call_back()
    await world.queue.run_for(HOUR)
    return await Refund.get(intent_id=intent_id)


async def test_a_refund_waits_for_money_and_is_made(world: World) -> None:
    world.psp.is_short = True
    refund = await _refunding(world)
    assert refund.state == "unknown" and world.queue.dead == []
    world.psp.is_short = False
    await world.queue.run_for(HOUR)
    assert (await Refund.get(id=refund.id)).state == "succeeded"
    assert await Case.all().count() == 0


async def test_a_refund_without_money_for_three_days_is_put_to_people(world: World) -> None:
    world.psp.is_short = True
    refund = await _refunding(world)
    await world.queue.run_for(timedelta(days=4))
    case = await Case.get()
    assert (case.kind, case.ref, case.our_fen) == ("refund_refused", refund.id.hex, 3360)
    assert (await Refund.get(id=refund.id)).state == "failed"
    assert world.queue.dead == ["payments.refund"]
    world.psp.is_short = False
    await saga.refund(world.app, refund.id)
    await world.queue.run_due()
    assert (await Intent.get()).state == "refunded"
    assert (await Case.get()).state == "cleared"
    assert [note.event for note in await cases.trail(case.id)] == ["open", "vanish"]


async def test_a_refund_whose_rerun_dies_is_swept_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused before and under way again, it was in no state of which people are told."""
    world.psp.refuses_refunds = True
    refund = await _refunding(world)
    world.psp.refuses_refunds = False
    monkeypatch.setattr(world.psp, "refund", _die)
    with pytest.raises(RuntimeError):
        await saga.refund(world.app, refund.id)
    monkeypatch.undo()
    assert (await Refund.get()).state == "requested"
    world.clock.move(timedelta(minutes=2))
    await jobs.sweep(world.app)
    await world.queue.run_due()
    assert (await Refund.get()).state == "succeeded"


async def _die(*_: object) -> None:
    raise RuntimeError("the process dies")


async def test_a_refund_under_way_for_a_week_is_put_to_people_once(world: World) -> None:
    world.psp.slow_refunds = True
    refund = await _refunding(world)
    await world.queue.run_for(timedelta(days=6))
    assert await Case.all().count() == 0
    await world.queue.run_for(timedelta(days=2))
    case = await Case.get()
    assert (case.kind, case.state) == ("refund_overdue", "open")
    world.psp.finish_refund(refund.id)
    await world.call_back()
    await world.queue.run_due()
    assert (await Case.get()).state == "cleared"


async def test_a_refusal_that_is_told_after_the_refund_s_end_opens_no_case(world: World) -> None:
    """Events are jobs, in no order: the case could be closed by nothing any more."""
    refund, intent = await _refunding(world), await Intent.get()
    assert refund.state == "succeeded"
    async with transaction() as tx:
        await oddities.report_refund(world.app, tx, intent, refund, Oddity.REFUND_REFUSED)
    await world.queue.run_due()
    assert await Case.all().count() == 0


async def test_a_refund_told_with_another_amount_is_put_to_people(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was asked for each minute, and nobody was told of it."""
    told = world.psp._refund_view
    monkeypatch.setattr(
        world.psp, "_refund_view", lambda number: replace(told(number), amount_fen=1)
    )
    await _refunding(world)
    await world.queue.run_for(timedelta(days=8))
    assert (await Refund.get()).state == "unknown"
    assert (await Case.get()).kind == "refund_overdue"
    monkeypatch.undo()
    await world.queue.run_for(HOUR)
    assert (await Refund.get()).state == "succeeded" and (await Case.get()).state == "cleared"


async def test_counters_outlast_years_of_asking(world: World) -> None:
    """Asked every ten minutes, a counter of two bytes was full after 227 days."""
    world.psp.is_short = True
    refund = await _refunding(world)
    async with transaction() as tx:
        for table in ("payments_refund", "payments_intent"):
            await tx.execute_query(f"UPDATE {table} SET attempts = 32767")
        await tx.execute_query("UPDATE payments_intent SET checks = 32767, order_tries = 32767")
    await world.queue.run_for(HOUR)
    assert (await Refund.get(id=refund.id)).attempts > 32767
    rows = await connection().execute_query_dict(
        """SELECT table_name, column_name FROM information_schema.columns
            WHERE table_schema = 'public' AND data_type = 'smallint'
              AND column_name IN ('checks', 'attempts', 'order_tries', 'tries', 'retries')
              AND table_name LIKE 'payments_%'"""
    )
    assert rows == []


def _soon() -> Deadline:
    return Deadline.after(5)
