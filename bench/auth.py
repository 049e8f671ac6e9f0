"""What proving who is there costs: verifying a token, logging in.

`token_verify` runs the whole of what the first request with a token pays (signature, claims,
revocation list) and, as its peer, PyJWT's bare verification of the same tokens; what each further
request pays stands in the conditions. `login_rate` runs whole log-ins, the asking
for the code included, over GraphQL in one process against an embedded PostgreSQL; its processor
time is this process's own, its peer the same number of empty transactions.
"""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt

from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_one, transaction
from core.deadline import Deadline
from core.ids import new_id
from core.manifest import discover
from core.processes.embedded import EmbeddedPostgres, database_urls
from core.processes.migrate import migrate
from core.processes.open_app import open_app
from core.security.authentication import AUDIENCE, Viewer
from core.security.keys import ensure_sandbox_keys
from core.settings import Settings

VERIFY_ROUNDS = 1_000
LOGINS = 150
_CITY = Path(__file__).resolve().parents[1] / "cities/jinan.toml"


def token_verify() -> dict[str, Any]:
    """Milliseconds to verify one access token, revocation included."""
    return asyncio.run(in_house(_token_verify))


def login_rate() -> dict[str, Any]:
    """Whole log-ins per second of one process on one core."""
    return asyncio.run(in_house(_login_rate))


ROWS: dict[str, Callable[[], dict[str, Any]]] = {
    "token_verify": token_verify,
    "login_rate": login_rate,
}


async def in_house(measure: Callable[[App], Any]) -> dict[str, Any]:
    """Run a measurement in an App on a fresh database."""
    with tempfile.TemporaryDirectory(prefix="quancheng-bench-") as name:
        folder = Path(name)
        ensure_sandbox_keys(folder / "keys")
        with EmbeddedPostgres(folder):
            urls = database_urls(folder)
            await migrate(urls.owner, urls.app, discover())
            settings = Settings(
                database_url=urls.app,
                keys_dir=folder / "keys",
                data_dir=folder,
                city_file=_CITY,
            )
            async with open_app(settings, application="bench") as app:
                row: dict[str, Any] = await measure(app)
                return row


async def _token_verify(app: App) -> dict[str, Any]:
    viewer = Viewer(new_id(), new_id(), 2, frozenset(), app.clock.now())
    await app.revocations.refuse_revoked(viewer)  # the list is read once a process
    # of another session each: a token that was verified is remembered
    viewers = (replace(viewer, session_id=new_id()) for _ in range(5 * VERIFY_ROUNDS))
    tokens = [app.tokens.issue(each) for each in viewers]
    unseen = iter(tokens)
    ours_ms = await _ms_each(VERIFY_ROUNDS, lambda: _verify(app, next(unseen)))
    known_ms = await _ms_each(VERIFY_ROUNDS, lambda: _verify(app, tokens[-1]))
    key = next(iter(app.tokens._public.values()))
    again = iter(tokens)

    async def bare() -> None:
        jwt.decode(next(again), key, algorithms=["EdDSA"], audience=AUDIENCE)

    peer_ms = await _ms_each(VERIFY_ROUNDS, bare)
    return {
        "name": "token_verify",
        "ours": round(ours_ms, 4),
        "peer": "PyJWT's bare verification of the same tokens",
        "peer_value": round(peer_ms, 4),
        "ratio": round(ours_ms / peer_ms, 2),
        "unit": "ms",
        "conditions": f"median of 5 × {VERIFY_ROUNDS} tokens, processor time, EdDSA, revocation "
        f"list included, no database; a token that was seen before takes {known_ms:.4f} ms; "
        f"{os.cpu_count()} cores",
    }


async def _verify(app: App, token: str) -> None:
    await app.revocations.refuse_revoked(app.tokens.verify(token))


async def _ms_each(rounds: int, run: Callable[[], Any]) -> float:
    """The median over five passes of processor milliseconds for each run."""
    passes = []
    for _ in range(5):
        started_s = time.process_time()
        for _ in range(rounds):
            await run()
        passes.append((time.process_time() - started_s) * 1000 / rounds)
    return sorted(passes)[2]


async def _login_rate(app: App) -> dict[str, Any]:
    from modules.identity import code_requests, service

    device = service.Device("bench-device-1", "bench")
    started_s, spent_s = time.monotonic(), time.process_time()
    for number in range(LOGINS):
        phone, address = f"137{number:08d}", f"10.0.{number % 250}.{number // 250}"
        call = Call(app, Deadline.after(30), "bench", None, address=address)
        sent = await code_requests.to_sign_in(call, phone, uuid4().hex)
        code = await _code_of(app, str(sent.id))
        await service.login(call, phone, code, device, uuid4().hex)
    wall_s, spent_s = time.monotonic() - started_s, time.process_time() - spent_s
    started_s = time.monotonic()
    for _ in range(2 * LOGINS):
        async with transaction() as tx:
            await fetch_one(tx, "SELECT pg_current_xact_id()::text AS id")
    peer = LOGINS / (time.monotonic() - started_s)
    ours = LOGINS / wall_s
    return {
        "name": "login_rate",
        "ours": round(ours, 1),
        "peer": "two empty committed transactions, one after the other",
        "peer_value": round(peer, 1),
        "ratio": round(ours / peer, 3),
        "unit": "log-ins/s",
        "conditions": f"{LOGINS} log-ins one after the other, code requested and used, durable "
        f"embedded PostgreSQL; {LOGINS / spent_s:.0f}/s by this process's own processor time",
    }


async def _code_of(app: App, code_id: str) -> str:
    """Read the code where it waits for the gateway: the bench has no phone."""
    row = await fetch_one(
        connection(),
        "SELECT body_sealed FROM notifications_message WHERE key = $1",
        f"code:{code_id}",
    )
    assert row is not None
    text = app.vault.decrypt(bytes(row["body_sealed"]), "notifications.body")
    words = "".join(c if c.isdigit() else " " for c in text).split()
    return next(word for word in words if len(word) == 6)
