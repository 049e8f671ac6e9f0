"""Real money in the sandbox city: paid at its WeChat Pay, written off at its water works, and the
day after compared with their own files over HTTP."""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.clock import ManualClock, SystemClock, civil_date
from core.context.app import App
from core.context.call import Call
from core.manifest import Manifest
from core.processes.embedded import DatabaseUrls
from core.settings import Settings
from payments import share_receivers as receivers
from payments.domain import PaymentMethod
from payments.ledger import store as ledger
from payments.ledger.accounts import psp_receivable
from payments.models import Intent
from payments.reconciliation import payouts, service
from payments.reconciliation.models import Case
from payments.reconciliation.sources import get_sources
from payments.statements import StatementNotReady
from tests.conftest import ROOT
from tests.payments import payees
from tests.payments.reconciliation.books import check_ledger, found
from tests.payments.reconciliation.payers import Payers
from tests.sandbox.serving import Client

NEAR_MIDNIGHT = timedelta(minutes=15)
KINDS = {
    "missing_row": "missing_there",
    "extra_row": "missing_here",
    "amount": "amount",
    "fee": "fee",
    "date": "date",
    "duplicate": "duplicate",
    "refund": "refund",
}


@pytest.fixture
async def city(sandbox_port: int) -> AsyncIterator[Client]:
    """The sandbox's control plane; everything begins afresh."""
    async with Client(sandbox_port) as client:
        assert (await client.post("/_control/reset"))[0] == 204
        yield client


@pytest.fixture
def clock() -> ManualClock:
    """The sandbox's own time: its days are real ones."""
    now = SystemClock().now()
    if civil_date(now - NEAR_MIDNIGHT) != civil_date(now + NEAR_MIDNIGHT):
        pytest.skip("near midnight in Shanghai a payment may be of either day")
    return ManualClock(now)


@pytest.fixture
def settings(database: DatabaseUrls, keys_dir: Path, tmp_path: Path, sandbox_port: int) -> Settings:
    """Settings that lead to this sandbox."""
    return Settings(
        database_url=database.app, keys_dir=keys_dir, data_dir=tmp_path, sandbox_port=sandbox_port,
        city_file=ROOT / "cities/jinan.toml",
    )  # fmt: skip


@pytest.fixture
def upstreams() -> Mapping[Any, Any]:
    """No fakes: everything is the adapter that the manifests bind."""
    return {}


@pytest.fixture
def wings() -> tuple[Manifest, ...]:
    """A payee with a merchant of its own."""
    return (payees.WING,)


@pytest.fixture
def payers(app: App, clock: ManualClock, city: Client, call: Callable[..., Call]) -> Payers:
    """The citizens."""
    return Payers(app, clock, city, call)


async def _open(city: Client, system: str, on: date) -> None:
    assert (await city.put(f"/_control/statements/{system}/{on}", {}))[0] == 200


async def _plant(city: Client, system: str, on: date, kind: str, order_no: str | None) -> None:
    body = {"kind": kind} | ({"order_no": order_no} if order_no else {})
    path = f"/_control/statements/{system}/{on}/breaks"
    assert (await city.post(path, body))[0] == 201


async def _struck(city: Client, system: str, on: date) -> set[tuple[str, str]]:
    """What was planted, in our words: (kind, our number)."""
    _, told = await city.get(f"/_control/statements/{system}/{on}")
    return {
        (
            KINDS[row["kind"]],
            f"UNASKED{row['struck']}"
            if row["kind"] == "refund" and not system.startswith("biller_")
            else row["struck"],
        )
        for row in told["breaks"]
    }


async def test_seven_planted_differences_are_found_on_both_sides(
    app: App, payers: Payers, city: Client, clock: ManualClock
) -> None:
    on = civil_date(clock.now())
    paid = {method: [await payers.pay(method) for _ in range(8)] for method in PaymentMethod}
    for orders in paid.values():
        await payers.refund(orders[7])
    systems = {"wechatpay": "wechatpay", "alipay": "alipay", "water": "biller_water"}
    for system in systems.values():
        await _open(city, system, on)
    for name in systems:
        (source,) = get_sources(app, [name])
        done = await service.reconcile(app, source, on)
        assert (done.change.opened, done.statement.matched) == (0, done.statement.lines)
    assert await Case.all().count() == 0
    for name, system in systems.items():
        for kind, order in zip(KINDS, paid.get(name, orders), strict=False):
            order_no = None if kind == "extra_row" else order.hex
            await _plant(city, system, on, kind, order_no)
        (source,) = get_sources(app, [name])
        for _ in range(2):
            await service.reconcile(app, source, on)
            assert await found(name) == await _struck(city, system, on)
        assert len(await found(name)) == 7
    assert {case.payee for case in await Case.filter(source="water")} == {"water"}
    await _nothing_is_paid_out_until_it_is_mended(app, city, clock, systems, on)
    await check_ledger()


