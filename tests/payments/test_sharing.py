"""The city's share of what payees' own merchants take: asked for once, booked when made, and given
back before refunds."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from asyncpg import CheckViolationError

from core.city import CityFileError
from core.clock import civil_date
from core.context.app import App
from core.database import IntegrityError, transaction, violated
from core.errors import StartError
from core.ids import new_id
from core.manifest import Manifest
from payments import api, jobs, saga, shares, store
from payments import share_receivers as receivers
from payments import share_returns as returns
from payments.events import Oddity, OddityFound
from payments.finance import load_finance
from payments.ledger import store as ledger
from payments.ledger.accounts import Account, fees_from, payer_funds, psp_receivable
from payments.ledger.postings import Posting, transfer
from payments.ledger.verify import verify
from payments.models import Intent, Refund
from payments.reconciliation import cases, handlers
from payments.reconciliation.domain import CorrectionKind
from payments.reconciliation.models import Case
from payments.sharing.domain import return_of, share_of
from payments.sharing.models import Share, ShareReturn
from tests.conftest import ROOT
from tests.payments import payees
from tests.payments.crash import cut
from tests.payments.fake_partner import FakePartner
from tests.payments.fake_sharing import FakeSharing
from tests.payments.payees import OWN_MERCHANT, FakePayees
from tests.payments.reconciliation.books import Books
from tests.payments.world import World

OURS, THEIRS = psp_receivable("wechatpay"), psp_receivable("wechatpay_sp")
EARNED = fees_from("non-tax")
Pay = Callable[..., Awaitable[Intent]]


@pytest.fixture
def wings() -> tuple[Manifest, ...]:
    """A payee with a merchant of its own."""
    return (payees.WING,)


@pytest.fixture
def psp_sharing(partner: FakePartner) -> FakeSharing:
    """The PSP's side."""
    return partner.sharing


@pytest.fixture
async def pay(world: World, others: FakePayees, partner: FakePartner, shared: int) -> Pay:
    """Pays the payee, up to its acceptance; the share is due a minute later."""
    call = await world.citizen()

    async def begin(amount_fen: int = 1000) -> Intent:
        subject_ref, fresh = new_id().hex, replace(call)
        others.amounts[subject_ref] = amount_fen
        async with transaction() as tx:
            intent_id = await api.create_intent(
                fresh, tx, kind=OWN_MERCHANT.kind, subject_ref=subject_ref, key=f"pay-{subject_ref}"
            )
        await api.present(fresh, intent_id)
        partner.pay(intent_id)
        await world.call_back()
        await world.queue.run_due()
        return await world.intent(intent_id)

    return begin


async def _refund(app: App, intent: Intent, amount_fen: int, key: str = "part") -> None:
    async with transaction() as tx:
        await api.refund(app, tx, intent.id, amount_fen, reason="REQUESTED", key=key)


async def _fen(account: Account) -> int:
    return (await ledger.get_balance(account)).balance_fen


async def _check_books(intent: Intent, share_fen: int) -> None:
    """What the city has of a payment is at its own merchant, and nothing of the payee's is ours."""
    assert await _fen(OURS) == share_fen == await _fen(EARNED)
    assert await _fen(THEIRS) == 0 == await _fen(payer_funds(intent.payer_id))
    assert (await verify()).faults == []


@pytest.mark.parametrize(("amount_fen", "share_fen"), [(1000, 200), (999, 199), (5, 1)])
async def test_a_share_is_booked_when_it_is_made(
    world: World, partner: FakePartner, pay: Pay, amount_fen: int, share_fen: int
) -> None:
    intent = await pay(amount_fen)
    assert (intent.state, intent.share_bps) == ("fulfilled", 2000)
    assert partner.orders[intent.id].order.is_shared
    assert (await Share.get()).state == "requested" and not partner.sharing.shares
    await world.queue.run_for(timedelta(minutes=2))
    share = await Share.get()
    assert (share.id, share.state, share.due_at) == (intent.id, "succeeded", None)
    assert partner.sharing.shares[intent.id].order.receiver == share.receiver == "1900000001"
    assert partner.sharing.received_fen(intent.id) == amount_fen - share_fen
    await _check_books(intent, share_fen)


