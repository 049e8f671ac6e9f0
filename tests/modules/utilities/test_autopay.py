"""Autopay: within limits, announced a day before, once for each bill, ended at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from core.clock import ManualClock
from core.context.call import Call
from core.database import parse_url
from core.deadline import Deadline
from core.errors import Conflict, InvalidInput, NotFound
from core.ids import new_id
from core.processes.embedded import DatabaseUrls
from core.states import StateMachine
from core.upstream.client import UpstreamRejected
from modules.utilities.accounts import service as accounts
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.accounts.upstream import BILLERS
from modules.utilities.autopay import jobs, service
from modules.utilities.autopay.domain import AUTOPAY, CHARGE, TEXT_VERSION, stop_reason
from modules.utilities.autopay.models import Autopay, AutopayCharge
from modules.utilities.bills.domain import BillStatus
from notifications.channels.gateways import GATEWAY
from notifications.messages.models import Message
from payments.domain import Wish
from payments.models import Contract, Intent
from payments.psp.channels import PaymentChannel
from payments.psp.entrusting import ContractState, ContractView, Entrusting
from payments.psp.port import Order, OrderState, WeChatPay
from tests.asgi import Client
from tests.conftest import ROOT
from tests.payments.fakes import FakeBillers, FakeOrder, FakePsp, FakeSms, Faults
from tests.payments.world import ACCOUNT, World
from tests.upstreams import by_operation

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass
class FakeContracts:
    """The PSP's contracts; a deduction is an order that is paid at once."""

    psp: FakePsp
    contracts: dict[UUID, ContractState] = field(default_factory=dict)
    is_short: bool = False

    def __post_init__(self) -> None:
        self.faults = Faults("wechatpay")

    async def sign(self, contract_id: UUID, display: str, deadline: Deadline) -> str:
        """See the port."""
        self.faults.after(self.faults.before("sign"), "sign")
        self.contracts.setdefault(contract_id, ContractState.MISSING)
        return f"https://wallet.example/{contract_id.hex}"

    async def find_contract(self, contract_id: UUID, deadline: Deadline) -> ContractView:
        """See the port."""
        self.faults.after(self.faults.before("find_contract"), "find_contract")
        state = self.contracts.get(contract_id, ContractState.MISSING)
        known = state is not ContractState.MISSING
        return ContractView(contract_id, state, contract_id.hex if known else None)

    async def end_contract(self, psp_ref: str, deadline: Deadline) -> None:
        """See the port."""
        self.contracts[UUID(psp_ref)] = ContractState.ENDED

    async def deduct(self, order: Order, psp_ref: str, deadline: Deadline) -> None:
        """See the port."""
        fault = self.faults.before("deduct")
        known = self.psp.orders.get(order.intent_id)
        signed = self.contracts[UUID(psp_ref)] is ContractState.SIGNED
        if self.is_short or not signed or (known and known.state is OrderState.PAID):
            raise UpstreamRejected("wechatpay", "deduct", 403, b'{"code":"NOT_ENOUGH"}')
        self.psp.orders[order.intent_id] = FakeOrder(order)
        self.psp.force_paid(order.intent_id)
        self.faults.after(fault, "deduct")


@pytest.fixture
def contracts(psp: FakePsp) -> FakeContracts:
    """The contracts."""
    return FakeContracts(psp)


@pytest.fixture
def upstreams(psp: FakePsp, billers: FakeBillers, contracts: FakeContracts) -> Mapping[Any, Any]:
    """The fakes in the place of the adapters."""
    return {
        WeChatPay: psp,
        **by_operation(billers, BILLERS),
        **by_operation(FakeSms(), GATEWAY),
        Entrusting: contracts,
    }


@dataclass
class Payer:
    """Somebody with a linked account whose bills are paid by themselves."""

    call: Call
    link_id: UUID
    autopay_id: UUID


