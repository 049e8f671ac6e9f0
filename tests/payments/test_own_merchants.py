"""Payees with merchants of their own at WeChat Pay: the city never holds their money."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from asyncpg import CheckViolationError
from structlog.testing import capture_logs

from core.city import CityFileError
from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import IntegrityError, connection, fetch_one, transaction, violated
from core.errors import Conflict
from core.ids import new_id
from core.manifest import Manifest
from payments import api, routes, settlement, store
from payments.domain import PaymentMethod, Wish, method_of
from payments.finance import finance_of, load_finance
from payments.ledger import store as ledger
from payments.ledger.accounts import Account, payee_payable, payer_funds, psp_receivable
from payments.ledger.postings import Posting, transfer
from payments.ledger.verify import verify
from payments.models import Intent, Refund
from payments.psp.port import OrderState, RefundState
from payments.reconciliation import corrections, payouts
from payments.reconciliation.domain import CorrectionKind
from payments.reconciliation.models import Case, Statement
from tests.conftest import ROOT
from tests.payments import payees
from tests.payments.fake_alipay import FakeAlipay
from tests.payments.fake_partner import FakePartner
from tests.payments.payees import DEEMED, OWN_MERCHANT, FakePayees
from tests.payments.reconciliation.books import PARTNER, Books, at
from tests.payments.world import World, request_of

DAY = date(2026, 11, 20)
NEXT = DAY + timedelta(days=1)
TREASURY = "1900000109"
"""As cities/jinan/finance.toml has it."""


@pytest.fixture
def upstreams(two_psps: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Two PSPs of ours, and the one of payees' own merchants."""
    return two_psps


@pytest.fixture
def wings() -> tuple[Manifest, ...]:
    """A payee with a merchant of its own."""
    return (payees.WING,)


@pytest.fixture
def books(app: App, clock: ManualClock) -> Books:
    """Empty books."""
    return Books(app, clock)


Pay = Callable[..., Awaitable[Intent]]


@pytest.fixture
async def pay(world: World, others: FakePayees) -> Pay:
    """Begins a payment to the payee with a merchant of its own, or another one."""
    call = await world.citizen()

    async def begin(
        kind: str = OWN_MERCHANT.kind, wish: Wish | None = None, contract_id: UUID | None = None
    ) -> Intent:
        subject_ref = new_id().hex
        others.amounts[subject_ref] = 1000
        fresh = replace(call)
        async with transaction() as tx:
            intent_id = await api.create_intent(
                fresh, tx, kind=kind, subject_ref=subject_ref, key=f"pay-{subject_ref}",
                wish=wish, contract_id=contract_id,
            )  # fmt: skip
        return await api.present(fresh, intent_id)

    return begin


async def _fen(account: Account) -> int:
    return (await ledger.get_balance(account)).balance_fen


async def test_money_goes_past_the_city(
    world: World, partner: FakePartner, pay: Pay, app: App
) -> None:
    intent = await pay()
    assert (intent.psp, intent.merchant, intent.state) == (PARTNER, TREASURY, "awaiting")
    assert partner.orders[intent.id].order.merchant == TREASURY and not world.psp.orders
    partner.pay(intent.id)
    assert await world.call_back() == ["captured"]
    assert await _fen(psp_receivable(PARTNER)) == 1000
    await world.queue.run_due()
    assert (await world.intent(intent.id)).state == "fulfilled"
    assert await _fen(psp_receivable(PARTNER)) == 0 == await _fen(payee_payable("non-tax"))
    async with transaction() as tx:
        await api.refund(app, tx, intent.id, 300, reason="REQUESTED", key="part")
    assert await _fen(psp_receivable(PARTNER)) == 300 == await _fen(payer_funds(intent.payer_id))
    await world.queue.run_due()
    assert (await world.intent(intent.id)).state == "partly_refunded"
    assert partner.orders[intent.id].refunded_fen == 300
    assert await _fen(psp_receivable(PARTNER)) == 0 == await _fen(payer_funds(intent.payer_id))
    assert (await verify()).faults == []


