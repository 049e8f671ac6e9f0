"""Commands of banks run once per idempotency key, and a repeated one has the first one's answer.

draft-ietf-httpapi-idempotency-key-header: another request under the key is a 422, one that is
still under way a 409. A key is claimed before its command begins; the answer is stored in the
transaction of the effect, so they exist together or not at all. A refused command frees its key.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import orjson

from core.context.app import App
from core.database import Transaction, connection, fetch_one, transaction
from core.errors import AppError, Conflict, RateLimited
from core.ids import new_id
from core.json import to_json
from core.queue.jobs import Lane, job
from core.refusal_texts import KEY_REUSED
from credit.partner.models import REPLY
from credit.partner.problems import BadRequest
from credit.partner.texts import KEY_IN_FLIGHT, KEY_MISSING

KEPT = timedelta(hours=24)
UNDER_WAY_FOR = timedelta(seconds=30)
"""After this a command whose process is gone may be begun again."""
HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{8,64}")


class KeyReused(AppError):
    """The key stands for another request."""

    http_status = 422


class InFlight(Conflict, RateLimited):
    """The key's request is under way; asked again in a second, it may have its answer."""

    http_status = 409

    def __init__(self) -> None:
        RateLimited.__init__(self, KEY_IN_FLIGHT, retry_after_s=1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command answered: everything that a repeated request gets again."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to run the command of a key."""

    id: UUID


def request_hash(method: str, path: str, if_match: str, body: bytes) -> bytes:
    """What makes two requests the same."""
    digest = hashlib.sha256()
    for part in (method.encode(), path.encode(), if_match.encode(), body):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


async def claim(app: App, bank_id: str, key: str | None, digest: bytes) -> Claim | Answer:
    """The right to run a command, or the answer that its key has already.

    Raises BadRequest without a key, KeyReused and InFlight.
    """
    if key is None or _KEY.fullmatch(key) is None:
        raise BadRequest(KEY_MISSING)
    now = app.clock.now()
    claimed = await fetch_one(
        connection(),
        """INSERT INTO credit_partner_reply AS r
                  (id, bank_id, key, request_hash, busy_until, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (bank_id, key) DO UPDATE
              SET id = EXCLUDED.id, request_hash = EXCLUDED.request_hash,
                  busy_until = EXCLUDED.busy_until, expires_at = EXCLUDED.expires_at,
                  status = NULL, headers = NULL, body_sealed = NULL
            WHERE r.expires_at <= $7 OR (r.status IS NULL AND r.busy_until <= $7
                  AND r.request_hash = EXCLUDED.request_hash)
           RETURNING id""",
        new_id(),
        bank_id,
        key,
        digest,
        now + UNDER_WAY_FOR,
        now + KEPT,
        now,
    )
    if claimed is not None:
        return Claim(claimed["id"])
    stored = await fetch_one(
        connection(),
        """SELECT request_hash, status, headers::text AS headers, body_sealed
             FROM credit_partner_reply WHERE bank_id = $1 AND key = $2""",
        bank_id,
        key,
    )
    if stored is None:  # refused and freed between the two statements
        raise InFlight
    if bytes(stored["request_hash"]) != digest:
        raise KeyReused(KEY_REUSED)
    if stored["status"] is None:
        raise InFlight
    body = bytes.fromhex(app.vault.decrypt(bytes(stored["body_sealed"]), REPLY))
    return Answer(stored["status"], orjson.loads(stored["headers"]), body)


async def store(app: App, tx: Transaction, claimed: Claim, answer: Answer) -> None:
    """Keep the answer of a command beside its effect.

    Raises InFlight where somebody else has begun the command meanwhile.
    """
    kept = await fetch_one(
        tx,
        """UPDATE credit_partner_reply SET status = $2, headers = $3, body_sealed = $4
            WHERE id = $1 AND status IS NULL RETURNING id""",
        claimed.id,
        answer.status,
        to_json(dict(answer.headers)).decode(),
        app.vault.encrypt(answer.body.hex(), REPLY),
    )
    if kept is None:
        raise InFlight


async def free(claimed: Claim) -> None:
    """Give a key back whose command changed nothing."""
    await connection().execute_query(
        "DELETE FROM credit_partner_reply WHERE id = $1 AND status IS NULL", [claimed.id]
    )


@job("credit.forget_partner_replies", lane=Lane.BULK, every="35 * * * *")
async def forget_replies(app: App) -> None:
    """Drop answers whose keys are free again. Repeat-safe."""
    async with transaction() as tx:
        await tx.execute_query(
            "DELETE FROM credit_partner_reply WHERE expires_at <= $1", [app.clock.now()]
        )
