"""The bill of profit sharing: how it is read, and compared with our own table of shares.

No sample of the file is published. Its columns and their order are those of a public reader of it,
a Java class AWechatShareBill (13 columns, each cell without its back-quote, up to the line with
总条数); that what failed is not in it, and that returns are, says
pay.weixin.qq.com/doc/v3/partner/4012715572.
"""

import gzip
import io
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from core.clock import SHANGHAI, civil_date
from core.context.app import App
from core.context.call import Call
from core.database import transaction
from core.ids import new_id
from core.manifest import Manifest
from payments import api
from payments.domain import Side
from payments.models import Intent
from payments.psp.partners import SHARES
from payments.reconciliation import corrections, wechatpay_shares
from payments.reconciliation.domain import CorrectionKind
from payments.reconciliation.models import Case
from payments.reconciliation.service import take
from payments.reconciliation.sources import get_sources
from payments.sharing.models import Share, ShareReturn
from payments.statements import Announced, Line, Source, StatementRefused
from tests.payments import payees
from tests.payments.fake_sharing import FakeSharing
from tests.payments.payees import OWN_MERCHANT, FakePayees
from tests.payments.world import World

HEADER = (
    "分账时间,分账发起方,分账方,微信订单号,微信分账/回退单号,分账明细单号,商户分账/回退单号,订单金额,"
    "分账接收方,金额,业务类型,处理状态,备注"
)
SHARE = (
    "`2026-11-23 12:01:07,`1900000100,`1900000109,`4208450740201411110007820472,"
    "`3008450740201411110007820472,`36011111111111111111111,`P20150806125346,`29.40,`1900000001,"
    "`8.88,`分账,`成功,`平台服务费"
)
REST = SHARE.replace("`1900000001,`8.88,`分账", "`1900000109,`20.34,`解冻")
RETURN = SHARE.replace("P20150806125346", "R20190516001").replace("`8.88,`分账", "`0.10,`分账回退")
OURS = Announced("1900000001", gzipped=True)


def _bill(*lines: str, header: str = HEADER, count: int | None = None) -> io.BytesIO:
    told = len(lines) if count is None else count
    text = "\r\n".join([f"\ufeff{header}", *lines, "总条数,总金额", f"`{told},`0.00", ""])
    return io.BytesIO(gzip.compress(text.encode()))


def test_what_our_merchant_got_and_gave_back_is_read() -> None:
    share, back = wechatpay_shares.read(_bill(SHARE, REST, RETURN), OURS)
    at = datetime(2026, 11, 23, 12, 1, 7, tzinfo=SHANGHAI)
    ref = "3008450740201411110007820472"
    assert share == Line(False, "P20150806125346", "P20150806125346", ref, 888, 0, at)
    assert back == Line(True, "R20190516001", "R20190516001", ref, 10, 0, at)


