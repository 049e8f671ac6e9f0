"""The registry of partner banks: added, their keys set and read again, suspended."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
import structlog

from core.context.app import App
from core.database import Transaction, connection, fetch_one, transaction, update_model
from core.errors import StartError
from core.json import to_json
from core.standards.jose import InvalidToken, check_public_keys
from core.upstream.public_addresses import rule_for
from core.upstream.strangers import get
from credit.partner.models import Bank
from credit.partner.scopes import PartnerScope

COOL_DOWN = timedelta(seconds=30)
"""A key set is asked for once in this time at most, whatever keys tokens name."""
FRESH_FOR = timedelta(minutes=5)
"""So long a key that the bank took out of its set may still be believed."""
STALE_FOR = timedelta(hours=24)
"""So long the keys read last are believed while the bank's address does not answer."""
_TIMEOUT_S = 3.0
_KEYS_MAX_BYTES = 64_000
_KEYS_MAX = 20

SANDBOX_LABEL = "SANDBOX-"
"""How the `kid` of a key of the sandbox's banks begins: production takes none such."""

Key = Mapping[str, Any]

log = structlog.get_logger(__name__)


async def add(
    app: App,
    tx: Transaction,
    bank_id: str,
    *,
    name_zh: str,
    name_en: str,
    scopes: Sequence[PartnerScope] = tuple(PartnerScope),
    is_sandbox: bool = False,
) -> None:
    """Add a bank, or change its names and scopes; it has no keys before `set_keys`. Repeat-safe.

    Raises StartError for a sandbox bank in production.
    """
    if is_sandbox and app.settings.is_production:
        raise StartError("production has no sandbox banks")
    await tx.execute_query(
        """INSERT INTO credit_partner_bank
                  (id, name_zh, name_en, scopes, keys, is_sandbox, created_at)
           VALUES ($1, $2, $3, $4, '[]', $5, $6)
           ON CONFLICT (id) DO UPDATE SET name_zh = $2, name_en = $3, scopes = $4""",
        [
            bank_id,
            name_zh,
            name_en,
            to_json([scope.value for scope in sorted(scopes)]).decode(),
            is_sandbox,
            app.clock.now(),
        ],
    )


async def set_keys(
    app: App, tx: Transaction, bank_id: str, *, keys: object = None, url: str | None = None
) -> bool:
    """Give a bank a key set, or the address of one; False for no such bank.

    With an address the bank rotates its keys alone. Raises InvalidToken for a set without usable
    keys, or with the sandbox's in production.
    """
    usable = [] if keys is None else _check(app, keys)
    return bool(
        await Bank.filter(id=bank_id)
        .using_db(tx)
        .update(keys=usable, keys_url=url, keys_read_at=None, keys_tried_at=None)
    )


def _check(app: App, keys: object) -> list[Key]:
    """The usable keys of a set. Raises InvalidToken."""
    usable = check_public_keys(keys)
    labelled = any(key["kid"].startswith(SANDBOX_LABEL) for key in usable)
    if labelled and app.settings.is_production:
        raise InvalidToken("the key set holds keys of the sandbox")
    return list(usable[:_KEYS_MAX])


async def suspend(tx: Transaction, bank_id: str, at: datetime | None) -> bool:
    """Refuse a bank's tokens from now on, or with None take it back; False for no such bank."""
    return bool(await Bank.filter(id=bank_id).using_db(tx).update(suspended_at=at))


async def find_active(app: App, bank_id: str) -> Bank | None:
    """A bank that may call; sandbox banks are nobody in production."""
    bank = await Bank.get_or_none(id=bank_id, suspended_at=None)
    if bank is None or (bank.is_sandbox and app.settings.is_production):
        return None
    return bank


async def find_key(app: App, bank: Bank, key_id: str) -> Key | None:
    """A public key of a bank by its `kid`, read from the bank's address where it is not known.

    The address is asked once in `COOL_DOWN` by all processes together; who comes while it is asked
    waits for the answer.
    """
    if bank.keys_url is None:
        return _pick(bank, key_id)
    if _is_wanting(app, bank, key_id):
        async with app.once(("credit.partner.keys", bank.id), asyncio.Lock):
            bank = await Bank.get(id=bank.id)
            if _is_wanting(app, bank, key_id):
                bank = await _refresh(app, bank)
    if bank.keys_read_at is None or app.clock.now() - bank.keys_read_at >= STALE_FOR:
        return None
    return _pick(bank, key_id)


def _pick(bank: Bank, key_id: str) -> Key | None:
    return next((key for key in bank.keys if key["kid"] == key_id), None)


def _is_wanting(app: App, bank: Bank, key_id: str) -> bool:
    """Whether the bank's address may know more than we do."""
    age = None if bank.keys_read_at is None else app.clock.now() - bank.keys_read_at
    return age is None or age >= FRESH_FOR or _pick(bank, key_id) is None


async def _refresh(app: App, bank: Bank) -> Bank:
    now = app.clock.now()
    turn = await fetch_one(
        connection(),
        """UPDATE credit_partner_bank SET keys_tried_at = $2
            WHERE id = $1 AND (keys_tried_at IS NULL OR keys_tried_at <= $3) RETURNING id""",
        bank.id,
        now,
        now - COOL_DOWN,
    )
    if turn is None:
        return bank
    assert bank.keys_url is not None
    keys = await _read_keys(app, bank.id, bank.keys_url)
    if keys is None:
        return bank
    values = (bank.id, to_json(keys).decode(), now)
    async with transaction() as tx:
        return await update_model(tx, Bank, "keys = $2, keys_read_at = $3 WHERE id = $1", *values)


async def _read_keys(app: App, bank_id: str, url: str) -> list[Key] | None:
    """The keys at an address; None where none can be read, which is logged."""
    answer = await get(
        url,
        {"accept": "application/jwk-set+json, application/json"},
        rule_for(app.settings.is_production),
        timeout_s=_TIMEOUT_S,
        most_bytes=_KEYS_MAX_BYTES,
    )
    error = answer.error or f"http_{answer.status}"
    if answer.status == 200:
        try:
            return _check(app, orjson.loads(answer.body))
        except (InvalidToken, ValueError) as refusal:
            error = type(refusal).__name__
    log.warning("key set not read", bank=bank_id, error=error)
    return None
