"""A month of the finance office against the sandbox city: its PSPs, its water works, its bank.

Both live by one clock, which the test moves from day to day. People pay and are refunded; every
morning statements are compared, payees paid, the bank's statement taken, the day before closed. A
file is lost, the bank books what nobody knows, a payout comes back; two officers sign corrections
over GraphQL. In the end the books agree with both PSPs and the bank to the fen.
"""

import asyncio
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.clock import SHANGHAI, ManualClock, SystemClock
from core.context.app import App
from core.context.call import Call
from core.ids import new_id
from core.manifest import Manifest
from core.processes.embedded import DatabaseUrls
from core.processes.migrate import MIGRATIONS_TABLE
from core.processes.serve import Server
from core.security.authentication import Viewer
from core.security.authorization import Role, scopes_of
from core.settings import Settings
from core.upstream.client import UpstreamError
from payments.bank import jobs as bank_jobs
from payments.bank.models import BankEntry, BankStatement, Transfer
from payments.books.closing import close_days
from payments.domain import PaymentMethod
from payments.finance import finance_of
from payments.ledger import closing, verify
from payments.ledger import store as ledger
from payments.ledger.accounts import (
    MAIN_ACCOUNT,
    Account,
    bank_account,
    cost_of,
    psp_receivable,
)
from payments.reconciliation import service
from payments.reconciliation.models import Case, Payout, Statement
from payments.reconciliation.sources import get_sources
from sandbox.app import create_app
from sandbox.server.settings import SandboxSettings
from tests.asgi import Client as Api
from tests.conftest import ROOT
from tests.payments import payees
from tests.payments.reconciliation.payers import Payers
from tests.payments.world import as_owner
from tests.sandbox.serving import Client, free_port

FIRST = date(2026, 12, 1)
PSPS = ("wechatpay", "alipay")
SOURCES = (*PSPS, "wechatpay_sp", "water")


@pytest.fixture
def clock() -> ManualClock:
    """The city's clock and the product's."""
    return ManualClock(datetime(2026, 12, 1, 9, tzinfo=SHANGHAI))


@pytest.fixture
def sandbox_port(clock: ManualClock, keys_dir: Path) -> Iterator[int]:
    """A sandbox city in a thread of this process, by this test's clock."""
    port = free_port()
    city = create_app(SandboxSettings(port=port, keys_dir=keys_dir), now=clock.now)
    server = Server(city, "127.0.0.1", port)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    yield port
    server.stop()
    thread.join(20)


@pytest.fixture
async def city(sandbox_port: int) -> AsyncIterator[Client]:
    """The sandbox's control plane."""
    async with Client(sandbox_port) as client:
        while True:
            try:
                await client.get("/_control/healthz")
                break
            except OSError:
                await asyncio.sleep(0.02)
        yield client


@pytest.fixture
def settings(database: DatabaseUrls, keys_dir: Path, tmp_path: Path, sandbox_port: int) -> Settings:
    """Settings that lead to this sandbox."""
    return Settings(
        database_url=database.app, database_owner_url=database.owner, keys_dir=keys_dir,
        data_dir=tmp_path, sandbox_port=sandbox_port, city_file=ROOT / "cities/jinan.toml",
    )  # fmt: skip


@pytest.fixture
def upstreams() -> Mapping[Any, Any]:
    """No fakes: everything is the adapter that the manifests bind."""
    return {}


@pytest.fixture
def wings() -> tuple[Manifest, ...]:
    """A payee with a merchant of its own."""
    return (payees.WING,)


