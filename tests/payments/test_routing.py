"""Two PSPs: the payer's choice, a PSP that fails is left, and never do two charge one payment."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from core.context.app import App
from core.database import connection, parse_url
from core.deadline import Deadline
from core.errors import Conflict
from core.ids import new_id
from core.processes.embedded import DatabaseUrls
from modules.utilities.bills import service as bills
from payments import jobs
from payments.domain import STATUS, PaymentMethod, PaymentStatus, Wish
from payments.graphql import to_payment
from payments.ledger import store as ledger
from payments.ledger.accounts import psp_receivable
from payments.models import Intent, LeftOrder, Refund
from payments.psp import routing
from payments.psp.port import MerchantRefused, Order, OrderState
from payments.routes import routes
from tests.payments.crash import cut
from tests.payments.town import Town, check_town, check_town_ended
from tests.payments.world import request_of

WECHAT_PAY, ALIPAY = PaymentMethod.WECHAT_PAY, PaymentMethod.ALIPAY
DAY = timedelta(hours=26)


@pytest.fixture
def upstreams(two_psps: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Fakes in the place of all adapters."""
    return two_psps


async def _left(intent: Intent) -> list[tuple[str, str]]:
    return [(o.psp, o.evidence) for o in await LeftOrder.filter(intent_id=intent.id)]


async def test_the_payer_chooses_and_the_money_is_at_that_psp(town: Town) -> None:
    call = await town.citizen()
    intent = await town.begin(call, await town.bill(call), ALIPAY)
    assert (intent.psp, intent.state) == ("alipay", "awaiting")
    assert to_payment(intent, call.locale).method is ALIPAY
    assert town.wechat.orders == {}
    assert town.alipay.pay(intent.id)
    assert await town.hear_all() == ["captured"]
    await town.queue.run_for(DAY)
    assert (await town.intent(intent.id)).state == "fulfilled"
    assert (await ledger.get_balance(psp_receivable("alipay"))).balance_fen == 3360
    await check_town_ended(town)


async def test_without_a_wish_the_preferred_one_takes_it(town: Town) -> None:
    call = await town.citizen()
    assert (await town.begin(call, await town.bill(call))).psp == "wechatpay"


async def test_a_key_stands_for_its_method_too(town: Town) -> None:
    call = town.fresh(await town.citizen())
    bill_id = await town.bill(call)
    await bills.pay_bill(call, bill_id, "the-one-key", Wish(ALIPAY))
    again = await bills.pay_bill(call, bill_id, "the-one-key", Wish(ALIPAY))
    assert again.method is ALIPAY and again.cashier_url
    with pytest.raises(Conflict) as refused:
        await bills.pay_bill(call, bill_id, "the-one-key", Wish(WECHAT_PAY))
    assert refused.value.code == "KEY_REUSED"
    assert (await Intent.get()).psp == "alipay"


async def test_a_psp_that_is_down_is_left_within_the_request(town: Town) -> None:
    call = await town.citizen()
    town.wechat.faults.always = "down"
    intent = await town.begin(call, await town.bill(call))
    assert (intent.psp, intent.state) == ("alipay", "awaiting")
    assert await _left(intent) == [("wechatpay", "unsent")]
    town.alipay.pay(intent.id)
    await town.hear_all()
    await town.queue.run_for(DAY)
    assert town.wechat.orders == {}
    await check_town_ended(town)


async def test_after_three_failures_payments_begin_elsewhere_until_it_answers(town: Town) -> None:
    call = await town.citizen()
    town.wechat.faults.always = "down"
    await town.begin(call, await town.bill(call))
    health = routing.health(town.app, "wechatpay")
    assert not health.ready
    second = await town.begin(call, await town.bill(call))
    assert (second.psp, await _left(second)) == ("alipay", [])
    assert (await town.begin(call, await town.bill(call), WECHAT_PAY)).psp == "alipay"
    # the pause is over: one payment asks first, nothing is sent, and it is not back
    town.clock.move(timedelta(seconds=6))
    third = await town.begin(call, await town.bill(call))
    assert (third.psp, await _left(third)) == ("alipay", [("wechatpay", "unsent")])
    assert not health.ready
    town.clock.move(timedelta(seconds=6))
    town.wechat.faults.always = "ok"
    assert (await town.begin(call, await town.bill(call))).psp == "wechatpay"
    assert health.ready
    shown = town.app.metrics.render().decode()
    assert 'quancheng_payments_psp_left_total{evidence="unsent",psp="wechatpay"} 2.0' in shown
    assert 'quancheng_breaker_state{operation="routing",upstream="wechatpay"} 0.0' in shown