async def test_a_refused_fine_goes_back_the_same_way(
    world: World, partner: FakePartner, pay: Pay, others: FakePayees
) -> None:
    intent = await pay()
    others.refuses.add(intent.subject_ref)
    partner.pay(intent.id)
    await world.call_back()
    await world.queue.run_due()
    assert (await world.intent(intent.id)).state == "refunded"
    assert partner.orders[intent.id].refunded_fen == 1000
    assert await _fen(psp_receivable(PARTNER)) == 0 == await _fen(payer_funds(intent.payer_id))


async def test_only_where_the_payee_has_a_merchant(
    world: World, alipay: FakeAlipay, partner: FakePartner, pay: Pay
) -> None:
    with pytest.raises(Conflict) as refused:
        await pay(wish=Wish(PaymentMethod.ALIPAY))
    assert refused.value.code == "CHANNEL_NOT_OFFERED" and not await Intent.all()
    wished = await pay(wish=Wish(PaymentMethod.WECHAT_PAY))
    assert (wished.psp, method_of(wished.psp)) == (PARTNER, PaymentMethod.WECHAT_PAY)
    plain = await pay(DEEMED.kind)
    assert (plain.psp, plain.merchant) == ("wechatpay", None)
    with pytest.raises(Conflict) as refused:  # a contract is with the city's merchant
        await pay(contract_id=new_id())
    assert refused.value.code == "CHANNEL_NOT_OFFERED"
    assert {i.id for i in await Intent.all()} == {wished.id, plain.id}
    assert partner.orders.keys() == {wished.id} and not alipay.addresses


async def test_a_failing_partner_is_waited_for_and_never_left(
    world: World, alipay: FakeAlipay, partner: FakePartner, pay: Pay
) -> None:
    partner.faults.always = "down"
    for _ in range(4):
        stuck = await pay()
    assert (stuck.psp, stuck.state) == (PARTNER, "order_unknown")
    assert not alipay.addresses and not world.psp.orders
    partner.faults.always = "ok"
    await world.queue.run_for(timedelta(seconds=40))
    assert (await world.intent(stuck.id)).state == "awaiting"
    world.psp.faults.always = alipay.faults.always = "down"
    for _ in range(4):
        plain = await pay(DEEMED.kind)
    assert plain.psp != PARTNER and plain.id not in partner.orders


async def test_staff_are_told_of_a_merchant_that_is_refused(partner: FakePartner, pay: Pay) -> None:
    partner.faults.always = "merchant"
    with capture_logs() as logs:
        assert (await pay()).state == "order_unknown"
    told = [log for log in logs if log["log_level"] == "error"]
    assert [(log["psp"], log["merchant"]) for log in told] == [(PARTNER, TREASURY)]


async def test_another_merchants_news_is_not_ours(
    world: World, partner: FakePartner, pay: Pay, app: App
) -> None:
    intent = await pay()
    partner.pay(intent.id)
    told = partner.orders[intent.id]
    partner.callbacks.clear()
    for merchant in ("1900000117", None):
        partner.tell(
            {"order": str(intent.id), "ref": told.psp_ref, "fen": 1000, "merchant": merchant,
             "at": world.clock.now().isoformat()}
        )  # fmt: skip
    assert await world.call_back() == ["no_such_order"] * 2
    assert (await world.intent(intent.id)).captured_fen == 0
    plain = await pay(DEEMED.kind)
    body = b'{"order":"%s","ref":"R1","fen":1000,"merchant":"1900000109","at":"%s"}' % (
        str(plain.id).encode(), world.clock.now().isoformat().encode(),
    )  # fmt: skip
    headers, body = world.psp.signed(body)
    assert await routes.hear(app, "wechatpay", request_of(headers, body)) == "no_such_order"
    assert (await world.intent(plain.id)).captured_fen == 0