class Office:
    """The finance office, its mornings, and its two officers."""

    def __init__(
        self,
        app: App,
        api: Api,
        clock: ManualClock,
        city: Client,
        officers: list[Viewer],
        payers: Payers,
    ) -> None:
        self.app, self.api, self.clock, self.city = app, api, clock, city
        self.officers, self.payers = officers, payers
        self.paid: list[Any] = []

    def go_to(self, on: date, hour: int, minute: int = 0) -> None:
        """Set the clock."""
        moment = datetime(on.year, on.month, on.day, hour, minute, tzinfo=SHANGHAI)
        self.clock.move(max(timedelta(0), moment - self.clock.now()))

    async def take_payments(self, on: date, count: int) -> None:
        """A day's payments at both PSPs, and one to a payee's own merchant; of every third day's
        first one, and that one, a yuan goes back."""
        self.go_to(on, 14)
        methods = list(PaymentMethod)
        today = [await self.payers.pay(methods[n % len(methods)]) for n in range(count)]
        past_us = await self.payers.pay_past_us(20_000)
        if on.day % 3 == 0:
            await self.payers.refund(today[0])
            await self.payers.refund(past_us)
        self.paid += today

    async def morning_after(self, on: date) -> set[str]:
        """What the jobs of the next morning do about a day; returns whose files were not had."""
        failed = set()
        self.go_to(on + timedelta(days=1), 10, 30)
        for source in get_sources(self.app, SOURCES):
            try:
                await service.reconcile(self.app, source, on)
            except UpstreamError:
                failed.add(source.name)
        day = FIRST
        while day <= on:
            await service.pay_out_all(self.app, day)
            day += timedelta(days=1)
        await bank_jobs.fetch_bank(self.app)
        self.go_to(on + timedelta(days=1), 11)
        await bank_jobs.order_transfers(self.app)
        await self.payers.queue.run_due()
        self.go_to(on + timedelta(days=1), 12)
        await close_days(self.app)
        return failed

    async def do(self, officer: int, operation: str, **variables: object) -> Any:
        """A trusted operation of an officer over HTTP; its answer's only field."""
        viewer = self._viewer(officer)
        answer = await self.api.operate(operation, variables, viewer=viewer)
        assert answer.status == 200 and "errors" not in answer.json, answer.body
        [data] = answer.json["data"].values()
        return data

    def _viewer(self, officer: int) -> Viewer:
        me, roles = self.officers[officer], frozenset({Role.FINANCE_OFFICER})
        return Viewer(me.user_id, me.session_id, 2, roles, self.clock.now(), scopes_of(roles))

    async def close_case(self, case_no: int, correction: str) -> None:
        """Propose and approve, on the amounts that were seen: never the same officer."""
        [seen] = [one for one in await self.do(0, "PaymentCases") if one["caseNo"] == case_no]
        amounts = {name: seen[name] for name in ("ourAmount", "theirAmount")}
        blind = await self.do(
            0, "ProposeCorrection", paymentCaseNo=case_no, correctionKind=correction, ourAmount=7,
            theirAmount=7, note="核对了银行流水", proposeKey=f"propose-{new_id().hex}",
        )  # fmt: skip
        assert blind["code"] == "FIGURES_CHANGED"
        made = await self.do(
            0, "ProposeCorrection", paymentCaseNo=case_no, correctionKind=correction, **amounts,
            note="核对了银行流水", proposeKey=f"propose-{new_id().hex}",
        )  # fmt: skip
        assert {name: made["correction"][name] for name in amounts} == amounts
        correction_id = made["correction"]["id"]
        own = await self.do(
            0, "DecideCorrection", correctionId=correction_id, approved=True,
            decideKey=f"decide-{new_id().hex}",
        )  # fmt: skip
        assert own["code"] == "SECOND_PERSON"
        done = await self.do(
            1, "DecideCorrection", correctionId=correction_id, approved=True,
            decideKey=f"decide-{new_id().hex}",
        )  # fmt: skip
        assert done["correction"]["state"] == "approved"


@pytest.fixture
async def office(
    app: App,
    client: Api,
    clock: ManualClock,
    city: Client,
    citizen: Callable[..., Any],
    call: Callable[..., Call],
) -> Office:
    """The finance office."""
    officers = [await citizen(name="张三"), await citizen(name="李四")]
    payers = Payers(app, clock, city, call)
    return Office(app, client, clock, city, officers, payers)