async def test_of_too_little_nothing_is_kept_back(
    world: World, partner: FakePartner, pay: Pay
) -> None:
    intent = await pay(4)
    await world.queue.run_for(timedelta(minutes=2))
    assert not partner.orders[intent.id].order.is_shared and not await Share.all()
    await _check_books(intent, 0)


async def test_what_is_under_way_is_not_booked(
    world: World, psp_sharing: FakeSharing, pay: Pay
) -> None:
    psp_sharing.is_slow = True
    intent = await pay()
    await world.queue.run_for(timedelta(minutes=30))
    assert (await Share.get()).state == "processing"
    await _check_books(intent, 0)
    psp_sharing.finish()
    await world.queue.run_for(timedelta(minutes=10))
    await _check_books(intent, 200)


@pytest.mark.parametrize("fault", ["lost", "down"])
async def test_a_lost_reply_is_asked_for_under_the_same_number(
    world: World, partner: FakePartner, pay: Pay, fault: str
) -> None:
    intent = await pay()
    partner.faults.queued.extend([fault, "down", fault])
    await world.queue.run_for(timedelta(minutes=5))
    assert partner.sharing.shares.keys() == {intent.id}
    await _check_books(intent, 200)


async def test_two_at_once_make_one_share(
    app: App, world: World, psp_sharing: FakeSharing, pay: Pay
) -> None:
    intent = await pay()
    world.clock.move(timedelta(minutes=1))
    await asyncio.gather(shares.step.function(app, intent.id), shares.step.function(app, intent.id))
    await world.queue.run_for(timedelta(minutes=10))
    assert psp_sharing.shares.keys() == {intent.id}
    await _check_books(intent, 200)


@pytest.mark.parametrize("after", range(0, 50, 7))
async def test_a_killed_share_or_return_is_neither_lost_nor_doubled(
    app: App, world: World, psp_sharing: FakeSharing, pay: Pay, after: int
) -> None:
    intent = await pay()
    world.clock.move(timedelta(minutes=1))
    await cut(shares.step.function(app, intent.id), after)
    await world.queue.run_for(timedelta(minutes=30))
    await _check_books(intent, 200)
    await _refund(app, intent, 500)
    refund = await Refund.get()
    await cut(saga.refund.function(app, refund.id), after)
    await world.queue.run_for(timedelta(minutes=30))
    assert (await Refund.get()).state == "succeeded"
    assert psp_sharing.returned_fen(intent.id) == 100 and not psp_sharing.overdrawn
    await _check_books(intent, 100)


async def test_a_share_that_fails_for_good_is_a_case(
    app: App, world: World, psp_sharing: FakeSharing, pay: Pay
) -> None:
    psp_sharing.closes = True
    intent = await pay()
    await world.queue.run_for(timedelta(minutes=2))
    share, case = await Share.get(), await Case.get()
    assert (share.state, share.reason) == ("closed", "NO_RELATION")
    assert (case.kind, case.ref, case.our_fen) == ("share_closed", intent.id.hex, 200)
    assert [note.note for note in await cases.trail(case.id)] == ["NO_RELATION"]
    await _refund(app, intent, 1000)
    await world.queue.run_due()
    assert (await world.intent(intent.id)).state == "refunded"
    assert not psp_sharing.let_go and not await ShareReturn.all()
    await _check_books(intent, 0)


async def test_a_refused_share_is_a_case_until_it_is_made(
    app: App, world: World, psp_sharing: FakeSharing, pay: Pay
) -> None:
    psp_sharing.refuses = True
    intent = await pay()
    await world.queue.run_for(timedelta(minutes=2))
    assert (await Share.get()).state == "refused" and world.queue.dead == ["payments.share"]
    case = await Case.get()
    assert (case.kind, case.state) == ("share_refused", "open")
    psp_sharing.refuses = False
    await shares.step.function(app, intent.id)
    await world.queue.run_due()
    assert (await Case.get()).state == "cleared"
    await _check_books(intent, 200)


async def test_a_refusal_that_is_told_after_the_share_is_made_opens_no_case(
    app: App, world: World, pay: Pay
) -> None:
    intent = await pay()
    news = OddityFound(
        Oddity.SHARE_REFUSED, intent.psp, intent.id, intent.payee, intent.id.hex, None, 200, None,
        civil_date(world.clock.now()),
    )  # fmt: skip
    await world.queue.run_for(timedelta(minutes=2))
    assert (await Share.get()).state == "succeeded"
    await handlers.open_case(app, news)
    assert await Case.all().count() == 0