async def _agree(
    world: World, contracts: FakeContracts, *, bill_fen: int = 5000, month_fen: int = 8000
) -> Payer:
    call = await world.citizen()
    world.billers.issue(f"{ACCOUNT}X", 1)
    bill_no = world.billers.issue(ACCOUNT, 1)
    link = await accounts.link_account(
        call, UtilityKind.WATER, ACCOUNT, "家", f"link-{new_id().hex}"
    )
    del world.billers.bills[bill_no]
    shown = await service.agree(
        call, link.id, bill_ceiling_fen=bill_fen, month_ceiling_fen=month_fen,
        text_version=TEXT_VERSION, key=f"agree-{new_id().hex}",
    )  # fmt: skip
    assert shown.sign_url == f"https://wallet.example/{shown.autopay.contract_id.hex}"
    contracts.contracts[shown.autopay.contract_id] = ContractState.SIGNED
    (shown, *_) = await service.list_autopays(call)
    assert shown.autopay.state == "active"
    return Payer(call, link.id, shown.autopay.id)


async def _run(world: World, wait: timedelta = timedelta(0)) -> None:
    """Move on, then run the job twice with what it leads to."""
    world.clock.move(wait)
    for _ in range(2):
        await jobs.run(world.app)
        await world.call_back()
        await world.queue.run_due()


async def _charges() -> list[tuple[str, str | None, int]]:
    rows = await AutopayCharge.all().order_by("id")
    return [(row.state, row.reason, row.amount_fen) for row in rows]


async def _templates() -> list[str]:
    return [row.template for row in await Message.all().order_by("position")]


async def test_a_bill_is_announced_and_paid_once_a_day_later(
    world: World, contracts: FakeContracts
) -> None:
    payer = await _agree(world, contracts)
    bill_no = world.billers.issue(ACCOUNT, 3360)
    await _run(world)
    assert await _charges() == [("announced", None, 3360)]
    assert (await _templates(), await Intent.all().count()) == (["bills.autopay_announced"], 0)
    await _run(world, DAY - timedelta(minutes=1))
    assert await Intent.all().count() == 0
    await _run(world, timedelta(minutes=1))
    for _ in range(3):
        await _run(world, HOUR)
    (intent,) = await Intent.all()
    assert (intent.state, intent.amount_fen, intent.cashier_url) == ("fulfilled", 3360, None)
    assert await _charges() == [("paid", None, 3360)]
    assert world.billers.bills[bill_no].status is BillStatus.PAID
    assert await _templates() == ["bills.autopay_announced", "bills.paid"]
    (shown,) = await service.list_autopays(payer.call)
    assert (shown.spent_fen, shown.charges[0].intent_id) == (3360, intent.id)


@pytest.mark.parametrize(
    ("amount_fen", "spent_fen", "reason"),
    [
        (5000, 0, None),
        (5001, 0, "BILL_CEILING"),
        (5000, 3000, None),
        (5000, 3001, "MONTH_CEILING"),
        (1, 8000, "MONTH_CEILING"),
    ],
)
def test_a_ceiling_is_reached_and_never_passed(
    amount_fen: int, spent_fen: int, reason: str | None
) -> None:
    found = stop_reason(amount_fen, spent_fen, bill_ceiling_fen=5000, month_ceiling_fen=8000)
    assert found == reason


async def test_above_a_ceiling_nothing_is_paid_and_the_payer_is_told(
    world: World, contracts: FakeContracts
) -> None:
    await _agree(world, contracts)
    for total_fen in (5001, 5000, 3001, 3000):
        world.billers.issue(ACCOUNT, total_fen)
    await _run(world)
    await _run(world, DAY)
    assert sorted(await _charges(), key=lambda charge: charge[2]) == [
        ("paid", None, 3000),
        ("paid", None, 3001),
        ("stopped", "MONTH_CEILING", 5000),
        ("stopped", "BILL_CEILING", 5001),
    ]
    assert (await _templates()).count("bills.autopay_stopped") == 2
    assert sum(row.amount_fen for row in await Intent.all()) == 6001