async def _live(office: Office, days: int, a_day: int) -> date:
    """So many days with everything that happens in them; returns the last one with payments."""
    water = finance_of(office.app).payees["water"].number
    for n in range(days):
        on = FIRST + timedelta(days=n)
        await office.take_payments(on, a_day)
        if n == 0:
            await _book(office, on, -1500, is_charge=True)
        if n == 1:
            await _lose_a_file(office, on)
            continue
        if n == 2:
            await _book(office, on, 1234, is_charge=False)
            await office.city.put(f"/_control/settlement-bank/refused/{water}", {"how": "returned"})
        assert await office.morning_after(on) == set()
        if n == 2:
            path = f"/_control/settlement-bank/refused/{water}"
            await office.city.call("DELETE", path)
    return on


async def _book(office: Office, on: date, amount_fen: int, *, is_charge: bool) -> None:
    body = {"booked_on": on.isoformat(), "amount_fen": amount_fen, "text": "x"}
    status, _ = await office.city.post(
        "/_control/settlement-bank/bookings", body | {"is_charge": is_charge}
    )
    assert status == 201


async def _lose_a_file(office: Office, on: date) -> None:
    """WeChat Pay's bill of a day cannot be had the next morning: nothing that hangs on it is paid
    out, and the day is not closed. The file is there a day later, and all is made up for."""
    await office.city.put("/_control/faults/wechatpay", {"error_rate": 1})
    assert await office.morning_after(on) == {"wechatpay"}
    assert not await Payout.filter(settled_on=on).exists()
    assert await closing.last_closed() == on - timedelta(days=1)
    await office.city.call("DELETE", "/_control/faults/wechatpay")
    office.clock.move(timedelta(seconds=30))  # the breaker asks again
    assert await office.morning_after(on) == set()
    assert await closing.last_closed() == on


async def _end(office: Office, last: date) -> date:
    """Close what is open, and quiet days until all money has arrived; returns the last day."""
    last += timedelta(days=1)
    assert await office.morning_after(last) == set()
    [unknown] = await Case.filter(kind="bank_entry")
    await office.close_case(unknown.id, "SUSPENSE")
    [returned] = await Transfer.filter(state="returned")
    renewed = await office.do(
        0, "RenewTransfer", transferId=str(returned.id), renewKey=f"renew-{new_id().hex}"
    )
    assert renewed["transfer"]["state"] == "due"
    [case] = await Case.filter(kind="payout_returned")
    await office.close_case(case.id, "NO_POSTING")
    for _ in range(3):
        last += timedelta(days=1)
        assert await office.morning_after(last) == set()
    return last


async def _fen(code: str) -> int:
    return (await ledger.get_balance(Account(code))).balance_fen


