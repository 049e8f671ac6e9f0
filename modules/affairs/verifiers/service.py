"""The keys of verifiers. A key is "<id>.<secret>"; of the secret only a hash is kept."""

import hashlib
import hmac
import secrets
from datetime import timedelta
from uuid import UUID

from core.context.app import App
from core.database import Transaction
from core.database.rate_limit import require
from core.errors import LoginRequired, NotFound
from core.ids import new_id
from core.people.personal_read import Verifier
from core.refusal_texts import NOT_FOUND
from modules.affairs.licences.texts import VERIFIER_UNKNOWN
from modules.affairs.models import LicenceVerifier
from modules.affairs.verifiers.texts import TOO_MANY_CHECKS

_SECRET_BYTES = 32
CHECKS_PER_MINUTE = 300


async def add(app: App, tx: Transaction, name_zh: str) -> str:
    """Let an organisation check licences; returns its key, which nobody can read again."""
    secret, verifier_id = secrets.token_urlsafe(_SECRET_BYTES), new_id()
    await put(app, tx, verifier_id, name_zh, secret)
    return f"{verifier_id.hex}.{secret}"


async def put(app: App, tx: Transaction, verifier_id: UUID, name_zh: str, secret: str) -> None:
    """Have a verifier with this id and secret. Repeat-safe."""
    await LicenceVerifier.update_or_create(
        id=verifier_id,
        using_db=tx,
        defaults={
            "name_zh": name_zh,
            "key_hash": _hash(secret),
            "is_active": True,
            "created_at": app.clock.now(),
        },
    )


async def end(verifier_id: UUID) -> None:
    """Let a verifier check nothing any more, at once. Repeat-safe. Raises NotFound."""
    if not await LicenceVerifier.filter(id=verifier_id).update(is_active=False):
        raise NotFound(NOT_FOUND)


async def authenticate(app: App, authorization: str | None) -> Verifier:
    """Who an Authorization header belongs to. Raises LoginRequired for nobody's, RateLimited."""
    scheme, _, key = (authorization or "").partition(" ")
    id_text, _, secret = key.strip().partition(".")
    row = await _find(id_text) if scheme.lower() == "bearer" else None
    if row is None or not hmac.compare_digest(_hash(secret), bytes(row.key_hash)):
        raise LoginRequired(VERIFIER_UNKNOWN)
    await require(
        app.clock,
        f"affairs.verifier:{row.id}",
        limit=CHECKS_PER_MINUTE,
        window=timedelta(minutes=1),
        refusal=TOO_MANY_CHECKS,
    )
    return Verifier(row.id, row.name_zh)


async def _find(id_text: str) -> LicenceVerifier | None:
    try:
        return await LicenceVerifier.get_or_none(id=UUID(id_text), is_active=True)
    except ValueError:
        return None


def _hash(secret: str) -> bytes:
    """A secret of 256 random bits needs no slow hash."""
    return hashlib.sha256(secret.encode()).digest()