async def test_parts_of_one_bill_stand_in_the_files_each_by_itself(
    app: App, payers: Payers, city: Client, clock: ManualClock
) -> None:
    on = civil_date(clock.now())
    parts = await payers.pay_in_parts(10_000, 20_000, None)
    paid = [(await Intent.get(id=part)).amount_fen for part in parts]
    assert paid == [10_000, 20_000, 10_050]
    for name, system in (("wechatpay", "wechatpay"), ("heating", "biller_heating")):
        await _open(city, system, on)
        (source,) = get_sources(app, [name])
        done = await service.reconcile(app, source, on)
        assert (done.change.opened, done.statement.matched, done.statement.lines) == (0, 3, 3)
    await check_ledger()


async def _nothing_is_paid_out_until_it_is_mended(
    app: App, city: Client, clock: ManualClock, systems: Mapping[str, str], on: date
) -> None:
    for name in ("electricity", "gas", "heating"):
        await _open(city, f"biller_{name}", on)
    done, refused = await service.pay_out_all(app, on)
    assert (done, refused) == ([], {"water": "OPEN_BREAKS"})
    for name, system in systems.items():
        path = f"/_control/statements/{system}/{on}/breaks"
        assert (await city.call("DELETE", path))[0] == 204
        (source,) = get_sources(app, [name])
        mended = await service.reconcile(app, source, on)
        assert mended.change.cleared == 7 and await found(name) == set()
    assert await service.pay_out_all(app, on) == ([], {"water": "NOT_RECONCILED"})
    clock.move(timedelta(days=1))
    (payout,), refused = await service.pay_out_all(app, on)
    total_fen = sum(intent.captured_fen for intent in await Intent.all())
    assert refused == {}
    assert (payout.payments, payout.amount_fen) == (16, total_fen - 200)
    assert (await payouts.pay_out(app, "water", on)).id == payout.id


async def test_the_citys_shares_agree_with_their_bill(
    app: App, payers: Payers, city: Client, clock: ManualClock, shared: int
) -> None:
    """Shared, returned, refunded and compared by the adapters alone, over HTTP."""
    on = civil_date(clock.now())
    assert await receivers.add(app, "市政务服务中心", lambda *_: None) == 0
    paid = [await payers.pay_past_us(1000) for _ in range(2)]
    for intent_id in paid:
        await payers.get_share(intent_id)
    await payers.refund(paid[1])
    await _open(city, "wechatpay_sp", on)
    for name, paid_fen, refunded_fen in (
        ("wechatpay_sp", 2000, 100), ("wechatpay_shares", 400, 20),
    ):  # fmt: skip
        (source,) = get_sources(app, [name])
        done = await service.reconcile(app, source, on)
        told = done.statement
        assert (done.change.opened, told.lines, told.matched) == (0, 3, 3)
        assert (told.their_paid_fen, told.their_refunded_fen) == (paid_fen, refunded_fen)
    assert (await ledger.get_balance(psp_receivable("wechatpay"))).balance_fen == 400 - 20
    assert await Case.all().count() == 0
    await check_ledger()


async def test_a_statement_that_is_not_made_yet(app: App, city: Client, clock: ManualClock) -> None:
    on = civil_date(clock.now())
    for name in ("wechatpay", "alipay", "water"):
        (source,) = get_sources(app, [name])
        with pytest.raises(StatementNotReady):
            await service.reconcile(app, source, on)
    text = app.metrics.render().decode()
    for name in ("wechatpay", "alipay", "water"):
        sample = f'quancheng_payments_statements_total{{outcome="not_ready",source="{name}"}} 1.0'
        assert sample in text


async def test_a_day_without_payments_needs_no_file(
    app: App, city: Client, clock: ManualClock
) -> None:
    on = civil_date(clock.now()) - timedelta(days=3)
    for source in get_sources(app, ["wechatpay", "alipay"]):
        done = await service.reconcile(app, source, on)
        assert (done.statement.lines, done.change.opened) == (0, 0)


@pytest.mark.parametrize(("days", "why"), [(-1, "has not come"), (91, "three months")])
async def test_a_day_out_of_reach(
    app: App, city: Client, clock: ManualClock, days: int, why: str
) -> None:
    (source,) = get_sources(app, ["wechatpay"])
    on = civil_date(clock.now())
    with pytest.raises(service.StatementRefused, match=why):
        await service.reconcile(app, source, on - timedelta(days=days))
