"""The fake city with two PSPs, and what must hold of its books."""

from collections.abc import Callable
from uuid import UUID

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_all, fetch_one
from core.ids import new_id
from modules.utilities.bills import service as bills
from payments import routes
from payments.domain import STATUS, PaymentMethod, PaymentStatus, Wish
from payments.ledger import store as ledger
from payments.ledger.accounts import psp_receivable
from payments.models import Intent, LeftOrder, Refund
from payments.psp import routing
from payments.psp.channels import PaymentChannel
from payments.psp.port import OrderState, RefundState
from tests.payments.fake_alipay import FakeAlipay
from tests.payments.fakes import FakeBillers, FakePsp
from tests.payments.world import World, request_of


class Town(World):
    """A world with a second PSP, whose breakers follow the test's clock."""

    def __init__(
        self,
        app: App,
        clock: ManualClock,
        psp: FakePsp,
        alipay: FakeAlipay,
        billers: FakeBillers,
        make_call: Callable[..., Call],
    ) -> None:
        super().__init__(app, clock, psp, billers, make_call)
        self.wechat, self.alipay = psp, alipay
        self.psps: dict[str, FakePsp] = {"wechatpay": psp, "alipay": alipay}
        for name in self.psps:
            routing.health(app, name, monotonic=lambda: clock.now().timestamp())

    async def begin(
        self,
        call: Call,
        bill_id: UUID,
        method: PaymentMethod | None = None,
        channel: PaymentChannel = PaymentChannel.BROWSER,
        openid: str | None = None,
    ) -> Intent:
        """Begin to pay with a new key; the intent as it then is."""
        key, wish = f"pay-{new_id().hex}", Wish(method, channel, openid)
        payment = await bills.pay_bill(self.fresh(call), bill_id, key, wish)
        return await self.intent(UUID(str(payment.id)))

    async def hear_all(self) -> list[str]:
        """Deliver the waiting callbacks of both; returns what became of each."""
        outcomes = []
        for name, psp in self.psps.items():
            told, psp.callbacks[:] = list(psp.callbacks), []
            outcomes += [await self.hear(name, *sent) for sent in told]
        return outcomes

    async def hear(self, psp: str, headers: dict[str, str], body: bytes) -> str:
        """Deliver one callback of one PSP."""
        return await routes.hear(self.app, psp, request_of(headers, body))

    def paid_at(self, intent_id: UUID) -> list[str]:
        """The PSPs that took money for an intent, whatever they gave back."""
        return [
            name
            for name, psp in self.psps.items()
            if intent_id in psp.orders and psp.orders[intent_id].state is OrderState.PAID
        ]

    def kept_fen(self, intent_id: UUID) -> int:
        """What both PSPs together took for an intent and have not begun to return."""
        return sum(
            self.psps[name].orders[intent_id].order.amount_fen
            - self.psps[name].orders[intent_id].refunded_fen
            for name in self.paid_at(intent_id)
        )


async def check_town(town: Town) -> None:
    """Σ = 0, each PSP's account is what it took and returned, one live order per payment."""
    row = await fetch_one(
        connection(),
        """SELECT coalesce(sum(CASE side WHEN 'D' THEN amount_fen ELSE -amount_fen END), 0)::bigint
                  AS difference FROM payments_entry""",
    )
    assert row == {"difference": 0}
    intents, left = await Intent.all(), await LeftOrder.all()
    for name, psp in town.psps.items():
        captured = sum(i.captured_fen for i in intents if i.psp == name)
        captured += sum(order.captured_fen for order in left if order.psp == name)
        done = await Refund.filter(psp=name, state="succeeded")
        balance = await ledger.get_balance(psp_receivable(name))
        assert balance.balance_fen == captured - sum(refund.amount_fen for refund in done)
        # nothing is booked as returned that the PSP has not returned
        assert {r.id for r in done} <= {
            refund_id
            for refund_id, refund in psp.refunds.items()
            if refund.state is RefundState.SUCCEEDED
        }
    live = {(intent.id, intent.psp) for intent in intents}
    assert not live & {(order.intent_id, order.psp) for order in left}
    for intent in intents:
        if town.paid_at(intent.id) and STATUS[intent.state] is PaymentStatus.SUCCEEDED:
            assert intent.captured_fen == intent.amount_fen


async def check_town_ended(town: Town) -> None:
    """Nothing is under way; each payment was kept once, by the PSP it names, or not at all."""
    await check_town(town)
    for intent in await Intent.all():
        assert intent.due_at is None, (intent.state, intent.id)
        kept = intent.amount_fen if intent.state == "fulfilled" else 0
        assert town.kept_fen(intent.id) == kept, (intent.state, intent.psp)
        if kept:
            order = town.psps[intent.psp].orders[intent.id]
            assert (order.state, order.refunded_fen) == (OrderState.PAID, 0)
            assert order.psp_ref == intent.psp_ref
    assert all(order.due_at is None for order in await LeftOrder.all())
    assert all(refund.state == "succeeded" for refund in await Refund.all())
    rows = await fetch_all(
        connection(),
        """SELECT a.code FROM payments_balance b JOIN payments_account a ON a.id = b.account_id
            WHERE a.code LIKE 'payer:%' AND b.debit_fen <> b.credit_fen""",
    )
    assert rows == []