def test_columns_are_found_by_name() -> None:
    def turned(text: str) -> str:
        return ",".join([*text.split(",")[1:], text.split(",")[0]])

    [line] = wechatpay_shares.read(_bill(turned(SHARE), header=turned(HEADER)), OURS)
    assert (line.ref, line.amount_fen) == ("P20150806125346", 888)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        (SHARE.replace("`1900000001,", "`1900000002,"), "another receiver"),
        (SHARE.replace("`8.88", "`0.00"), "above zero"),
        (SHARE.replace("`8.88", "`8.888"), "whole fen"),
        (SHARE + ",`", "number of columns"),
    ],
)
def test_a_line_that_makes_no_sense_is_told(line: str, wrong: str) -> None:
    [told] = wechatpay_shares.read(_bill(line), OURS)
    assert wrong in told.wrong


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (_bill(SHARE, count=2), "totals"),
        (_bill(SHARE, header="交易时间,公众账号ID"), "malformed"),
        (io.BytesIO(gzip.compress(f"{HEADER}\n{SHARE}\n".encode())), "truncated"),
        (io.BytesIO(gzip.compress(f"{HEADER}\n{SHARE}\n总条数\n".encode())), "truncated"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(file: io.BytesIO, reason: str) -> None:
    with pytest.raises(StatementRefused) as refused:
        list(wechatpay_shares.read(file, OURS))
    assert refused.value.reason == reason


@pytest.fixture
def wings() -> tuple[Manifest, ...]:
    """A payee with a merchant of its own."""
    return (payees.WING,)


@pytest.fixture
def psp_sharing(world: World) -> FakeSharing:
    """The PSP's side."""
    return world.psps[1].sharing  # type: ignore[attr-defined]


@pytest.fixture
async def payer(world: World, shared: int) -> Call:
    """Who pays the payee; the city has a share of it."""
    return await world.citizen()


async def _paid(world: World, others: FakePayees, payer: Call) -> Intent:
    subject_ref = new_id().hex
    others.amounts[subject_ref] = 1000
    async with transaction() as tx:
        intent_id = await api.create_intent(
            payer, tx, kind=OWN_MERCHANT.kind, subject_ref=subject_ref, key=f"pay-{subject_ref}"
        )
    await api.present(payer, intent_id)
    world.psps[1].pay(intent_id)
    await world.call_back()
    await world.queue.run_for(timedelta(minutes=2))
    return await world.intent(intent_id)


async def _compare(
    world: World, psp_sharing: FakeSharing, alter: Callable[[list[Line]], list[Line]] = list
) -> set[tuple[str, str]]:
    """Compare what it tells of today, altered; returns the open cases."""

    async def nothing(*_: object) -> None:
        return None

    on = civil_date(world.clock.now())
    source = Source(SHARES, Side.SHARING, nothing, lambda file, announced: iter(()))
    lines = alter(psp_sharing.statement(on))
    await take(world.app, source, on, lines, Announced())
    return {(case.kind, case.ref) for case in await Case.filter(source=SHARES, state="open")}


async def test_a_true_bill_opens_no_case(
    app: App, world: World, others: FakePayees, psp_sharing: FakeSharing, payer: Call
) -> None:
    intent = await _paid(world, others, payer)
    async with transaction() as tx:
        await api.refund(app, tx, intent.id, 300, reason="REQUESTED", key="part")
    await world.queue.run_due()
    assert len(psp_sharing.statement(civil_date(world.clock.now()))) == 2
    assert await _compare(world, psp_sharing) == set()


async def test_differences_are_cases_and_move_no_money(
    app: App, world: World, others: FakePayees, psp_sharing: FakeSharing, payer: Call
) -> None:
    first, second, third = [await _paid(world, others, payer) for _ in range(3)]

    def alter(lines: list[Line]) -> list[Line]:
        told = {line.ref: line for line in lines}
        del told[first.id.hex]
        more = told[second.id.hex]._replace(amount_fen=201)
        return [more, told[third.id.hex], told[third.id.hex], more._replace(ref=new_id().hex)]

    found = await _compare(world, psp_sharing, alter)
    assert {kind for kind, _ in found} == {"missing_there", "amount", "duplicate", "missing_here"}
    assert ("missing_there", first.id.hex) in found and ("amount", second.id.hex) in found
    for case in await Case.all():
        assert corrections.possible(app, case) == {CorrectionKind.NO_POSTING}
        assert not case.blocking
    assert await _compare(world, psp_sharing) == set()  # they have mended it


async def test_what_the_bill_tells_of_first_is_asked_for(
    world: World, others: FakePayees, psp_sharing: FakeSharing, payer: Call
) -> None:
    world.psps[1].faults.always = "lost"
    intent = await _paid_with_lost_replies(world, others, payer)
    assert (await Share.get()).state == "unknown" and psp_sharing.share_fen(intent.id) == 200
    world.psps[1].faults.always = "ok"
    assert await _compare(world, psp_sharing) == set()
    world.clock.move(timedelta(days=1))
    await world.queue.run_due()
    assert (await Share.get()).state == "succeeded"
    # heard of on the next day, it is not awaited in that day's bill
    assert await _compare(world, psp_sharing) == set()


async def _paid_with_lost_replies(world: World, others: FakePayees, payer: Call) -> Intent:
    partner = world.psps[1]
    partner.faults.always = "ok"
    subject_ref = new_id().hex
    others.amounts[subject_ref] = 1000
    async with transaction() as tx:
        intent_id = await api.create_intent(
            payer, tx, kind=OWN_MERCHANT.kind, subject_ref=subject_ref, key=f"pay-{subject_ref}"
        )
    await api.present(payer, intent_id)
    partner.pay(intent_id)
    await world.call_back()
    await world.queue.run_due()
    partner.faults.always = "lost"
    await world.queue.run_for(timedelta(minutes=1))
    return await world.intent(intent_id)


async def test_a_share_that_failed_and_is_told_all_the_same_is_a_case(
    world: World, others: FakePayees, psp_sharing: FakeSharing, payer: Call
) -> None:
    psp_sharing.closes = True
    intent = await _paid(world, others, payer)
    share = psp_sharing.shares[intent.id]
    line = Line(False, intent.id.hex, intent.id.hex, share.psp_ref, 200, 0, share.at)
    assert await _compare(world, psp_sharing, lambda _: [line]) == {("missing_here", intent.id.hex)}
    assert not await ShareReturn.all()


def test_it_is_fetched_where_the_city_has_shares(app: App) -> None:
    assert SHARES not in {source.name for source in get_sources(app)}


def test_and_then_it_is_one_of_the_statements(app: App, shared: int) -> None:
    assert SHARES in {source.name for source in get_sources(app)}
