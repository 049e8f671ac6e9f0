"""The verifier: finds any row of the books that was edited, removed, added or put elsewhere.

Each journal transaction carries the SHA-256 of its own content and of the one before it in its
chain. The verifier recomputes all of them from the rows, outside the database, in one snapshot,
reading as it goes: memory stays flat, writers are not held up. A chain that was cut at its end
still hangs together by itself; an anchor (the ends of all chains, kept elsewhere) finds that too.
What else has to agree with the journals stands in payments.ledger.agreement and share_agreement.
"""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.database import Transaction, fetch_all, raw_connection, transaction
from payments.ledger import agreement, share_agreement

Anchor = Mapping[int, tuple[int, str]]
"""The last known row of each chain: its place and its hash in hexadecimal."""

CHAINS = 64
_FAULTS_MAX = 100

_JOURNALS = """
SELECT j.chain, j.seq, j.id, j.kind, j.key, j.intent_id, j.entry_count, j.hash,
       j.voucher::text AS voucher, (extract(epoch FROM j.posted_at) * 1000000)::bigint AS posted_us,
       coalesce(l.entries, 0) AS entries, l.last, l.legs
  FROM payments_journal j
  LEFT JOIN LATERAL (
    SELECT count(*) AS entries, max(e.position) AS last,
           string_agg(concat_ws(' ', a.code, e.side, e.amount_fen), ',' ORDER BY e.position) AS legs
      FROM payments_entry e LEFT JOIN payments_account a ON a.id = e.account_id
     WHERE e.journal_id = j.id) l ON true
 ORDER BY j.chain, j.seq
"""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was written: where, and what."""

    place: str
    what: str


@dataclass
class Report:
    """What a verification saw; at most a hundred faults are kept, all are counted."""

    journals: int = 0
    fault_count: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong."""
        return self.fault_count == 0

    def find(self, place: str, what: str) -> None:
        """Note a fault."""
        self.fault_count += 1
        if len(self.faults) < _FAULTS_MAX:
            self.faults.append(Fault(place, what))


def genesis(chain: int) -> bytes:
    """What stands before the first row of a chain."""
    return hashlib.sha256(f"quancheng ledger {chain}".encode()).digest()


def seal(prev_hash: bytes, row: Mapping[str, Any]) -> bytes:
    """The hash that a journal row must carry; the same text as `payments_post` makes."""
    text = "|".join(
        str(part)
        for part in (
            row["chain"], row["seq"], row["id"], row["kind"], row["key"], row["intent_id"] or "-",
            row["posted_us"], row["legs"], *([row["voucher"]] if row["voucher"] else []),
        )
    )  # fmt: skip
    return hashlib.sha256(prev_hash + text.encode()).digest()


async def verify(anchor: Anchor | None = None) -> Report:
    """Check every chain, whatever has to agree with it, and an older anchor, in one snapshot."""
    report = Report()
    ends: dict[int, tuple[int, bytes]] = {}
    async with transaction() as tx:
        await _take_snapshot(tx)
        async for row in _journals(tx):
            _check_row(report, ends, row, anchor or {})
            report.journals += 1
        heads = await _heads(tx)
        for rule in (*agreement.RULES, *share_agreement.RULES):
            for row in await fetch_all(tx, agreement.PREFIX + rule.sql, *agreement.VALUES):
                report.find(str(row["place"]), rule.what)
    for chain in sorted(heads.keys() | ends.keys() | set(range(CHAINS))):
        if heads.get(chain) != ends.get(chain, (0, genesis(chain))):
            report.find(f"chain {chain}", "its head is gone, or is not its last row")
    for chain, (seq, _) in (anchor or {}).items():
        if ends.get(chain, (0, b""))[0] < seq:
            report.find(f"chain {chain}", f"row {seq} of the anchor is gone")
    return report


async def read_anchor() -> Anchor:
    """The ends of all chains, to be kept where nobody who can write the database can write."""
    async with transaction() as tx:
        return {chain: (seq, hash_.hex()) for chain, (seq, hash_) in (await _heads(tx)).items()}


def _check_row(
    report: Report, ends: dict[int, tuple[int, bytes]], row: Mapping[str, Any], anchor: Anchor
) -> None:
    chain, seq = row["chain"], row["seq"]
    place = f"chain {chain}, row {seq}"
    last_seq, last_hash = ends.get(chain, (0, genesis(chain)))
    if seq != last_seq + 1:
        report.find(place, f"rows are missing after {last_seq}")
    elif not row["entries"] == row["last"] == row["entry_count"]:
        report.find(place, f"{row['entries']} of {row['entry_count']} entries")
    elif seal(last_hash, row) != row["hash"]:
        report.find(place, "its content, or the row before it, is not what was sealed")
    if anchor.get(chain, (0, ""))[0] == seq and anchor[chain][1] != row["hash"].hex():
        report.find(place, "it is not the row of the anchor")
    ends[chain] = (seq, row["hash"])


async def _take_snapshot(tx: Transaction) -> None:
    await tx.execute_script(
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;"
        "SET LOCAL statement_timeout = 0; SET LOCAL timezone = 'UTC'"
    )


async def _journals(tx: Transaction) -> AsyncIterator[Mapping[str, Any]]:
    async for row in raw_connection(tx).cursor(_JOURNALS, prefetch=2000):
        yield row


async def _heads(tx: Transaction) -> dict[int, tuple[int, bytes]]:
    rows: Sequence[Mapping[str, Any]] = await fetch_all(
        tx, "SELECT chain, seq, hash FROM payments_chain ORDER BY chain"
    )
    return {row["chain"]: (row["seq"], bytes(row["hash"])) for row in rows}