async def test_an_answer_that_is_newer_than_the_one_judged_is_judged_first(
    world: World, contracts: FakeContracts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody looks at the bill between our question and the payment, and it has grown."""
    payer = await _agree(world, contracts)
    bill_no = world.billers.issue(ACCOUNT, 4900)
    await _run(world)
    world.clock.move(DAY)
    note = jobs.note

    async def grow(*told: Any) -> Any:
        noted = await note(*told)
        world.billers.bills[bill_no] = replace(world.billers.bills[bill_no], total_fen=5001)
        await world.read(payer.call, ACCOUNT)
        return noted

    monkeypatch.setattr(jobs, "note", grow)
    await jobs.run(world.app)
    assert await Intent.all().count() == 0
    await _run(world)
    assert await _charges() == [("stopped", "BILL_CEILING", 4900)]


async def test_what_a_months_ceiling_stopped_is_paid_in_the_next(
    world: World, contracts: FakeContracts
) -> None:
    await _agree(world, contracts)
    for total_fen in (3001, 5000):  # the newest first
        world.billers.issue(ACCOUNT, total_fen)
    await _run(world)
    await _run(world, DAY)
    assert sorted(await _charges()) == [
        ("paid", None, 5000),
        ("stopped", "MONTH_CEILING", 3001),
    ]
    for _ in range(3):  # the month goes on: it is told once and left alone
        await _run(world, DAY)
    assert sorted(await _charges())[1] == ("stopped", "MONTH_CEILING", 3001)
    await _run(world, DAY * 31)
    assert sorted(await _charges())[0] == ("announced", None, 3001)
    await _run(world, DAY)
    assert sorted(await _charges()) == [("paid", None, 3001), ("paid", None, 5000)]
    told = await _templates()
    assert told.count("bills.autopay_stopped") == 1 and told.count("bills.autopay_announced") == 2


async def test_a_late_fee_that_passes_the_ceiling_stops_what_was_announced(
    world: World, contracts: FakeContracts
) -> None:
    await _agree(world, contracts)
    bill_no = world.billers.issue(ACCOUNT, 5000)
    await _run(world)
    world.billers.bills[bill_no] = replace(world.billers.bills[bill_no], total_fen=5001)
    await _run(world, DAY)
    assert await _charges() == [("stopped", "BILL_CEILING", 5000)]
    assert await Intent.all().count() == 0
    assert await _templates() == ["bills.autopay_announced", "bills.autopay_stopped"]


async def test_ending_it_is_at_once_here_and_at_the_psp(
    world: World, contracts: FakeContracts
) -> None:
    payer = await _agree(world, contracts)
    world.billers.issue(ACCOUNT, 3360)
    await _run(world)
    stranger = await world.citizen()
    with pytest.raises(NotFound):
        await service.end(stranger, payer.autopay_id)
    for _ in range(2):
        assert (await service.end(payer.call, payer.autopay_id)).autopay.state == "ended"
    await _run(world, DAY)
    assert await _charges() == [("cancelled", "ENDED_BY_PAYER", 3360)]
    assert await Intent.all().count() == 0
    row = await Autopay.get(id=payer.autopay_id)
    assert contracts.contracts[row.contract_id] is ContractState.ENDED
    assert (await Contract.get(id=row.contract_id)).state == "ended"


async def test_who_ends_it_in_the_wallet_or_unlinks_the_account_pays_no_more(
    world: World, contracts: FakeContracts
) -> None:
    first = await _agree(world, contracts)
    world.billers.issue(ACCOUNT, 3360)
    row = await Autopay.get(id=first.autopay_id)
    contracts.contracts[row.contract_id] = ContractState.ENDED
    await _run(world)
    row = await Autopay.get(id=first.autopay_id)
    assert (row.state, row.end_reason, await _charges()) == ("ended", "ENDED_AT_PSP", [])
    second = await _agree(world, contracts)
    await accounts.unlink_account(second.call, second.link_id, "unlink-key")
    row = await Autopay.get(id=second.autopay_id)
    assert (row.state, row.end_reason) == ("ended", "UNLINKED")


async def test_a_short_account_fails_once_and_is_told(
    world: World, contracts: FakeContracts
) -> None:
    await _agree(world, contracts)
    world.billers.issue(ACCOUNT, 3360)
    await _run(world)
    contracts.is_short = True
    await _run(world, DAY)
    contracts.is_short = False
    await _run(world, DAY)
    assert await _charges() == [("failed", "PSP_REFUSED", 3360)]
    (intent,) = await Intent.all()
    assert (intent.state, intent.captured_fen) == ("rejected", 0)
    assert await _templates() == ["bills.autopay_announced", "bills.autopay_failed"]


async def test_a_deduction_whose_answer_is_lost_is_paid_once(
    world: World, contracts: FakeContracts
) -> None:
    await _agree(world, contracts)
    world.billers.issue(ACCOUNT, 3360)
    await _run(world)
    world.clock.move(DAY)
    contracts.faults.queued.append("lost")
    world.psp.faults.queued.append("down")
    await jobs.run(world.app)
    world.psp.callbacks.clear()
    await world.queue.run_for(timedelta(minutes=5))
    await _run(world)
    (intent,) = await Intent.all()
    assert (intent.state, len(world.psp.orders)) == ("fulfilled", 1)
    assert await _charges() == [("paid", None, 3360)]


@pytest.mark.parametrize("channel", [PaymentChannel.BROWSER, PaymentChannel.APP])
async def test_a_bill_paid_by_hand_is_not_paid_again(
    world: World, contracts: FakeContracts, channel: PaymentChannel
) -> None:
    payer = await _agree(world, contracts)
    world.billers.issue(ACCOUNT, 3360)
    await _run(world)
    world.clock.move(DAY)
    (listed,) = await world.read(payer.call, ACCOUNT)
    intent_id = await world.start(payer.call, listed.id, wish=Wish(channel=channel))
    await jobs.run(world.app)
    assert await _charges() == [("announced", None, 3360)]  # perhaps it comes to nothing
    world.psp.pay(intent_id)
    await _run(world)
    await _run(world, HOUR)
    assert (await _charges())[0][:2] == ("cancelled", "BILL_PAID")
    paid = [row for row in await Intent.all() if row.captured_fen]
    assert [row.id for row in paid] == [intent_id]


async def test_of_a_bill_paid_in_parts_by_hand_the_rest_is_paid(
    world: World, contracts: FakeContracts
) -> None:
    """Never a part by itself: it would slip beneath the ceiling that was to stop the bill. And the
    payer's own open cashier is waited for."""
    payer = await _agree(world, contracts)
    world.billers.issue(ACCOUNT, 7000, least_part_fen=1000)
    await _run(world)
    assert await _charges() == [("stopped", "BILL_CEILING", 7000)]
    world.billers.issue(ACCOUNT, 4800, least_part_fen=1000)
    await _run(world, DAY)
    world.clock.move(DAY)
    listed = next(
        one for one in await world.read(payer.call, ACCOUNT) if one.bill.total_fen == 4800
    )
    part = await world.start(payer.call, listed.id, amount_fen=1500)
    await jobs.run(world.app)
    assert (await Intent.get()).id == part
    world.psp.pay(part)
    await _run(world)
    await _run(world, HOUR)
    assert sorted(await _charges()) == [("paid", None, 3300), ("stopped", "BILL_CEILING", 7000)]
    paid = {row.amount_fen for row in await Intent.all() if row.state == "fulfilled"}
    assert paid == {1500, 3300}


async def test_two_payers_of_one_account_pay_a_bill_once(
    world: World, contracts: FakeContracts
) -> None:
    await _agree(world, contracts)
    await _agree(world, contracts)
    world.billers.issue(ACCOUNT, 3360)
    await _run(world)
    await _run(world, DAY)
    await _run(world, DAY)
    assert await _charges() == [("paid", None, 3360)]
    assert await Intent.all().count() == 1


async def test_a_silent_biller_is_waited_for_three_days(
    world: World, contracts: FakeContracts
) -> None:
    await _agree(world, contracts)
    world.billers.issue(ACCOUNT, 3360)
    await _run(world)
    world.billers.faults.always = "down"
    await _run(world, DAY)
    assert await _charges() == [("announced", None, 3360)]
    await _run(world, 3 * DAY + HOUR)
    assert await _charges() == [("stopped", "BILLER_SILENT", 3360)]


async def test_limits_the_text_and_the_account_are_checked(
    world: World, contracts: FakeContracts
) -> None:
    payer = await _agree(world, contracts)
    stranger = await world.citizen()
    good: dict[str, Any] = {
        "bill_ceiling_fen": 5000, "month_ceiling_fen": 8000, "text_version": TEXT_VERSION,
    }  # fmt: skip
    for changes, error in (
        ({"bill_ceiling_fen": 0}, InvalidInput),
        ({"bill_ceiling_fen": 500_001, "month_ceiling_fen": 600_000}, InvalidInput),
        ({"month_ceiling_fen": 4999}, InvalidInput),
        ({"month_ceiling_fen": 10_000_001}, InvalidInput),
        ({"text_version": "2020-01"}, Conflict),
        ({}, Conflict),  # it is on already
    ):
        with pytest.raises(error):
            await service.agree(payer.call, payer.link_id, **(good | changes), key="the-next-key")
    with pytest.raises(NotFound):
        await service.agree(stranger, payer.link_id, **good, key="the-next-key")
    assert await Autopay.all().count() == await Contract.all().count() == 1


async def test_one_never_signed_is_replaced_or_ends_after_a_day(
    world: World, contracts: FakeContracts
) -> None:
    payer = await _agree(world, contracts)
    await service.end(payer.call, payer.autopay_id)
    good: dict[str, Any] = {
        "bill_ceiling_fen": 5000, "month_ceiling_fen": 8000, "text_version": TEXT_VERSION,
    }  # fmt: skip
    first = await service.agree(payer.call, payer.link_id, **good, key="the-first-key")
    again = await service.agree(payer.call, payer.link_id, **good, key="the-first-key")
    assert again.autopay.id == first.autopay.id
    contracts.faults.always = "down"
    second = await service.agree(payer.call, payer.link_id, **good, key="the-second-key")
    assert second.sign_url is None  # the PSP is silent: it is shown again later
    contracts.faults.always = "ok"
    assert (await Autopay.get(id=first.autopay.id)).end_reason == "REPLACED"
    await _run(world, DAY + HOUR)
    assert (await Autopay.get(id=second.autopay.id)).end_reason == "NOT_SIGNED"


async def test_agreeing_needs_a_fresh_proof_and_ending_does_not(
    world: World, contracts: FakeContracts, client: Client, clock: ManualClock
) -> None:
    payer = await _agree(world, contracts)
    assert payer.call.viewer is not None
    clock.move(timedelta(minutes=15))
    agree = """mutation ($id: ID!, $version: String!) {
      agreeAutopay(accountId: $id, billCeiling: 1, monthCeiling: 1, textVersion: $version,
                   idempotencyKey: "the-only-key") { ... on Refusal { code } } }"""
    variables = {"id": str(payer.link_id), "version": TEXT_VERSION}
    old = replace(payer.call.viewer, authenticated_at=clock.now() - timedelta(minutes=15))
    answer = await client.data(agree, variables, viewer=old)
    assert answer["agreeAutopay"]["code"] == "FRESH_AUTH_REQUIRED"
    end = """mutation ($id: ID!) { endAutopay(autopayId: $id, idempotencyKey: "the-end-key") {
      ... on AutopayEnded { autopay { id state } } } }"""
    answer = await client.data(end, {"id": str(payer.autopay_id)}, viewer=old)
    assert answer["endAutopay"]["autopay"] == {"id": str(payer.autopay_id), "state": "ENDED"}


async def test_the_database_keeps_one_consent_an_account_and_one_charge_a_bill(
    world: World, contracts: FakeContracts, database: DatabaseUrls
) -> None:
    payer = await _agree(world, contracts)
    world.billers.issue(ACCOUNT, 3360)
    await _run(world)
    raw = await asyncpg.connect(**parse_url(database.app))
    try:
        for statement, error in (
            (
                "INSERT INTO bills_autopay SELECT gen_random_uuid(), link_id, citizen_id, "
                "contract_id, 1, 1, 'x', 'signing', agreed_at FROM bills_autopay",
                asyncpg.UniqueViolationError,
            ),
            (
                "INSERT INTO bills_autopay_charge SELECT gen_random_uuid(), gen_random_uuid(), "
                "bill_id, 1, month_on, announced_at, pay_at, 'announced' "
                "FROM bills_autopay_charge",
                asyncpg.UniqueViolationError,
            ),
            ("UPDATE bills_autopay SET bill_ceiling_fen = 99999", asyncpg.CheckViolationError),
            ("UPDATE bills_autopay_charge SET state = 'paid'", asyncpg.CheckViolationError),
        ):
            with pytest.raises(error):
                await raw.execute(statement)
    finally:
        await raw.close()
    assert (await Autopay.get(id=payer.autopay_id)).bill_ceiling_fen == 5000


@pytest.mark.parametrize("machine", [AUTOPAY, CHARGE], ids=lambda machine: machine.name)
def test_the_handbook_draws_the_machines_that_run(machine: StateMachine) -> None:
    assert machine.mermaid() in (ROOT / "docs/bills.md").read_text(encoding="utf-8")
