"""A small city for payments: one fake PSP, fake billers, a queue that follows the test's clock."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
from starlette.requests import Request

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import (
    IntegrityError,
    connection,
    fetch_all,
    parse_url,
    transaction,
    violated,
)
from core.ids import new_id
from core.processes.embedded import DatabaseUrls
from core.queue.jobs import GiveUp
from modules.identity import store as identity
from modules.utilities.accounts import service as accounts
from modules.utilities.accounts.domain import UtilityKind
from modules.utilities.bills import service as bills
from payments import routes
from payments.domain import Wish
from payments.ledger import store as ledger
from payments.ledger.accounts import Account, psp_receivable
from payments.ledger.postings import Posting, transfer
from payments.models import Intent
from tests.payments.fake_partner import FakePartner
from tests.payments.fake_sharing import FakeSharing
from tests.payments.fakes import FakeBillers, FakeOrder, FakePsp

ACCOUNT = "1000000016"


class Queue:
    """Runs queued jobs one by one at their time on the manual clock, as a worker would."""

    def __init__(self, app: App, clock: ManualClock) -> None:
        self.dead: list[str] = []
        self._app = app
        self._clock = clock
        self._due: dict[int, datetime] = {}

    async def run_due(self) -> int:
        """Run everything whose time has come, and what that leads to; returns how much ran."""
        ran = 0
        while (job := await self.next_due()) is not None:
            await self.run(job)
            ran += 1
        return ran

    async def next_due(self) -> dict | None:
        """The job whose turn it is, if its time has come."""
        job = await self._next()
        return job if job is not None and self._due[job["id"]] <= self._clock.now() else None

    async def run_until(self, moment: datetime) -> None:
        """Move the clock from job to job until a moment."""
        await self.run_due()
        while (job := await self._next()) is not None and self._due[job["id"]] <= moment:
            self._clock.move(max(timedelta(0), self._due[job["id"]] - self._clock.now()))
            await self.run_due()
        self._clock.move(max(timedelta(0), moment - self._clock.now()))

    async def run_for(self, wait: timedelta) -> None:
        """The same, for a while from now."""
        await self.run_until(self._clock.now() + wait)

    async def run(self, job: dict) -> None:
        """Run one job; a failing one is tried again after a second, GiveUp ends it."""
        kind = self._app.queue.kinds[job["entrypoint"]]
        try:
            await kind.run(self._app, job["payload"])
        except GiveUp:
            self.dead.append(kind.kind)
        await connection().execute_query("DELETE FROM pgqueuer WHERE id = $1", [job["id"]])

    async def _next(self) -> dict | None:
        rows = await fetch_all(
            connection(),
            """SELECT id, entrypoint, payload, execute_after - created AS wait FROM pgqueuer
                WHERE status = 'queued' ORDER BY id""",
        )
        for row in rows:
            self._due.setdefault(row["id"], self._clock.now() + row["wait"])
        return min(rows, key=lambda row: (self._due[row["id"]], row["id"]), default=None)


class World:
    """Everything a payment test needs."""

    def __init__(
        self,
        app: App,
        clock: ManualClock,
        psp: FakePsp,
        billers: FakeBillers,
        make_call: Callable[..., Call],
        partner: FakePartner | None = None,
    ) -> None:
        self.app, self.clock, self.psp, self.billers = app, clock, psp, billers
        self.psps: list[FakePsp] = [psp] if partner is None else [psp, partner]
        """The PSP, and the one of payees' own merchants."""
        self.sharing = FakeSharing(psp) if partner is None else partner.sharing
        self.queue = Queue(app, clock)
        self._make_call = make_call
        self._people = 0

    async def citizen(self) -> Call:
        """A new citizen's call, with an account of their own."""
        self._people += 1
        phone = f"139{self._people:08d}"
        async with transaction() as tx:
            user_id = await identity.ensure_citizen(
                tx,
                citizen_id=new_id(),
                phone_index=self.app.vault.blind_index(phone, "identity.phone"),
                phone_sealed=self.app.vault.encrypt(phone, "identity.phone"),
                now=self.clock.now(),
            )
        return self._make_call(user_id=user_id)

    def fresh(self, call: Call) -> Call:
        """The call of a citizen who has just proved again who they are."""
        assert call.viewer is not None
        return replace(call, viewer=replace(call.viewer, authenticated_at=self.clock.now()))

    async def link(self, call: Call, account_no: str) -> None:
        """Link a water account that has a bill to a citizen."""
        await accounts.link_account(call, UtilityKind.WATER, account_no, "", f"link-{new_id().hex}")

    async def bill(
        self,
        call: Call,
        total_fen: int = 3360,
        account_no: str = ACCOUNT,
        least_part_fen: int | None = None,
    ) -> UUID:
        """A fresh water bill on an account that the citizen has linked."""
        bill_no = self.billers.issue(account_no, total_fen, least_part_fen=least_part_fen)
        await self.link(call, account_no)
        listing = await self.read(call, account_no)
        return next(listed.id for listed in listing if listed.bill.bill_no == bill_no)

    async def read(self, call: Call, account_no: str) -> Sequence[bills.ListedBill]:
        """The open water bills of a linked account."""
        reading = await bills.read_bills(call, UtilityKind.WATER, account_no, only_open=True)
        assert reading.value is not None
        return reading.value

    async def start(
        self,
        call: Call,
        bill_id: UUID,
        key: str | None = None,
        amount_fen: int | None = None,
        wish: Wish | None = None,
    ) -> UUID:
        """Begin to pay a bill or a part of it, freshly authenticated; returns the intent's id."""
        fresh, key = self.fresh(call), key or f"pay-{new_id().hex}"
        payment = await bills.pay_bill(fresh, bill_id, key, wish, amount_fen)
        return UUID(str(payment.id))

    async def call_back(self) -> list[str]:
        """Deliver the PSPs' waiting callbacks; returns what became of each."""
        outcomes = []
        for psp in self.psps:
            told, psp.callbacks[:] = list(psp.callbacks), []
            outcomes += [await self.deliver(headers, body, psp.name) for headers, body in told]
        return outcomes

    async def deliver(self, headers: dict[str, str], body: bytes, psp: str = "wechatpay") -> str:
        """Deliver one callback."""
        return await routes.hear(self.app, psp, request_of(headers, body))

    def order(self, intent_id: UUID) -> FakeOrder | None:
        """A payment's order at whichever PSP has one."""
        return next((psp.orders[intent_id] for psp in self.psps if intent_id in psp.orders), None)

    async def overdraw(self, account: Account) -> str | None:
        """Try to post one fen more than is free in a guarded account; the constraint that held."""
        balance = await ledger.get_balance(account)
        amount_fen = balance.balance_fen - balance.held_fen + 1
        legs = transfer(debit=account, credit=psp_receivable("test"), amount_fen=amount_fen)
        try:
            async with transaction() as tx:
                await ledger.post(tx, Posting("test", f"test:{new_id()}", legs), self.clock.now())
        except IntegrityError as error:
            return violated(error)
        return None

    async def intent(self, intent_id: UUID) -> Intent:
        """An intent as it is."""
        return await Intent.get(id=intent_id)


def request_of(headers: dict[str, str], body: bytes) -> Request:
    """A request as the server hands it on."""

    async def receive() -> dict:
        return {"type": "http.request", "body": body, "more_body": False}

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": raw}, receive)


async def as_owner(database: DatabaseUrls, statement: str) -> None:
    """Run a statement that the application's role may not: what a test needs of a row's past."""
    connection = await asyncpg.connect(**parse_url(database.owner))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