async def test_a_psp_that_refuses_us_when_it_is_tried_again_is_told_as_that(town: Town) -> None:
    town.wechat.faults.always = "merchant"
    order = Order(new_id(), "水费", 100, town.clock.now() + DAY, "127.0.0.1")
    with pytest.raises(MerchantRefused):
        await routing._probe(town.wechat, order, Deadline.after(1))


async def test_lost_replies_move_only_after_the_order_is_closed(town: Town) -> None:
    call = await town.citizen()
    town.wechat.faults.queued.extend(["lost"] * 3)
    intent = await town.begin(call, await town.bill(call))
    assert (intent.psp, intent.state) == ("alipay", "awaiting")
    assert await _left(intent) == [("wechatpay", "closed")]
    assert not town.wechat.pay(intent.id)
    town.alipay.pay(intent.id)
    await town.hear_all()
    await town.queue.run_for(DAY)
    await check_town_ended(town)


async def test_one_lost_reply_is_asked_again_where_it_was_lost(town: Town) -> None:
    call = await town.citizen()
    town.wechat.faults.queued.append("lost")
    intent = await town.begin(call, await town.bill(call))
    assert (intent.psp, intent.state, await _left(intent)) == ("wechatpay", "awaiting", [])


async def test_while_it_is_unknown_no_other_psp_is_asked(town: Town) -> None:
    call = await town.citizen()
    bill_id = await town.bill(call)
    town.wechat.faults.always = "lost"
    intent = await town.begin(call, bill_id)
    # the order was closed, and that reply was lost as well
    assert (intent.psp, intent.state) == ("wechatpay", "leaving")
    assert STATUS[intent.state] is PaymentStatus.PREPARING
    assert to_payment(intent, call.locale).cashier_url is None
    await town.queue.run_for(timedelta(seconds=30))
    assert (await town.begin(call, bill_id, ALIPAY)).state == "leaving"
    assert town.alipay.addresses == {}
    town.wechat.faults.always = "ok"
    await town.queue.run_for(timedelta(minutes=3))
    intent = await town.intent(intent.id)
    assert (intent.psp, intent.state) == ("alipay", "awaiting")
    town.alipay.pay(intent.id)
    await town.hear_all()
    await town.queue.run_for(DAY)
    await check_town_ended(town)


async def test_what_was_paid_while_it_was_left_stays_there(town: Town) -> None:
    call = await town.citizen()
    bill_id = await town.bill(call)
    town.wechat.faults.queued.extend(["lost", "lost", "lost", "down"])
    intent = await town.begin(call, bill_id)
    assert intent.state == "leaving"
    assert town.wechat.pay(intent.id)
    town.wechat.callbacks.clear()
    intent = await town.begin(call, bill_id)
    assert (intent.psp, intent.state, intent.next_psp) == ("wechatpay", "paid", None)
    await town.queue.run_for(DAY)
    assert town.alipay.addresses == {}
    await check_town_ended(town)


async def test_leaving_ends_with_the_payment_s_time(town: Town) -> None:
    call = await town.citizen()
    town.wechat.faults.always = "lost"
    intent = await town.begin(call, await town.bill(call))
    await town.queue.run_for(timedelta(minutes=20))
    assert (await town.intent(intent.id)).state == "closing"
    town.wechat.faults.always = "ok"
    await town.queue.run_for(DAY)
    assert (await town.intent(intent.id)).state == "expired"
    await check_town_ended(town)


async def test_the_payer_changes_their_mind(town: Town) -> None:
    call = await town.citizen()
    bill_id = await town.bill(call)
    first = await town.begin(call, bill_id, WECHAT_PAY)
    second = await town.begin(call, bill_id, ALIPAY)
    assert (second.id, second.psp, second.state) == (first.id, "alipay", "awaiting")
    assert second.cashier_url != first.cashier_url
    assert await _left(second) == [("wechatpay", "closed")]
    assert not town.wechat.pay(first.id)
    # the number is used up there: the payment stays where it can be paid
    third = await town.begin(call, bill_id, WECHAT_PAY)
    assert (third.id, third.psp, third.state) == (first.id, "alipay", "awaiting")
    town.alipay.pay(first.id)
    await town.hear_all()
    await town.queue.run_for(DAY)
    await check_town_ended(town)


