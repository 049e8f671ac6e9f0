"""The keys of verifiers: who has one, and who one belongs to."""

from datetime import timedelta
from uuid import UUID

from core.context.app import App
from core.database import Transaction
from core.database.rate_limit import require
from core.errors import LoginRequired, NotFound
from core.ids import new_id
from core.people.personal_read import Verifier
from core.refusal_texts import NOT_FOUND
from core.security.api_keys import hash_secret, is_secret, make_secret, read_key, to_key
from modules.affairs.licences.texts import VERIFIER_UNKNOWN
from modules.affairs.models import LicenceVerifier
from modules.affairs.verifiers.texts import TOO_MANY_CHECKS

CHECKS_PER_MINUTE = 300


async def add(app: App, tx: Transaction, name_zh: str) -> str:
    """Let an organisation check licences; returns its key, which nobody can read again."""
    secret, verifier_id = make_secret(), new_id()
    await put(app, tx, verifier_id, name_zh, secret)
    return to_key(verifier_id, secret)


async def put(app: App, tx: Transaction, verifier_id: UUID, name_zh: str, secret: str) -> None:
    """Have a verifier with this id and secret. Repeat-safe."""
    await LicenceVerifier.update_or_create(
        id=verifier_id,
        using_db=tx,
        defaults={
            "name_zh": name_zh,
            "key_hash": hash_secret(secret),
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
    known = read_key(key) if scheme.lower() == "bearer" else None
    row = await LicenceVerifier.get_or_none(id=known[0], is_active=True) if known else None
    if row is None or known is None or not is_secret(known[1], bytes(row.key_hash)):
        raise LoginRequired(VERIFIER_UNKNOWN)
    await require(
        app.clock,
        f"affairs.verifier:{row.id}",
        limit=CHECKS_PER_MINUTE,
        window=timedelta(minutes=1),
        refusal=TOO_MANY_CHECKS,
    )
    return Verifier(row.id, row.name_zh)