async def test_a_share_whose_rerun_dies_is_swept_up(
    app: App, world: World, psp_sharing: FakeSharing, pay: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: object) -> None:
        raise RuntimeError("the process dies")

    psp_sharing.refuses = True
    intent = await pay()
    await world.queue.run_for(timedelta(minutes=2))
    psp_sharing.refuses = False
    monkeypatch.setattr(psp_sharing, "find_share", die)
    with pytest.raises(RuntimeError):
        await shares.step(app, intent.id)
    monkeypatch.undo()
    world.clock.move(timedelta(minutes=2))
    await jobs.sweep(app)
    await world.queue.run_due()
    await _check_books(intent, 200)


async def test_a_share_that_does_not_end_is_a_case(
    world: World, psp_sharing: FakeSharing, pay: Pay
) -> None:
    psp_sharing.is_slow = True
    intent = await pay()
    await world.queue.run_for(timedelta(days=7, hours=1))
    assert (await Case.get()).kind == "share_overdue"
    psp_sharing.finish()
    await world.queue.run_for(timedelta(minutes=11))
    assert (await Case.get()).state == "cleared"
    await _check_books(intent, 200)


@pytest.mark.parametrize("refund_fen", [300, 1000])
async def test_a_refund_before_the_share_is_instead_of_it(
    app: App, world: World, psp_sharing: FakeSharing, pay: Pay, refund_fen: int
) -> None:
    intent = await pay()
    await _refund(app, intent, refund_fen)
    assert (await Share.get()).state == "releasing"
    await world.queue.run_for(timedelta(minutes=30))
    assert (await Share.get()).state == "released" and not psp_sharing.shares
    # of what is refunded in full nothing is kept back
    assert psp_sharing.let_go == ({intent.id} if refund_fen < 1000 else set())
    assert psp_sharing.received_fen(intent.id) == 1000 - refund_fen
    await _check_books(intent, 0)


@pytest.mark.parametrize("refused_for", [timedelta(0), timedelta(days=10)])
async def test_what_is_kept_back_goes_to_the_refund_first(
    app: App, world: World, partner: FakePartner, pay: Pay, refused_for: timedelta
) -> None:
    partner.slow_refunds, partner.sharing.refuses = True, bool(refused_for)
    intent = await pay()
    await world.queue.run_for(refused_for)
    await _refund(app, intent, 300)
    await world.queue.run_for(timedelta(hours=1))
    assert (await Share.get()).state == "releasing" and not partner.sharing.let_go
    partner.finish_refund((await Refund.get()).id)
    await world.call_back()
    await world.queue.run_for(timedelta(minutes=11))
    assert partner.sharing.let_go == {intent.id}
    assert (await Share.get()).state == "released"


async def test_a_refund_after_the_share_takes_its_part_first(
    app: App, world: World, psp_sharing: FakeSharing, pay: Pay
) -> None:
    intent = await pay(999)
    await world.queue.run_for(timedelta(minutes=2))
    for fen, returned_fen, key in ((333, 66, "first"), (1, 66, "second"), (665, 199, "rest")):
        await _refund(app, intent, fen, key)
        await world.queue.run_due()
        assert psp_sharing.returned_fen(intent.id) == returned_fen, key
        kept = await world.intent(intent.id)
        await _check_books(intent, share_of(kept.kept_fen, 2000))
    assert (await world.intent(intent.id)).state == "refunded" and not psp_sharing.overdrawn
    assert await Refund.filter(state="succeeded").count() == 3
    assert psp_sharing.received_fen(intent.id) == 0


async def test_refunds_at_once_give_back_the_share_of_each(
    app: App, world: World, psp_sharing: FakeSharing, pay: Pay
) -> None:
    intent = await pay(999)
    await world.queue.run_for(timedelta(minutes=2))
    psp_sharing.is_slow = True
    await _refund(app, intent, 333, "first")
    await _refund(app, intent, 334, "second")
    await world.queue.run_due()
    assert {r.state for r in await Refund.all()} == {"requested"}
    psp_sharing.finish()
    await world.queue.run_for(timedelta(minutes=11))
    assert {r.state for r in await Refund.all()} == {"succeeded"}
    await _check_books(intent, share_of(332, 2000))


