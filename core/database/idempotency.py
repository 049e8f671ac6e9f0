"""Every mutation runs once per idempotency key.

The key and a hash of the client's input are stored in the transaction that makes the effect, so
they exist together or not at all. Two sends at once meet on the primary key: the second waits for
the first to commit and then finds its effect. Keys are kept for seven days.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from core.clock import Clock
from core.database import Transaction, connection, fetch_all, fetch_one
from core.database.arrays import unnest
from core.errors import AppError, Conflict, InvalidInput
from core.json import to_json
from core.refusal_texts import KEY_EXPIRED, KEY_INVALID, KEY_REUSED

KEPT = timedelta(days=7)
_KEY = re.compile(r"[\x21-\x7e]{8,64}")


@dataclass(frozen=True, slots=True)
class Claim:
    """The effect that a key stands for; `replayed` when it was made by an earlier send."""

    effect_id: UUID
    replayed: bool


async def claim(
    clock: Clock,
    tx: Transaction,
    *,
    subject: UUID | str,
    operation: str,
    key: str,
    command: Mapping[str, Any],
    effect_id: UUID,
    replay_for: timedelta = KEPT,
) -> Claim:
    """Bind a key to the effect that this transaction is about to make, or find the earlier one.

    `subject` is who acts, so that nobody meets another's key. `command` is the input as the client
    sent it. Raises InvalidInput for a malformed key, Conflict KEY_REUSED for the same key with
    other input and Conflict KEY_EXPIRED later than `replay_for` after the first send.
    """
    if not _KEY.fullmatch(key):
        raise InvalidInput(KEY_INVALID, "idempotencyKey")
    digest, now = fingerprint(command), clock.now()
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
        """SELECT input_hash, effect_id, created_at FROM core_idempotency
           WHERE subject = $1 AND operation = $2 AND key = $3""",
        str(subject),
        operation,
        key,
    )
    earlier = _earlier(stored, digest)
    if isinstance(earlier, AppError):
        raise earlier
    if stored is not None and stored["created_at"] + replay_for <= now:
        raise Conflict(KEY_EXPIRED)
    return earlier


CLAIM = {"subject": "text", "key": "text", "input_hash": "bytea", "effect_id": "uuid"}
"""The columns in which claims go to the database, and their types."""


def insert_claims(source: str) -> str:
    """The statement that binds the free keys of a source named `w`, which has the columns of
    `CLAIM`, and returns their effects; `$1` to `$3` are the operation, now, and until when."""
    return f"""INSERT INTO core_idempotency (subject, operation, key, input_hash, effect_id,
                                         created_at, expires_at)
           SELECT w.subject, $1, w.key, w.input_hash, w.effect_id, $2, $3
             FROM {source} ORDER BY w.subject, w.key
           ON CONFLICT (subject, operation, key) DO NOTHING RETURNING effect_id"""  # noqa: S608


_CLAIM_MANY = insert_claims(unnest(CLAIM, "w", first=4))


@dataclass(frozen=True, slots=True)
class Wish:
    """One of many claims made in one statement."""

    subject: str
    key: str
    command: Mapping[str, Any]
    effect_id: UUID

    @property
    def is_well_formed(self) -> bool:
        """Whether its key is one."""
        return _KEY.fullmatch(self.key) is not None

    @property
    def columns(self) -> tuple[str, str, bytes, UUID]:
        """The wish in the columns of `CLAIM`."""
        return self.subject, self.key, fingerprint(self.command), self.effect_id


async def claim_many(
    clock: Clock, tx: Transaction, operation: str, wishes: Sequence[Wish]
) -> list[Claim | AppError]:
    """Bind the keys of several commands of one operation, or find their earlier effects.

    One answer for each wish, in order: of two equal keys among them the first is claimed and the
    second replayed. What `claim` raises is returned here, so that one bad key harms nobody else.
    """
    now, digests = clock.now(), [fingerprint(wish.command) for wish in wishes]
    good = [n for n, wish in enumerate(wishes) if wish.is_well_formed]
    inserted = await fetch_all(
        tx,
        _CLAIM_MANY,
        operation,
        now,
        now + KEPT,
        [wishes[n].subject for n in good],
        [wishes[n].key for n in good],
        [digests[n] for n in good],
        [wishes[n].effect_id for n in good],
    )
    fresh = {row["effect_id"] for row in inserted}
    known = await _stored(tx, operation, [w for w in wishes if w.effect_id not in fresh])
    return [
        Claim(wish.effect_id, replayed=False)
        if wish.effect_id in fresh
        else _earlier(known.get((wish.subject, wish.key)), digest)
        for wish, digest in zip(wishes, digests, strict=True)
    ]


async def recall_many(operation: str, wishes: Sequence[Wish]) -> list[UUID | AppError | None]:
    """What the keys of several commands stand for already, without binding them; see `recall`."""
    known = await _stored(connection(), operation, wishes)
    answers: list[UUID | AppError | None] = []
    for wish in wishes:
        stored = known.get((wish.subject, wish.key))
        earlier = None if stored is None else _earlier(stored, fingerprint(wish.command))
        answers.append(earlier.effect_id if isinstance(earlier, Claim) else earlier)
    return answers


async def _stored(
    tx: Transaction, operation: str, wishes: Sequence[Wish]
) -> dict[tuple[str, str], Mapping[str, Any]]:
    if not wishes:
        return {}
    rows = await fetch_all(
        tx,
        """SELECT i.subject, i.key, i.input_hash, i.effect_id FROM core_idempotency i
             JOIN unnest($2::text[], $3::text[]) AS w (subject, key)
               ON i.subject = w.subject AND i.key = w.key
            WHERE i.operation = $1""",
        operation,
        [wish.subject for wish in wishes],
        [wish.key for wish in wishes],
    )
    return {(row["subject"], row["key"]): row for row in rows}


def _earlier(stored: Mapping[str, Any] | None, digest: bytes) -> Claim | AppError:
    if stored is None:
        return InvalidInput(KEY_INVALID, "idempotencyKey")
    if bytes(stored["input_hash"]) != digest:
        return Conflict(KEY_REUSED)
    return Claim(stored["effect_id"], replayed=True)


async def release_many(tx: Transaction, operation: str, wishes: Sequence[tuple[str, str]]) -> None:
    """Free several (subject, key) pairs, as `release` does for one."""
    await tx.execute_query(
        """DELETE FROM core_idempotency i USING unnest($2::text[], $3::text[]) AS w (subject, key)
            WHERE i.operation = $1 AND i.subject = w.subject AND i.key = w.key""",
        [operation, [subject for subject, _ in wishes], [key for _, key in wishes]],
    )


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


async def use_once(clock: Clock, tx: Transaction, kind: str, name: str) -> bool:
    """Note the use of something that is good once and for less than `KEPT`; False where it was
    used before, in any process. It counts as used when `tx` commits."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    first = await claim(
        *(clock, tx),
        subject=kind,
        operation="useOnce",
        key=digest,
        command={},
        effect_id=UUID(bytes=bytes.fromhex(digest[:32])),
    )
    return not first.replayed


async def release(tx: Transaction, subject: UUID | str, operation: str, key: str) -> None:
    """Free a key whose command was refused in this transaction, so that it may be tried again."""
    await tx.execute_query(
        "DELETE FROM core_idempotency WHERE subject = $1 AND operation = $2 AND key = $3",
        [str(subject), operation, key],
    )


def fingerprint(command: Mapping[str, Any]) -> bytes:
    """SHA-256 of the command in canonical JSON: the order of keys does not matter."""
    return hashlib.sha256(to_json(command, sort_keys=True)).digest()
