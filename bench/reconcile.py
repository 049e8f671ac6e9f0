"""A million lines of a PSP's bill against a ledger of a million bookings, from file to verdict.

The file is a gzipped WeChat Pay trade bill, written on the fly; its digest is checked, its lines
are parsed, matched and turned into cases in one transaction on a durable server. Three of each of
the seven kinds of break are planted in it: the measurement fails unless exactly those are found.
"""

import asyncio
import gzip
import hashlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

import asyncpg
import psutil
import uvloop

from bench.processes import machine
from core.clock import SystemClock, civil_date
from core.context.app import App
from core.database import connection, fetch_all, parse_url
from core.manifest import discover
from core.money import format_yuan, portion_bps
from core.processes.embedded import DatabaseUrls, EmbeddedPostgres
from core.processes.migrate import migrate
from core.processes.open_app import open_app
from core.security.keys import ensure_sandbox_keys
from core.settings import Settings
from payments.psp.wechatpay_merchant import SANDBOX_MERCHANT
from payments.reconciliation.service import take
from payments.reconciliation.sources import get_sources
from payments.statements import Announced, check_digest

Row = dict[str, Any]

LINES = 1_000_000
TARGET_S = 60.0
PER_KIND = 3
_BLOCK = 50
"""As in docs/upstreams/bills.md: the last of so many lines is a refund of the one before."""
_STEP = 1_000
_FIRST_PLANT = 700
"""Later than the minutes around midnight, in which a payment may be of two days."""

HEADER = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,"
    "退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\n"
)
SUMMARY = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\n"
)

_FILL = """
SET session_replication_role = replica;
INSERT INTO payments_account (code, normal, guarded, shards) VALUES
  ('psp:wechatpay', 'D', false, 32), ('payee:water', 'C', true, 32),
  ('payer:bench', 'C', false, 1);
CREATE TEMP TABLE line AS
SELECT n, n % {block} = {block} - 1 AS refunds,
       ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS id,
       100 + n * 7919::bigint % 100000 AS amount_fen,
       '{day}'::timestamp AT TIME ZONE 'Asia/Shanghai' + n % 86400 * interval '1 second' AS at
  FROM generate_series(0, {lines} - 1) n;
INSERT INTO payments_intent
  (id, payer_id, kind, subject_ref, payee, title_zh, title_en, amount_fen, psp, channel,
   client_address, by_owner, state, order_tries, psp_ref, captured_fen, refunding_fen, refunded_fen,
   checks, attempts, created_at, expires_at, paid_at, ended_at)
SELECT id, id, 'bills.water', n, 'water', '水费', 'Water', amount_fen, 'wechatpay', 'BROWSER',
       '127.0.0.1', true, 'fulfilled', 1, '42' || n, amount_fen, 0, 0, 0, 1, at, at, at, at
  FROM line WHERE NOT refunds;
INSERT INTO payments_refund (id, intent_id, psp, key, hold_id, amount_fen, reason, state, attempts,
                             created_at, ended_at)
SELECT id, ('00000000-0000-7000-8000-' || lpad(to_hex(n - 1), 12, '0'))::uuid, 'wechatpay', n, id,
       100 + (n - 1) * 7919::bigint % 100000, 'BENCH', 'succeeded', 1, at, at
  FROM line WHERE refunds;
CREATE TEMP TABLE movement AS
SELECT gen_random_uuid() AS id, row_number() OVER () AS seq, * FROM (
  SELECT n, 'settle' AS kind, 'settle:' || id AS key, id AS intent_id, amount_fen, at,
         'psp:wechatpay' AS debit, 'payer:bench' AS credit FROM line WHERE NOT refunds
  UNION ALL SELECT n, 'fulfil', 'fulfil:' || id, id, amount_fen, at, 'payer:bench', 'payee:water'
    FROM line WHERE NOT refunds
  UNION ALL SELECT 0, 'refund', 'refund:' || id, intent_id, amount_fen, ended_at, 'payer:bench',
         'psp:wechatpay' FROM payments_refund
  ORDER BY n) m;
INSERT INTO payments_journal (id, kind, key, intent_id, posted_at, entry_count, chain, seq, hash)
SELECT id, kind, key, intent_id, at, 2, 0, seq, '' FROM movement;
INSERT INTO payments_entry (journal_id, position, account_id, side, amount_fen)
SELECT m.id, p, (SELECT id FROM payments_account
                  WHERE code = CASE p WHEN 1 THEN m.debit ELSE m.credit END),
       CASE p WHEN 1 THEN 'D' ELSE 'C' END, m.amount_fen
  FROM movement m, generate_series(1, 2) p;
DROP TABLE line, movement;
VACUUM ANALYZE payments_intent, payments_journal, payments_entry, payments_refund;
"""