async def test_a_payment_returns_to_a_psp_that_never_had_it(town: Town) -> None:
    call = await town.citizen()
    bill_id = await town.bill(call)
    town.wechat.faults.always = "down"
    intent = await town.begin(call, bill_id, WECHAT_PAY)
    assert intent.psp == "alipay"
    town.wechat.faults.always = "ok"
    town.clock.move(timedelta(seconds=6))
    town.alipay.see(intent.id)
    intent = await town.begin(call, bill_id, WECHAT_PAY)
    assert (intent.psp, intent.state) == ("wechatpay", "awaiting")
    assert await _left(intent) == [("alipay", "closed")]
    assert not town.alipay.pay(intent.id) and town.wechat.pay(intent.id)
    await town.hear_all()
    await town.queue.run_for(DAY)
    await check_town_ended(town)


async def test_a_wish_for_a_psp_that_fails_keeps_the_cashier_that_works(town: Town) -> None:
    call = await town.citizen()
    town.alipay.faults.always = "down"
    await town.begin(call, await town.bill(call), ALIPAY)
    bill_id = await town.bill(call)
    await town.begin(call, bill_id, WECHAT_PAY)
    intent = await town.begin(call, bill_id, ALIPAY)
    assert (intent.psp, intent.state, await _left(intent)) == ("wechatpay", "awaiting", [])


async def test_changing_a_payment_that_was_just_paid_settles_it(town: Town) -> None:
    call = await town.citizen()
    bill_id = await town.bill(call)
    intent = await town.begin(call, bill_id, WECHAT_PAY)
    town.wechat.pay(intent.id)
    town.wechat.callbacks.clear()
    intent = await town.begin(call, bill_id, ALIPAY)
    assert (intent.psp, intent.state) == ("wechatpay", "paid")
    await town.queue.run_for(DAY)
    assert town.alipay.addresses == {}
    await check_town_ended(town)


@pytest.mark.parametrize("seen", [False, True])
async def test_a_cashier_that_was_shown_is_left_only_when_closed(town: Town, seen: bool) -> None:
    """Alipay knows no trade before the payer was there: "not there" is no proof then."""
    call = await town.citizen()
    bill_id = await town.bill(call)
    first = await town.begin(call, bill_id, ALIPAY)
    if seen:
        town.alipay.see(first.id)
    second = await town.begin(call, bill_id, WECHAT_PAY)
    if seen:
        assert (second.psp, second.state) == ("wechatpay", "awaiting")
        assert not town.alipay.pay(first.id)
        return
    assert (second.psp, second.state) == ("alipay", "awaiting")
    assert second.cashier_url == first.cashier_url
    assert town.wechat.orders == {}
    assert town.alipay.pay(first.id)


async def test_a_refused_order_goes_to_the_other_and_ends_when_both_refuse(town: Town) -> None:
    call = await town.citizen()
    town.wechat.refuses_orders = True
    intent = await town.begin(call, await town.bill(call))
    assert (intent.psp, intent.state) == ("alipay", "awaiting")
    assert await _left(intent) == [("wechatpay", "missing")]
    town.alipay.refuses_orders = True
    intent = await town.begin(call, await town.bill(call))
    assert (intent.state, intent.refusal) == ("rejected", "PSP_REFUSED")
    await town.queue.run_for(DAY)


