"""The keys of organisations that file reports through Open311."""

from datetime import timedelta
from uuid import UUID

from core.context.app import App
from core.database import Transaction, rate_limit
from core.errors import Forbidden, NotFound
from core.ids import new_id
from core.refusal_texts import NOT_FOUND
from core.security.api_keys import hash_secret, is_secret, make_secret, read_key, to_key
from modules.community.open311 import texts
from modules.community.open311.models import Open311Client

POSTS_PER_MINUTE = 60


async def add(app: App, tx: Transaction, name: str) -> str:
    """Let an organisation file reports; returns its key, which nobody can read again."""
    secret, client_id = make_secret(), new_id()
    await put(app, tx, client_id, name, secret)
    return to_key(client_id, secret)


async def put(app: App, tx: Transaction, client_id: UUID, name: str, secret: str) -> None:
    """Have an organisation with this id and secret. Repeat-safe."""
    await Open311Client.update_or_create(
        id=client_id,
        using_db=tx,
        defaults={
            "name": name,
            "key_hash": hash_secret(secret),
            "is_active": True,
            "created_at": app.clock.now(),
        },
    )


async def end(client_id: UUID) -> None:
    """Let an organisation file nothing any more, at once. Repeat-safe. Raises NotFound."""
    if not await Open311Client.filter(id=client_id).update(is_active=False):
        raise NotFound(NOT_FOUND)


async def authenticate(app: App, key: str) -> UUID:
    """Whose key it is. Raises Forbidden API_KEY for nobody's, RateLimited."""
    known = read_key(key)
    row = await Open311Client.get_or_none(id=known[0], is_active=True) if known else None
    if row is None or known is None or not is_secret(known[1], bytes(row.key_hash)):
        raise Forbidden(texts.API_KEY)
    await rate_limit.require(
        app.clock,
        f"open311:{row.id}",
        limit=POSTS_PER_MINUTE,
        window=timedelta(minutes=1),
        refusal=texts.TOO_MANY_POSTS,
    )
    return row.id
