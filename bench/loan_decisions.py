"""`loan_decision_http`: banks decide on applications over the partner API, so many a second.

Each decision is whole: token and DPoP proof verified, consent looked up, idempotency key, ETag,
offer with its cost sheet, decision log, the owner's case moved, news written. Ten banks, because a
bank's own requests are limited. Database, API and this process share the machine's cores; banks
read each application (for its ETag) before the clock runs.
"""

import asyncio
import os
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import aiohttp

from bench.notifications import opened, server
from bench.processes import NO_LIMITS, command_of, free_port, machine, running
from core.clock import civil_date
from core.context.app import App
from core.database import transaction
from core.ids import new_id
from core.processes.embedded import DatabaseUrls
from credit.lending.applications.definition import LOAN
from credit.lending.products import service as products
from credit.lending.records import store
from credit.lending.records.models import PURPOSE, BankApplication, Company, Consent
from credit.lending.seed import seed_products
from credit.partner import banks
from kinds.application import versions
from kinds.application.definition import Actor
from kinds.application.engine import By, take, take_outside
from kinds.application.opening import Opening, open_in
from sandbox.population.companies import uscc_of
from sandbox.systems.banks.client import BankClient
from sandbox.systems.banks.keys import key_id, private_key, public_jwk

Row = dict[str, Any]
DECISIONS = int(os.environ.get("LOAN_DECISIONS", "1000"))
A_SECOND = 50
BANKS = ("city-bank", "rural-bank", *(f"bench-bank-{n}" for n in range(8)))
PRODUCT = "city-bank-credit"
AMOUNT_FEN, MONTHS = 30_000_000, 12
AIM_MS = 150.0


def loan_decision_http() -> Row:
    """The slowest hundredth of decisions while they come evenly, in ms."""
    with server() as (urls, folder):
        port, sandbox = free_port(), free_port()
        environment = NO_LIMITS | {
            "DATABASE_URL": urls.app,
            "KEYS_DIR": str(folder / "keys"),
            "DATA_DIR": str(folder),
            "PORT": str(port),
            "SANDBOX_PORT": str(sandbox),
            "METRICS_PORT": str(free_port()),
        }
        with running(command_of("api"), port, environment):
            times_ms = sorted(asyncio.run(_run(urls, folder, sandbox, port)))
    p50_ms, p99_ms = (times_ms[len(times_ms) * part // 100] for part in (50, 99))
    return {
        "ours": round(p99_ms, 1),
        "peer": "aim",
        "peer_value": AIM_MS,
        "ratio": round(p99_ms / AIM_MS, 3),
        "unit": "ms, p99",
        "conditions": {
            **machine(),
            "decisions": len(times_ms),
            "a_second": A_SECOND,
            "banks": len(BANKS),
            "p50_ms": round(p50_ms, 1),
            "max_ms": round(times_ms[-1], 1),
        },
    }


ROWS: dict[str, Callable[[], Row]] = {"loan_decision_http": loan_decision_http}


async def _run(urls: DatabaseUrls, folder: Path, sandbox: int, port: int) -> list[float]:
    async with opened(urls, folder, sandbox) as app, aiohttp.ClientSession() as http:
        await seed_products(app)
        city = _city(app, port)
        for bank in BANKS:
            await _register(app, city, bank)
        placed = [(BANKS[n % len(BANKS)], await _place(app, n)) for n in range(DECISIONS)]
        clients = {bank: BankClient(city, http, bank) for bank in BANKS}
        until = civil_date(app.clock.now()) + timedelta(days=10)
        etags = [(await clients[bank].get(f"/applications/{id_}"))[1] for bank, id_ in placed]
        times_ms: list[float] = []

        async def decide(bank: str, application_id: UUID, etag: str) -> None:
            began_s = time.perf_counter()
            body = _approval(until)
            path = f"/applications/{application_id}/decision"
            decided, _ = await clients[bank].send("POST", path, body, new_id().hex, etag)
            assert decided["state"] == "OFFERED"
            times_ms.append((time.perf_counter() - began_s) * 1000)

        async with asyncio.TaskGroup() as group:
            for (bank, application_id), etag in zip(placed, etags, strict=True):
                group.create_task(decide(bank, application_id, etag))
                await asyncio.sleep(1 / A_SECOND)
        return times_ms


def _city(app: App, port: int) -> Any:
    """As much of a sandbox as its banks' client needs: seed, address, clock, keys never rotated."""
    settings = SimpleNamespace(seed=1, api_url=f"http://127.0.0.1:{port}")
    state = SimpleNamespace(one=lambda *_: None)
    return SimpleNamespace(settings=settings, now=app.clock.now, state=state)


def _approval(until: date) -> Row:
    return {
        "outcome": "APPROVED",
        "amount_fen": AMOUNT_FEN,
        "months": MONTHS,
        "form": "EQUAL_INSTALMENT",
        "margin_bps": 200,
        "valid_until": until.isoformat(),
    }


async def _register(app: App, city: Any, bank: str) -> None:
    jwk = public_jwk(private_key(city, bank, 1))
    keys = {"keys": [jwk | {"kid": key_id(bank, 1), "use": "sig", "alg": "EdDSA"}]}
    async with transaction() as tx:
        await banks.add(app, tx, bank, name_zh="测", name_en="Bench")
        await banks.set_keys(app, tx, bank, keys=keys)


async def _place(app: App, number: int) -> UUID:
    """A company's application at one of the banks, with its consent and the owner's case."""
    bank, person_id, company_id = BANKS[number % len(BANKS)], new_id(), new_id()
    now, application_id, case_id = app.clock.now(), new_id(), new_id()
    await Company.create(
        id=company_id, uscc=uscc_of(number), name="测试", district="370102", industry="F",
        registered_on=date(2020, 1, 1), looked_at=now,
    )  # fmt: skip
    await Consent.create(
        id=new_id(), company_id=company_id, bank=bank, source="tax", given_by=person_id,
        given_at=now, text_version="1",
    )  # fmt: skip
    definition = versions.complete(LOAN.definition, versions.read_rules(app.settings, LOAN.service))
    stored = await versions.store(app, definition)
    (version, _) = (await products.list_current())[PRODUCT]
    async with transaction() as tx:
        owner = By(Actor.CITIZEN, person_id)
        opening = Opening(definition, stored, person_id, next(iter(definition.promise)), {})
        case = await open_in(app, tx, case_id, opening, owner)
        submit = definition.find_step("draft", "submit")
        case = await take(app, tx, case, definition, submit, owner)
        await take_outside(app, tx, case, "route")
        await store.insert(
            tx, BankApplication, id=application_id, no=f"B{number:06d}", case_id=case_id,
            company_id=company_id, person_id=person_id, bank=bank, product=PRODUCT,
            product_version=version, amount_fen=AMOUNT_FEN, months=MONTHS,
            form="EQUAL_INSTALMENT", purpose_sealed=app.vault.encrypt("采购", PURPOSE),
            state="RECEIVED", created_at=now, changed_at=now,
        )  # fmt: skip
    return application_id