async def _refused(do: Awaitable[object]) -> str | None:
    """The constraint that held, in a statement or at COMMIT."""
    try:
        await do
    except IntegrityError as error:
        return violated(error)
    except CheckViolationError as error:
        return str(error.constraint_name)
    return None


async def test_the_database_knows_both_ways(books: Books) -> None:
    """Into the payee's account where it has a merchant of its own, or past it where it has none."""
    own = await books.paid(
        at(DAY, "10:00:00"), 500, payee="non-tax", merchant=TREASURY, fulfilled=False
    )
    plain = await books.paid(at(DAY, "10:01:00"), 500, fulfilled=False)

    async def fulfil(intent_id: UUID, credit: Account) -> None:
        async with transaction() as tx:
            intent = await store.lock_intent(tx, intent_id)
            assert intent is not None
            await settlement.move_intent(
                tx, intent, "fulfil", fulfilment_ref="W1", ended_at=books.clock.now()
            )
            legs = transfer(debit=payer_funds(intent.payer_id), credit=credit, amount_fen=500)
            posting = Posting("fulfil", f"fulfil:{intent_id}", legs, intent_id)
            await ledger.post(tx, posting, books.clock.now())

    wrong = await _refused(fulfil(own, payee_payable("non-tax")))
    assert wrong == "payments_intent_journals"
    assert await _refused(fulfil(plain, psp_receivable("wechatpay"))) == wrong
    assert await _refused(fulfil(own, psp_receivable(PARTNER))) is None
    assert await _refused(fulfil(plain, payee_payable("water"))) is None
    assert (await verify()).faults == []


async def test_nothing_else_is_posted_to_what_is_not_ours(books: Books) -> None:
    await books.paid(at(DAY, "10:00:00"), 500, payee="non-tax", merchant=TREASURY)
    legs = transfer(debit=Account("bank:main"), credit=psp_receivable(PARTNER), amount_fen=500)
    async with transaction() as tx:
        await ledger.post(tx, Posting("test", "test:1", legs), books.clock.now())
    [fault] = (await verify()).faults
    assert fault.place == "test:1" and "own merchants" in fault.what


@pytest.mark.parametrize(
    ("psp", "merchant"), [("wechatpay", f"'{TREASURY}'"), ("wechatpay_sp", "NULL")]
)
async def test_a_merchant_and_its_psp_belong_together(
    books: Books, psp: str, merchant: str
) -> None:
    columns = "payer_id, kind, subject_ref, payee, title_zh, title_en, amount_fen, client_address"
    await books.ordered(at(DAY, "10:00:00"), 500)
    insert = connection().execute_query(
        f"""INSERT INTO payments_intent (id, psp, merchant, state, channel, by_owner, order_tries,
              captured_fen, refunding_fen, refunded_fen, checks, attempts, created_at, expires_at,
              {columns})
            SELECT gen_random_uuid(), '{psp}', {merchant}, 'created', channel, by_owner, 1,
                   0, 0, 0, 0, 0, created_at, expires_at, payer_id, kind, 'another', payee,
                   title_zh, title_en, amount_fen, client_address
              FROM payments_intent LIMIT 1"""
    )
    assert await _refused(insert) == "payments_intent_merchant"


async def test_nothing_is_paid_out_or_settled_or_kept(books: Books) -> None:
    own = await books.paid(at(DAY, "10:00:00"), 500, payee="non-tax", merchant=TREASURY)
    refund_id = await books.refunded(own, 200, at(DAY, "11:00:00"), at(DAY, "11:01:00"))
    line, back = await books.line(own, fee_bps=0), await books.refund_line(refund_id)
    outcome = await books.told(DAY, [line, back._replace(fee_fen=0)], PARTNER)
    assert (outcome.change.opened, outcome.statement.matched) == (0, 2)
    assert await payouts.list_payees(DAY) == []
    told = await Statement.get(source=PARTNER)
    assert (told.their_paid_fen, told.our_paid_fen, told.their_fee_fen) == (500, 500, 0)
    row = await fetch_one(
        connection(), "SELECT count(*) FROM payments_account WHERE code ~ '^(payee|cost|fees):'"
    )
    assert row == {"count": 0}