@pytest.mark.parametrize("told", [True, False], ids=["told", "found by asking"])
@pytest.mark.parametrize("paid_first", [True, False], ids=["after", "before"])
async def test_what_a_left_psp_takes_goes_back_through_it(
    town: Town, told: bool, paid_first: bool
) -> None:
    call = await town.citizen()
    bill_id = await town.bill(call)
    await town.begin(call, bill_id, WECHAT_PAY)
    intent = await town.begin(call, bill_id, ALIPAY)
    if paid_first:
        town.alipay.pay(intent.id)
        assert await town.hear_all() == ["captured"]
    town.wechat.force_paid(intent.id)  # it was on its way when it was closed
    headers, body = town.wechat.callbacks.pop()
    if told:
        assert await town.hear("wechatpay", headers, body) == "late"
        assert await town.hear("wechatpay", headers, body) == "replay"
        assert await town.hear("wechatpay", *town.wechat.signed(body)) == "known"
        await check_town(town)
    await town.queue.run_for(timedelta(minutes=11))
    (refund,) = await Refund.all()
    assert (refund.psp, refund.state, refund.reason) == ("wechatpay", "succeeded", "LEFT_ORDER")
    intent = await town.intent(intent.id)
    assert (intent.psp, intent.refunded_fen) == ("alipay", 0)
    if not paid_first:
        assert intent.state == "awaiting"
        town.alipay.pay(intent.id)
        await town.hear_all()
    await town.queue.run_for(DAY)
    assert (await town.intent(intent.id)).state == "fulfilled"
    assert town.paid_at(intent.id) == ["wechatpay", "alipay"]
    await check_town_ended(town)


async def test_a_left_order_that_is_open_after_all_is_closed(town: Town) -> None:
    """A try that hung was carried out after the PSP had said that it knew of none."""
    call = await town.citizen()
    town.wechat.refuses_orders = True
    intent = await town.begin(call, await town.bill(call))
    town.wechat.refuses_orders = False
    order = town.alipay.addresses[intent.id]
    await town.wechat.order(order, Deadline.after(5))
    await town.queue.run_for(timedelta(minutes=11))
    assert town.wechat.orders[intent.id].state is OrderState.CLOSED
    await town.queue.run_for(DAY)
    await check_town_ended(town)


async def test_looks_at_left_orders_are_swept_up(town: Town) -> None:
    call = await town.citizen()
    bill_id = await town.bill(call)
    await town.begin(call, bill_id, WECHAT_PAY)
    intent = await town.begin(call, bill_id, ALIPAY)
    town.wechat.force_paid(intent.id)
    town.wechat.callbacks.clear()
    await connection().execute_query("DELETE FROM pgqueuer")
    town.clock.move(timedelta(minutes=12))
    await jobs.sweep(town.app)
    await town.queue.run_for(timedelta(seconds=1))
    assert (await LeftOrder.get()).captured_fen == 3360


async def test_a_psp_is_not_believed_about_a_payment_it_never_had(town: Town) -> None:
    call = await town.citizen()
    intent = await town.begin(call, await town.bill(call), WECHAT_PAY)
    told = {
        "order": str(intent.id),
        "ref": "R1",
        "fen": intent.amount_fen,
        "at": town.clock.now().isoformat(),
    }
    town.alipay.tell(told)
    assert await town.hear_all() == ["no_such_order"]
    second = await town.begin(call, await town.bill(call), WECHAT_PAY)
    await town.begin(call, (await _bill_of(second)), ALIPAY)
    town.wechat.tell(told | {"order": str(second.id), "fen": 1})
    assert await town.hear_all() == ["amount_differs"]
    assert await Refund.all().count() == 0
    await check_town(town)


async def _bill_of(intent: Intent) -> Any:
    return UUID(intent.subject_ref)


async def test_the_alipay_route_says_the_literal_success(town: Town) -> None:
    wechat, alipay, _ = routes(town.app)
    assert (wechat.path, alipay.path) == ("/callbacks/wechatpay", "/callbacks/alipay")
    call = await town.citizen()
    intent = await town.begin(call, await town.bill(call), ALIPAY)
    town.alipay.pay(intent.id)
    headers, body = town.alipay.callbacks.pop()
    for sent, status, text, outcome in (
        ((headers | {"Fake-Signature": "0"}, body), 401, b"fail", "signature"),
        (town.alipay.signed(body, age_s=400), 401, b"fail", "stale"),
        ((headers, body), 200, b"success", "captured"),
        # its answer was lost and it comes again, the same to the letter
        ((headers, body), 200, b"success", "replay"),
        (town.alipay.signed(body), 200, b"success", "known"),
    ):
        answer = await alipay.endpoint(request_of(*sent))
        assert (answer.status_code, answer.body) == (status, text), outcome
        counted = f'payments_callbacks_total{{outcome="{outcome}",psp="alipay"}} 1.0'
        assert counted in town.app.metrics.render().decode()


