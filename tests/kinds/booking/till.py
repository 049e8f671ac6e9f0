"""Paying fees in tests: the fake PSP's cashier, and a worker that follows the test's clock."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_all
from core.ids import new_id
from core.states import IllegalTransition
from core.upstream.client import UpstreamError
from kinds.booking import fees
from payments import routes
from payments.ledger.verify import verify
from payments.models import Intent
from tests.kinds.booking.people import fresh
from tests.payments.fakes import FakePsp
from tests.payments.world import Queue, request_of

_AGAIN = timedelta(seconds=1)


class Worker(Queue):
    """Runs due jobs; one that an upstream or the order of things stops is tried again."""

    async def run(self, job: dict[str, Any]) -> None:
        """Run one job."""
        try:
            await super().run(job)
        except (UpstreamError, IllegalTransition):
            self._due[job["id"]] = self._clock.now() + _AGAIN


@dataclass
class Till:
    """Everything between an unpaid hold and its end."""

    app: App
    clock: ManualClock
    psp: FakePsp

    def __post_init__(self) -> None:
        self.queue = Worker(self.app, self.clock)

    async def start(self, viewer: Call, booking_id: UUID, key: str | None = None) -> UUID:
        """Open the cashier for a hold; returns the payment."""
        payment = await fees.pay(fresh(viewer), booking_id, key or str(new_id()))
        return UUID(str(payment.id))

    async def pay(self, intent_id: UUID) -> bool:
        """The payer pays and the PSP tells us; False where the cashier is closed."""
        if not self.psp.pay(intent_id):
            return False
        await self.call_back()
        return True

    async def call_back(self) -> None:
        """Deliver what the PSP wants to tell."""
        told, self.psp.callbacks[:] = list(self.psp.callbacks), []
        for headers, body in told:
            await routes.hear(self.app, "wechatpay", request_of(headers, body))

    async def pay_for(self, viewer: Call, booking_id: UUID) -> UUID:
        """The plain path to the end; returns the payment."""
        intent_id = await self.start(viewer, booking_id)
        assert await self.pay(intent_id)
        await self.queue.run_due()
        return intent_id

    async def intent(self, intent_id: UUID) -> Intent:
        """A payment as it stands."""
        return await Intent.get(id=intent_id)

    async def check_books(self) -> None:
        """The ledger is sound, and nothing paid is left in a payer's account."""
        assert (await verify()).sound
        left = await fetch_all(
            connection(),
            """SELECT coalesce(sum(b.credit_fen - b.debit_fen), 0)::bigint AS fen
                 FROM payments_balance b JOIN payments_account a ON a.id = b.account_id
                WHERE a.code LIKE 'payer:%'""",
        )
        assert left == [{"fen": 0}]


async def told() -> list[str]:
    """The messages that were written, in order."""
    sql = "SELECT template FROM notifications_message ORDER BY position"
    rows = await fetch_all(connection(), sql)
    return [row["template"] for row in rows]