def reconcile_million() -> Row:
    """Seconds from the file to the verdict."""
    with tempfile.TemporaryDirectory() as name:
        folder, on = Path(name), civil_date(SystemClock().now())
        ensure_sandbox_keys(folder / "keys")
        with EmbeddedPostgres(folder) as urls, (folder / "bill").open("w+b") as file:
            asyncio.run(_fill(urls, on))
            announced = _write_bill(file, on)
            seconds, peaks, found = uvloop.run(_measure(urls, folder, file, announced, on))
    expected = dict.fromkeys(_PLANTS, PER_KIND)
    if found != expected:
        raise AssertionError(f"planted {expected}, found {found}")
    return {
        "ours": round(seconds, 1),
        "peer": "target",
        "peer_value": TARGET_S,
        "ratio": round(seconds / TARGET_S, 3),
        "unit": "s for 1,000,000 lines (less is better)",
        "conditions": {
            "lines": LINES,
            "lines_per_s": round(LINES / seconds),
            "from": "a gzipped WeChat Pay bill on disk: digest, parse, match, cases, one COMMIT",
            "ledger": "as many bookings, with their payments passed on; fsync on",
            "peer": "the project's own target of 60 s: no comparable system publishes a figure",
            "breaks": "3 of each of 7 kinds planted, exactly these found",
            "memory_mb": peaks,
            "machine": machine(),
        },
    }


ROWS: dict[str, Callable[[], Row]] = {"reconcile_million": reconcile_million}


async def _fill(urls: DatabaseUrls, on: date) -> None:
    """A day in the books. Without triggers: how the ledger posts is measured elsewhere."""
    await migrate(urls.owner, urls.app, discover())
    admin = await asyncpg.connect(**parse_url(urls.admin))
    try:
        for statement in _FILL.format(day=on, lines=LINES, block=_BLOCK).split(";\n"):
            if statement.strip():
                await admin.execute(statement)
    finally:
        await admin.close()


def _write_bill(file: BinaryIO, on: date) -> Announced:
    """The day as the PSP tells it, with the breaks in it."""
    digest, totals = hashlib.sha1(usedforsecurity=False), [0, 0, 0, 0]
    with gzip.GzipFile("", "wb", 1, file, mtime=0) as out:
        for chunk in _chunks(on, totals):
            digest.update(chunk)
            out.write(chunk)
    file.flush()
    return Announced(SANDBOX_MERCHANT.mchid, "sha1", digest.hexdigest(), gzipped=True)


def _chunks(on: date, totals: list[int]) -> Iterator[bytes]:
    places = count(_FIRST_PLANT, _STEP)
    planted = {next(places): plant for plant in _PLANTS.values() for _ in range(PER_KIND)}
    yield HEADER.encode()
    waiting: list[str] = []
    for n in range(LINES):
        minute, second = divmod(n % 86_400, 60)
        at = f"{on} {minute // 60:02d}:{minute % 60:02d}:{second:02d}"
        refunds = n % _BLOCK == _BLOCK - 1
        amount_fen = 100 + (n - refunds) * 7919 % 100_000
        line = (n, at, refunds, amount_fen, portion_bps(amount_fen, 60))
        plant = planted.get(n)
        waiting += [_csv(each, totals) for each in (plant(line, on) if plant else (line,))]
        if len(waiting) >= _STEP:
            yield "".join(waiting).encode()
            waiting.clear()
    lines, paid, refunded, fees = totals[0], *(format_yuan(fen) for fen in totals[1:])
    waiting += [SUMMARY, f"`{lines},`{paid},`{refunded},`0.00,`{fees}000,`{paid},`{refunded}\n"]
    yield "".join(waiting).encode()