async def _check(office: Office, last: date) -> None:
    """Books, PSPs and bank agree to the fen, every day is closed, nothing is left open."""
    assert [case.kind for case in await Case.filter(state__in=["open", "investigating"])] == []
    fees_fen = 0
    for psp in PSPS:
        assert await _fen(psp_receivable(psp).code) == 0, psp
        fees_fen += await _fen(cost_of(psp).code)
    assert await _fen("psp:wechatpay_sp") == 0 == await _fen("payee:non-tax")
    told = await Statement.filter(source="wechatpay_sp").order_by("booked_on")
    assert {s.their_paid_fen for s in told} == {20_000, 0} and len(told) == (last - FIRST).days + 1
    third = sum(s.their_paid_fen > 0 and s.booked_on.day % 3 == 0 for s in told)
    assert sum(s.their_refunded_fen for s in told) == 100 * third > 0
    newest = await BankStatement.all().order_by("-booked_on").first()
    assert newest is not None and newest.booked_on == last
    assert await _fen(bank_account(MAIN_ACCOUNT).code) == newest.closing_fen
    kinds = {entry.kind for entry in await BankEntry.all()}
    assert kinds == {"settlement", "transfer", "return", "charge", "unexplained"}
    assert await _fen("payee:water") == 0 and await _fen("settled:water") == 0
    assert {row.state for row in await Transfer.all()} == {"paid"}
    _, told = await office.city.get("/_control/settlement-bank/transfers")
    there = sum(row["amount_fen"] for row in told if row["returned_on"] is None)
    assert there == sum(payout.amount_fen for payout in await Payout.all())
    # what is left at the bank is what we bore less what is kept apart
    assert newest.closing_fen == 1234 - 1500 - fees_fen - await _fen("claim:water")
    closed = [row.closed_on for row in await closing.list_closings(1000)]
    assert closed == [last - timedelta(days=n) for n in range((last - FIRST).days + 1)]
    assert (await verify.verify()).faults == []
    balances = await office.do(
        1, "PeriodBalances", fromDay=FIRST.isoformat(), toDay=last.isoformat()
    )
    assert sum(row["debit"] for row in balances) == sum(row["credit"] for row in balances) > 0
    assert {row["account"]: row["closing"] for row in balances}["bank:main"] == newest.closing_fen
    told = await office.do(
        0, "AccountStatement", account="bank:main", fromDay=FIRST.isoformat(), toDay=f"{last}"
    )
    assert told["closing"] == newest.closing_fen
    assert len(told["lines"]) == await BankEntry.all().count()
    assert (await office.do(0, "DayClosings"))[0]["closedOn"] == last.isoformat()
    assert {row["state"] for row in await office.do(0, "PayoutTransfers")} == {"paid"}
    key = f"close-{new_id().hex}"
    again = await office.do(0, "CloseDay", day=last.isoformat(), closeKey=key)
    assert again["code"] == "DAY_CLOSED"


async def test_a_few_days_of_the_finance_office(office: Office) -> None:
    last = await _live(office, days=4, a_day=2)
    await _check(office, await _end(office, last))


@pytest.mark.soak
async def test_a_month_of_the_finance_office(
    office: Office, settings: Settings, database: DatabaseUrls, tmp_path: Path
) -> None:
    last = await _live(office, days=31, a_day=4)
    last = await _end(office, last)
    await _check(office, last)
    # commands know no examples, whose tables a test's database has too
    await as_owner(database, f"DELETE FROM {MIGRATIONS_TABLE} WHERE app = 'example'")
    _by_command(office, settings, tmp_path, last)


def _by_command(office: Office, settings: Settings, folder: Path, last: date) -> None:
    """The same books on the command line: verified, exported, and what is refused there."""
    offset_s = round((office.clock.now() - SystemClock().now()).total_seconds())
    environment = os.environ | {
        "DATABASE_URL": str(settings.database_url),
        "KEYS_DIR": str(settings.keys_dir),
        "DATA_DIR": str(folder),
        "SANDBOX_PORT": str(settings.sandbox_port),
        "CLOCK_OFFSET_S": str(offset_s),
        "PYTHONPATH": str(ROOT),
    }

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "core.processes.cli", *arguments],
            cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    span = ("--from", FIRST.isoformat(), "--to", last.isoformat())
    assert "0 faults" in run("ledger", "verify").stdout
    assert run("ledger", "trial-balance").returncode == 0
    out = folder / "balances.xlsx"
    done = run("books", "balances", *span, "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert "xl/worksheets/sheet1.xml" in zipfile.ZipFile(out).namelist()
    for command in (("statement", "bank:main", *span), ("bank", *span), ("transfers",)):
        done = run("books", *command)
        assert done.returncode == 0 and done.stdout.count("\n") > 3, done.stderr
    again = run("books", "close", "--date", last.isoformat())
    assert again.returncode == 1 and "closed already" in again.stderr + again.stdout
