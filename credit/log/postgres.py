"""The log in PostgreSQL: a chain for each bank, appended within the caller's transaction.

The chain's own row is locked while an entry is added, so writers of one bank wait for one another
and those of two banks do not. Reading and verifying happen over the lines as they were hashed.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from core.database import Transaction, fetch_all, fetch_one
from core.ids import new_id
from core.security.vault import Vault
from credit.log.chain import GENESIS, Entry, Head, MemoryStore, entries, line_after, verify
from credit.log.entries import Draft, Kind, must_match
from credit.log.files import opened
from credit.log.models import KEY_PURPOSE, LogBody, LogEntry
from credit.storage.errors import LogError
from credit.storage.seals import fingerprint

PAGE = 1_000


async def add(
    tx: Transaction, vault: Vault, draft: Draft, now: datetime, *, person_id: UUID | None = None
) -> Entry:
    """Store an entry with the caller's own rows; the same key again gives the entry there is.

    Raises LogError where the key stands for something else.
    """
    payload = draft.payload
    head = await _locked_head(tx, payload["bank"])
    known = await LogEntry.filter(bank=payload["bank"], key=payload["key"]).using_db(tx).first()
    if known is not None:
        entry = _entry(known.line)
        must_match(entry.payload, draft, await _body(tx, vault, entry))
        return entry
    line, after = line_after(head, payload)
    await LogEntry.create(
        id=new_id(), bank=payload["bank"], number=after.count, key=payload["key"],
        application_id=payload["application_id"], kind=payload["kind"], line=line, using_db=tx,
    )  # fmt: skip
    await LogBody.create(
        hash=draft.sealed.hash, application_id=payload["application_id"], person_id=person_id,
        body=draft.sealed.body, key_sealed=vault.encrypt(draft.sealed.key.hex(), KEY_PURPOSE),
        created_at=now, using_db=tx,
    )  # fmt: skip
    await tx.execute_query(
        "UPDATE credit_log_chain SET count = $2, hash = $3 WHERE bank = $1",
        [payload["bank"], after.count, after.hash],
    )
    return Entry(after.count, after.hash, payload)


async def find_decision(
    tx: Transaction, vault: Vault, bank: str, of: str
) -> tuple[Entry, Mapping[str, Any] | None] | None:
    """The last decision of a bank on an application, by how the application's id begins; with its
    body, None where that was destroyed."""
    rows = LogEntry.filter(bank=bank, application_id__startswith=of, kind=Kind.DECISION)
    row = await rows.using_db(tx).order_by("-number").first()
    if row is None:
        return None
    entry = _entry(row.line)
    return entry, await _body(tx, vault, entry)


async def forget(tx: Transaction, application_id: str) -> None:
    """Destroy the keys of everything that an application's entries say of a person."""
    rows = LogBody.filter(application_id=application_id).using_db(tx)
    await rows.update(key_sealed=None)


async def head_of(tx: Transaction, bank: str) -> Head:
    """The present head of a bank's chain; the genesis where it has none."""
    row = await fetch_one(tx, "SELECT count, hash FROM credit_log_chain WHERE bank = $1", bank)
    return Head(row["count"], row["hash"]) if row else Head(0, GENESIS)


async def verify_chain(tx: Transaction, bank: str, expected: Head | None = None) -> Head:
    """Read a bank's whole chain. Raises LogError if it is broken or lacks the expected head."""
    lines = [bytes(line) async for line in _lines(tx, bank)]
    store = MemoryStore(lines)
    head = verify(store, expected)
    if head != await head_of(tx, bank):
        raise LogError(f"the log is broken at entry {head.count}: its head is another")
    return head


async def read_log(
    tx: Transaction, vault: Vault, bank: str
) -> list[tuple[Entry, Mapping[str, Any] | None]]:
    """Every verified entry with its body, None where that was destroyed: for a replay."""
    store = MemoryStore([bytes(line) async for line in _lines(tx, bank)])
    return [(entry, await _body(tx, vault, entry)) for entry in entries(store)]


async def _locked_head(tx: Transaction, bank: str) -> Head:
    await tx.execute_query(
        "INSERT INTO credit_log_chain (bank, count, hash) VALUES ($1, 0, $2)"
        " ON CONFLICT DO NOTHING",
        [bank, GENESIS],
    )
    row = await fetch_one(
        tx, "SELECT count, hash FROM credit_log_chain WHERE bank = $1 FOR UPDATE", bank
    )
    assert row is not None
    return Head(row["count"], row["hash"])


async def _lines(tx: Transaction, bank: str) -> AsyncIterator[bytes]:
    after = 0
    while True:
        rows = await fetch_all(
            tx,
            "SELECT number, line FROM credit_log_entry WHERE bank = $1 AND number > $2"
            " ORDER BY number LIMIT $3",
            bank,
            after,
            PAGE,
        )
        for row in rows:
            yield row["line"]
        if len(rows) < PAGE:
            return
        after = rows[-1]["number"]


async def _body(tx: Transaction, vault: Vault, entry: Entry) -> Mapping[str, Any] | None:
    row = await LogBody.filter(hash=entry.payload["body"]).using_db(tx).first()
    if row is None or row.key_sealed is None:
        return None
    key = bytes.fromhex(vault.decrypt(bytes(row.key_sealed), KEY_PURPOSE))
    return opened(entry, (bytes(row.body), key))


def _entry(line: bytes) -> Entry:
    """An entry of a line as it stands; whether the chain holds is `verify_chain`'s question."""
    item = orjson.loads(bytes(line))
    return Entry(item["number"], fingerprint(bytes(line)), item["payload"])