Told = tuple[int, str, bool, int, int]


def _csv(line: Told, totals: list[int]) -> str:
    n, at, refunds, amount_fen, fee_fen = line
    order = _hex(n - 1 if refunds and n < LINES else n)
    amount, fee = format_yuan(amount_fen), format_yuan(fee_fen)
    merchant = f"`{SANDBOX_MERCHANT.appid},`{SANDBOX_MERCHANT.mchid}"
    head = f"`{at},{merchant},`0,`,`42{n},`{order},`o{n},`MWEB"
    totals[0] += 1
    if refunds:
        totals[2] += amount_fen
        totals[3] -= fee_fen
        return (
            f"{head},`REFUND,`OTHERS,`CNY,`0.00,`0.00,`50{n},`{_hex(n)},`{amount},`0.00,`ORIGINAL,"
            f"`SUCCESS,`水费,`,`-{fee}000,`0.60%,`0.00,`{amount},`\n"
        )
    totals[1] += amount_fen
    totals[3] += fee_fen
    return (
        f"{head},`SUCCESS,`OTHERS,`CNY,`{amount},`0.00,`0,`0,`0.00,`0.00,`,`,`水费,`,`{fee}000,"
        f"`0.60%,`{amount},`0.00,`\n"
    )


def _hex(n: int) -> str:
    return f"00000000000070008000{n:012x}"


def _stranger(line: Told) -> Told:
    """A payment, or a refund, of a number that is not ours."""
    return (LINES + line[0], *line[1:])


_PLANTS: dict[str, Callable[[Told, date], tuple[Told, ...]]] = {
    "missing_there": lambda line, on: (),
    "missing_here": lambda line, on: (line, _stranger(line)),
    "amount": lambda line, on: ((*line[:3], line[3] + 1, line[4]),),
    "fee": lambda line, on: ((*line[:4], line[4] + 1),),
    "date": lambda line, on: ((line[0], f"{on.replace(day=1, month=1)}{line[1][10:]}", *line[2:]),),
    "duplicate": lambda line, on: (line, line),
    "refund": lambda line, on: (line, (LINES + line[0], line[1], True, *line[3:])),
}


async def _measure(
    urls: DatabaseUrls, folder: Path, file: BinaryIO, announced: Announced, on: date
) -> tuple[float, dict[str, int], dict[str, int]]:
    settings = Settings(
        database_url=urls.app, data_dir=folder, keys_dir=folder / "keys",
        city_file=Path(__file__).parent.parent / "cities" / "jinan.toml",
    )  # fmt: skip
    async with open_app(settings, application="bench") as app:
        with _watched(folder) as peaks:
            started_s = time.monotonic()
            await _reconcile(app, file, announced, on)
            seconds = time.monotonic() - started_s
        rows = await fetch_all(
            connection(), "SELECT kind, count(*)::int AS count FROM payments_case GROUP BY 1"
        )
    return seconds, peaks, {row["kind"]: row["count"] for row in rows}


async def _reconcile(app: App, file: BinaryIO, announced: Announced, on: date) -> None:
    (source,) = get_sources(app, ["wechatpay"])
    await asyncio.to_thread(check_digest, source.name, file, announced)
    await take(app, source, on, source.read(file, announced), announced)


@contextmanager
def _watched(folder: Path) -> Iterator[dict[str, int]]:
    """Peaks in MB: how much this process grew, and what a backend held for itself."""
    peaks = {"our_process_growth": 0, "database_backend": 0}
    own = psutil.Process()
    server = psutil.Process(
        int(next((folder / "postgres").rglob("postmaster.pid")).read_text().split()[0])
    )
    before, done = own.memory_info().rss, threading.Event()

    def watch() -> None:
        while not done.wait(0.25):
            grown = (own.memory_info().rss - before) >> 20
            held = max((_private_mb(child) for child in server.children()), default=0)
            peaks["our_process_growth"] = max(peaks["our_process_growth"], grown)
            peaks["database_backend"] = max(peaks["database_backend"], held)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peaks
    finally:
        done.set()
        thread.join()


def _private_mb(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().uss) >> 20
    except psutil.Error:
        return 0