@pytest.mark.parametrize("first", range(0, 60, 12))
async def test_a_crash_anywhere_while_moving_charges_once(town: Town, first: int) -> None:
    """Cut at every wait in turn: while ordering, closing, moving, ordering again."""
    for after in range(first, first + 12):
        call = await town.citizen()
        bill_id = await town.bill(call, account_no=f"C{after:08d}")
        fresh = town.fresh(call)
        town.wechat.faults.queued.extend(["lost"] * 3)
        await cut(bills.pay_bill(fresh, bill_id, "the-one-key", Wish(WECHAT_PAY)), after)
        town.wechat.faults.queued.clear()
        await town.queue.run_for(timedelta(minutes=1))
        await check_town(town)
        for psp in town.psps.values():
            if intent := await Intent.get_or_none(subject_ref=str(bill_id)):
                psp.pay(intent.id)
        await town.hear_all()
        await town.queue.run_for(timedelta(minutes=1))
        if intent := await Intent.get_or_none(subject_ref=str(bill_id)):
            assert len(town.paid_at(intent.id)) == 1
            assert (await town.intent(intent.id)).state == "fulfilled"
        town.clock.move(timedelta(seconds=10))
    await town.queue.run_for(DAY)
    await check_town_ended(town)


@pytest.fixture
async def raw(app: App, database: DatabaseUrls) -> Any:
    """The application's own role, past all our code."""
    opened = await asyncpg.connect(**parse_url(database.app))
    yield opened
    await opened.close()


async def test_postgresql_refuses_a_second_live_order(town: Town, raw: asyncpg.Connection) -> None:
    call = await town.citizen()
    intent = await town.begin(call, await town.bill(call), WECHAT_PAY)
    insert = """INSERT INTO payments_left_order
                  (id, intent_id, psp, evidence, captured_fen, checks, left_at)
                VALUES ($1, $2, $3, $4, 0, 0, now())"""
    leave = "UPDATE payments_intent SET state = 'leaving', next_psp = 'alipay' WHERE id = $1"
    move = """UPDATE payments_intent SET psp = 'alipay', state = 'created', next_psp = NULL,
                     cashier_url = NULL WHERE id = $1"""
    refused = (asyncpg.CheckViolationError, asyncpg.RestrictViolationError)
    for statements in (
        [("UPDATE payments_intent SET psp = 'alipay' WHERE id = $1", intent.id)],
        [(leave, intent.id), (move, intent.id)],
        # "not there" of a cashier that was shown
        [(leave, intent.id), (insert, new_id(), intent.id, "wechatpay", "missing"),
         (move, intent.id)],
        [(leave.replace("'alipay'", "'wechatpay'"), intent.id)],
        [(leave.replace("'alipay'", "NULL"), intent.id)],
        [(insert, new_id(), intent.id, "wechatpay", "closed")],
        [(insert, new_id(), intent.id, "alipay", "hearsay")],
    ):  # fmt: skip
        with pytest.raises(refused):
            async with raw.transaction():
                for sql, *values in statements:
                    await raw.execute(sql, *values)
    assert (await town.intent(intent.id)).psp == "wechatpay"
    async with raw.transaction():
        await raw.execute(leave, intent.id)
        await raw.execute(insert, new_id(), intent.id, "wechatpay", "closed")
        await raw.execute(move, intent.id)
    for sql in (
        "DELETE FROM payments_left_order",
        "UPDATE payments_left_order SET evidence = 'missing'",
        "UPDATE payments_left_order SET psp = 'alipay'",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await raw.execute(sql)
    with pytest.raises(asyncpg.UniqueViolationError):
        await raw.execute(insert, new_id(), intent.id, "wechatpay", "closed")


async def test_postgresql_keeps_a_contract_s_payment_and_what_may_exist(
    town: Town, raw: asyncpg.Connection
) -> None:
    call = await town.citizen()
    town.wechat.refuses_orders = True
    intent = await town.begin(call, await town.bill(call))
    assert await _left(intent) == [("wechatpay", "missing")]
    with pytest.raises(asyncpg.RestrictViolationError):
        await raw.execute("DELETE FROM payments_left_order")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await raw.execute("UPDATE payments_intent SET contract_id = $1", new_id())
