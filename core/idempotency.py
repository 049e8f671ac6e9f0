"""Every mutation runs once per idempotency key.

The key and a hash of the client's input are stored in the transaction that makes the effect, so
they exist together or not at all. Two sends at once meet on the primary key: the second waits for
the first to commit and then finds its effect. Keys are kept for seven days.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from core.database import Transaction, connection, fetch_one
from core.encoding import to_json
from core.errors import Conflict, InvalidInput
from core.texts_common import KEY_INVALID, KEY_REUSED

if TYPE_CHECKING:
    from core.app import App

KEPT = timedelta(days=7)
_KEY = re.compile(r"[\x21-\x7e]{8,64}")


@dataclass(frozen=True, slots=True)
class Claim:
    """The effect that a key stands for; `replayed` when it was made by an earlier send."""

    effect_id: UUID
    replayed: bool


async def claim(
    app: "App",
    tx: Transaction,
    *,
    subject: UUID | str,
    operation: str,
    key: str,
    command: Mapping[str, Any],
    effect_id: UUID,
) -> Claim:
    """Bind a key to the effect that this transaction is about to make, or find the earlier one.

    `subject` is who acts, so that nobody meets another's key. `command` is the input as the client
    sent it. Raises InvalidInput for a malformed key and Conflict KEY_REUSED for the same key with
    other input.
    """
    if not _KEY.fullmatch(key):
        raise InvalidInput(KEY_INVALID, "idempotencyKey")
    digest = fingerprint(command)
    now = app.clock.now()
    inserted = await fetch_one(
        tx,
        """INSERT INTO core_idempotency (subject, operation, key, input_hash, effect_id,
                                         created_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (subject, operation, key) DO NOTHING
           RETURNING effect_id""",
        str(subject),
        operation,
        key,
        digest,
        effect_id,
        now,
        now + KEPT,
    )
    if inserted:
        return Claim(effect_id, replayed=False)
    stored = await fetch_one(
        tx,
        """SELECT input_hash, effect_id FROM core_idempotency
           WHERE subject = $1 AND operation = $2 AND key = $3""",
        str(subject),
        operation,
        key,
    )
    assert stored is not None
    if bytes(stored["input_hash"]) != digest:
        raise Conflict(KEY_REUSED)
    return Claim(stored["effect_id"], replayed=True)


async def recall(
    *, subject: UUID | str, operation: str, key: str, command: Mapping[str, Any]
) -> UUID | None:
    """The effect that a key already stands for, for commands that ask others before they claim.

    Raises Conflict KEY_REUSED for the same key with other input.
    """
    stored = await fetch_one(
        connection(),
        """SELECT input_hash, effect_id FROM core_idempotency
           WHERE subject = $1 AND operation = $2 AND key = $3""",
        str(subject),
        operation,
        key,
    )
    if stored is None:
        return None
    if bytes(stored["input_hash"]) != fingerprint(command):
        raise Conflict(KEY_REUSED)
    effect_id: UUID = stored["effect_id"]
    return effect_id


async def release(tx: Transaction, subject: UUID | str, operation: str, key: str) -> None:
    """Free a key whose command was refused in this transaction, so that it may be tried again."""
    await tx.execute_query(
        "DELETE FROM core_idempotency WHERE subject = $1 AND operation = $2 AND key = $3",
        [str(subject), operation, key],
    )


def fingerprint(command: Mapping[str, Any]) -> bytes:
    """SHA-256 of the command in canonical JSON: the order of keys does not matter."""
    return hashlib.sha256(to_json(command, sort_keys=True)).digest()