async def test_the_payees_own_file_knows_what_its_merchant_has(books: Books) -> None:
    own = await books.paid(at(DAY, "10:00:00"), 500, payee="water", merchant=TREASURY)
    plain = await books.paid(at(DAY, "10:01:00"), 700)
    lines = [await books.line(own, fee_bps=0), await books.line(plain, fee_bps=0)]
    assert (await books.told(DAY, lines, "water")).change.opened == 0
    await books.told(DAY, [await books.line(plain)])  # and of the partner's statement nothing
    books.go_to(at(NEXT, "10:30:00"))
    paid = await payouts.pay_out(books.app, "water", DAY)
    assert (paid.payments, paid.amount_fen) == (1, 700)


async def test_differences_move_no_money_of_ours(books: Books) -> None:
    own = await books.paid(at(DAY, "10:00:00"), 500, payee="non-tax", merchant=TREASURY)
    await books.told(DAY, [], PARTNER)
    [case] = await Case.filter(source=PARTNER)
    assert (case.kind, case.ref) == ("missing_there", own.hex)
    assert corrections.possible(books.app, case) == {CorrectionKind.NO_POSTING}
    with pytest.raises(Conflict):
        await books.corrected(case.id, CorrectionKind.TAKE_BACK)
    await books.corrected(case.id, CorrectionKind.NO_POSTING)
    assert await _fen(psp_receivable(PARTNER)) == 0


async def test_a_refund_that_is_refused_for_good_is_paid_by_the_payee(
    world: World, partner: FakePartner, pay: Pay, books: Books
) -> None:
    intent = await pay()
    partner.pay(intent.id)
    await world.call_back()
    await world.queue.run_due()
    partner.refuses_refunds = True
    async with transaction() as tx:
        await api.refund(books.app, tx, intent.id, 1000, reason="REQUESTED", key="all")
    await world.queue.run_due()
    [case] = await Case.filter(kind="refund_refused")
    assert CorrectionKind.BANK_REFUND in corrections.possible(books.app, case)
    await books.corrected(case.id, CorrectionKind.BANK_REFUND)
    assert (await Refund.get()).state == "succeeded"
    assert (await world.intent(intent.id)).state == "refunded"
    assert await _fen(Account("bank:main")) == 0 == await _fen(psp_receivable(PARTNER))
    assert partner.orders[intent.id].state is OrderState.PAID and not partner.refunds
    assert (await verify()).faults == []
    assert RefundState.FAILED not in {r.state for r in partner.refunds.values()}


MERCHANTS = 'merchants = { wechatpay_sp = "1900000109" }'


@pytest.mark.parametrize(
    "wrong",
    [
        'merchants = { wechatpay = "1900000109" }', "merchants = {}",
        "merchants = { wechatpay_sp = 1900000109 }", 'merchants = { wechatpay_sp = "" }',
    ],
)  # fmt: skip
def test_merchants_that_make_no_sense_are_told(tmp_path: Path, wrong: str) -> None:
    text = (ROOT / "cities/jinan/finance.toml").read_text(encoding="utf-8")
    assert MERCHANTS in text
    (tmp_path / "finance.toml").write_text(text.replace(MERCHANTS, wrong), encoding="utf-8")
    with pytest.raises(CityFileError, match="merchant"):
        load_finance(tmp_path / "finance.toml")


async def test_fines_go_to_the_treasurys_own_merchant(app: App, call: Callable[..., Call]) -> None:
    assert finance_of(app).merchants_of("non-tax") == {PARTNER: TREASURY}
    assert finance_of(app).merchants_of("water") == {}