async def test_a_refund_waits_for_what_becomes_of_the_share(
    app: App, world: World, psp_sharing: FakeSharing, pay: Pay
) -> None:
    psp_sharing.is_slow = True
    intent = await pay()
    await world.queue.run_for(timedelta(minutes=2))
    await _refund(app, intent, 1000)
    await world.queue.run_for(timedelta(hours=1))
    refund = await Refund.get()
    assert (refund.state, refund.attempts) == ("requested", 0) and not await ShareReturn.all()
    psp_sharing.finish()
    await world.queue.run_for(timedelta(minutes=11))
    assert (await ShareReturn.get()).state == "processing"
    psp_sharing.finish()
    await world.queue.run_for(timedelta(minutes=11))
    assert (await Refund.get()).state == "succeeded" and not psp_sharing.overdrawn
    await _check_books(intent, 0)


async def test_a_refused_return_is_a_case_and_the_refund_waits(
    app: App, world: World, psp_sharing: FakeSharing, pay: Pay, partner: FakePartner
) -> None:
    intent = await pay()
    await world.queue.run_for(timedelta(minutes=2))
    psp_sharing.refuses_returns = True
    await _refund(app, intent, 500)
    await world.queue.run_for(timedelta(hours=2))
    assert world.queue.dead == ["payments.return_share"] and not partner.refunds
    refund, case = await Refund.get(), await Case.get()
    assert (case.kind, case.ref, case.our_fen) == ("return_refused", refund.id.hex, 100)
    failed = await ShareReturn.get()
    await returns.step.function(app, failed.id)  # an operator runs the dead letter again
    await world.queue.run_due()
    assert [r.state for r in await ShareReturn.all()] == ["failed", "failed"]
    psp_sharing.refuses_returns = False
    await returns.step.function(app, failed.id)
    await world.queue.run_due()
    assert sorted(r.state for r in await ShareReturn.all()) == ["failed", "failed", "succeeded"]
    assert psp_sharing.returned_fen(intent.id) == 100
    assert (await Refund.get()).state == "succeeded" and (await Case.get()).state == "cleared"
    await returns.step.function(app, failed.id)
    assert await ShareReturn.all().count() == 3
    await _check_books(intent, 100)


async def test_two_officers_may_let_a_refund_go_without_its_return(
    app: App, world: World, psp_sharing: FakeSharing, pay: Pay
) -> None:
    intent = await pay()
    await world.queue.run_for(timedelta(minutes=2))
    psp_sharing.refuses_returns = True
    await _refund(app, intent, 500)
    await world.queue.run_due()
    case = await Case.get()
    await Books(app, world.clock).corrected(case.id, CorrectionKind.NO_POSTING)
    await world.queue.run_due()
    assert (await ShareReturn.get()).state == "waived"
    assert (await Refund.get()).state == "succeeded"
    await _check_books(intent, 200)  # what the city keeps of it is the officers' decision


async def test_our_merchant_is_short_for_three_days_at_most(
    app: App, world: World, psp_sharing: FakeSharing, pay: Pay
) -> None:
    intent = await pay()
    await world.queue.run_for(timedelta(minutes=2))
    psp_sharing.is_short = True
    await _refund(app, intent, 1000)
    await world.queue.run_for(timedelta(days=2))
    assert (await ShareReturn.get()).state == "unknown" and not await Case.all()
    await world.queue.run_for(timedelta(days=2))
    assert (await ShareReturn.get()).state == "failed"
    assert (await Case.get()).kind == "return_refused"
    await _check_waiting(intent)


async def _check_waiting(intent: Intent) -> None:
    """What is to be refunded is set aside, and nothing of the share has moved."""
    assert await _fen(OURS) == 200 and await _fen(payer_funds(intent.payer_id)) == 1000
    assert (await verify()).faults == []


async def test_our_merchant_becomes_the_receiver(
    app: App, psp_sharing: FakeSharing, shared: int
) -> None:
    answers: dict[str, str] = {}
    assert await receivers.add(app, "市政务服务中心", answers.__setitem__) == 0
    assert psp_sharing.receivers == {("1900000109", "市政务服务中心")}
    psp_sharing.refuses = True
    assert await receivers.add(app, "别的商户", answers.__setitem__) == 1
    assert answers == {"non-tax": "INVALID_REQUEST"}


