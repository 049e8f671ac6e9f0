"""Citizens who pay at the sandbox's cashiers."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import aiohttp
from tortoise.queryset import QuerySet

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import transaction
from core.ids import new_id
from modules.utilities.accounts import service as accounts
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.bills import service as bills
from payments.domain import PaymentMethod, Wish
from payments.models import Intent, Refund
from payments.service import create_intent, present, refund
from payments.sharing.models import Share
from tests.payments import payees
from tests.payments.payees import OWN_MERCHANT
from tests.payments.world import Queue, World
from tests.sandbox.serving import Client
from tests.sandbox.test_billers import account_of, fresh_bill


class Payers:
    """Citizens who pay and are refunded."""

    def __init__(
        self,
        app: App,
        clock: ManualClock,
        city: Client,
        make: Callable[..., Call],
    ) -> None:
        self.app, self.city = app, city
        self.queue = Queue(app, clock)
        self.payees = payees.begin()
        self._world = World(app, clock, None, None, make)  # type: ignore[arg-type]

    async def pay(self, method: PaymentMethod = PaymentMethod.WECHAT_PAY) -> UUID:
        """A fresh bill, paid, captured and written off; returns the intent's id."""
        call = await self._world.citizen()
        bill = await fresh_bill(self.city)
        account = await account_of(self.city, "water")
        await accounts.link_account(call, UtilityKind.WATER, account, "", "link-key-1")
        listing = await self._world.read(call, account)
        bill_id = next(item.id for item in listing if item.bill.bill_no == bill["bill_no"])
        fresh = self._world.fresh(call)
        payment = await bills.pay_bill(fresh, bill_id, f"pay-{new_id().hex}", Wish(method))
        return await self._go_to_cashier(UUID(str(payment.id)))

    async def pay_in_parts(self, *amounts_fen: int | None) -> list[UUID]:
        """A fresh heating bill of 400.50 yuan, paid part by part (None: the rest); the intents."""
        call, kind = await self._world.citizen(), UtilityKind.HEATING
        bill = await fresh_bill(self.city, kind, usage=60)
        account = await account_of(self.city, kind)
        await accounts.link_account(call, kind, account, "", "link-key-1")
        listing = (await bills.read_bills(call, kind, account, only_open=True)).value or ()
        bill_id = next(item.id for item in listing if item.bill.bill_no == bill["bill_no"])
        parts = []
        for amount_fen in amounts_fen:
            fresh, key = self._world.fresh(call), f"pay-{new_id().hex}"
            payment = await bills.pay_bill(fresh, bill_id, key, amount_fen=amount_fen)
            parts.append(await self._go_to_cashier(UUID(str(payment.id))))
        return parts

    async def pay_past_us(self, amount_fen: int) -> UUID:
        """A payment to a payee with a merchant of its own, paid and accepted; returns its id."""
        call, subject_ref = await self._world.citizen(), new_id().hex
        self.payees.amounts[subject_ref] = amount_fen
        async with transaction() as tx:
            intent_id = await create_intent(
                call, tx, kind=OWN_MERCHANT.kind, subject_ref=subject_ref, key="pay-key-1"
            )
        await present(call, intent_id)
        return await self._go_to_cashier(intent_id)

    async def _go_to_cashier(self, intent_id: UUID) -> UUID:
        intent = await Intent.get(id=intent_id)
        assert intent.cashier_url is not None
        async with aiohttp.ClientSession(headers={"Accept": "application/json"}) as http:
            async with http.get(intent.cashier_url) as cashier:
                page = str(cashier.url).partition("?")[0]
            async with http.post(f"{page}/pay") as answer:
                assert answer.status == 200
        await self.queue.run_for(timedelta(seconds=6))
        assert (await Intent.get(id=intent_id)).state == "fulfilled"
        return intent_id

    async def refund(self, intent_id: UUID) -> None:
        """A yuan of a payment goes back."""
        async with transaction() as tx:
            await refund(self.app, tx, intent_id, 100, reason="TEST", key=f"yuan:{intent_id}")
        await self._until_succeeded(Refund.filter(intent_id=intent_id))

    async def get_share(self, intent_id: UUID) -> None:
        """The city has its share of a payment."""
        await self._until_succeeded(Share.filter(id=intent_id))

    async def _until_succeeded(self, rows: QuerySet[Any]) -> None:
        """Let time pass, which is a second and a bit of the sandbox's own each time."""
        for _ in range(15):
            await self.queue.run_for(timedelta(seconds=20))
            if await rows.filter(state="succeeded").exists():
                return
            await asyncio.sleep(1.2)
        raise AssertionError(await rows.values())