async def test_nobody_gives_shares_unless_told(app: App) -> None:
    with pytest.raises(StartError):
        await receivers.add(app, "市政务服务中心", lambda payee, refusal: None)


async def _refused(do: Awaitable[object]) -> str | None:
    """The constraint that held, in a statement or at COMMIT."""
    try:
        await do
    except IntegrityError as error:
        return violated(error)
    except CheckViolationError as error:
        return str(error.constraint_name)
    return None


@pytest.mark.parametrize(
    ("debit", "credit", "fen"),
    [
        (THEIRS, EARNED, 200), (OURS, fees_from("water"), 200), (OURS, EARNED, 199),
        (EARNED, OURS, 200),
    ],
)  # fmt: skip
async def test_the_database_refuses_another_share(
    world: World, pay: Pay, debit: Account, credit: Account, fen: int
) -> None:
    intent = await pay()

    async def succeed() -> None:
        async with transaction() as tx:
            await store.lock_intent(tx, intent.id)
            await tx.execute_query(
                "UPDATE payments_share SET state = 'succeeded', ended_at = $1",
                [world.clock.now()],
            )
            legs = transfer(debit=debit, credit=credit, amount_fen=fen)
            posting = Posting("share", f"share:{intent.id}", legs, intent.id)
            await ledger.post(tx, posting, world.clock.now())

    assert await _refused(succeed()) == "payments_share_journals"
    assert (await Share.get()).state == "requested"


async def test_the_database_knows_what_belongs_together(world: World, pay: Pay) -> None:
    intent = await pay()
    legs = transfer(debit=OURS, credit=EARNED, amount_fen=200)

    async def post(key: str, kind: str = "share") -> None:
        async with transaction() as tx:
            await ledger.post(tx, Posting(kind, key, legs, intent.id), world.clock.now())

    async def write(statement: str) -> None:
        async with transaction() as tx:
            await tx.execute_query(statement)

    wrong = "payments_share_journals"
    assert await _refused(post(f"share:{intent.id}")) == wrong  # it is not made
    assert await _refused(post("share:another")) == wrong
    assert await _refused(post("share_return:another", "share_return")) == wrong
    made = "UPDATE payments_share SET state = 'succeeded', ended_at = now()"
    assert await _refused(write(made)) == wrong  # and not booked
    open_ = "UPDATE payments_share SET ended_at = now()"
    assert await _refused(write(open_)) == "payments_share_ended"
    await world.queue.run_for(timedelta(minutes=2))
    await _check_books(intent, 200)


def test_the_parts_of_a_share_make_it_whole() -> None:
    """Whatever is refunded, the city has the share of what is left."""
    for parts in ([1] * 7, [3, 4], [7], [6, 1]):
        kept_fen, share_fen = 7, share_of(7, 2999)
        for fen in parts:
            share_fen -= return_of(kept_fen, fen, 2999)
            kept_fen -= fen
            assert share_fen == share_of(kept_fen, 2999) >= 0


MERCHANTS = 'merchants = { wechatpay_sp = "1900000109" }'


@pytest.mark.parametrize("wrong", ["3001", "-1", "true", '"20"', "0.3"])
def test_a_share_that_makes_no_sense_is_told(tmp_path: Path, wrong: str) -> None:
    text = (ROOT / "cities/jinan/finance.toml").read_text(encoding="utf-8")
    file = tmp_path / "finance.toml"
    file.write_text(text.replace(MERCHANTS, f"{MERCHANTS}\nshare = {wrong}"), encoding="utf-8")
    with pytest.raises(CityFileError, match="basis points"):
        load_finance(file)
    file.write_text(text.replace(MERCHANTS, "share = 100"), encoding="utf-8")
    with pytest.raises(CityFileError, match="own merchant"):
        load_finance(file)
    file.write_text(text.replace(MERCHANTS, f"{MERCHANTS}\nshare = 600"), encoding="utf-8")
    assert load_finance(file).shares == {"non-tax": 600}
    file.write_text(text.replace(MERCHANTS, f"{MERCHANTS}\nshare = 0"), encoding="utf-8")
    assert (
        load_finance(file).shares == {} == load_finance(ROOT / "cities/jinan/finance.toml").shares
    )
