"""One-time codes: asking for one, how it gets on, using it.

A code belongs to a blind index of phone and purpose, so a code for one thing opens no other, and
nothing here depends on whether the phone has an account.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from core.context.call import Call
from core.context.commands import claim_key
from core.database import Transaction, connection, idempotency, rate_limit, transaction
from core.errors import AppError, InvalidInput, NotFound, RateLimited
from core.ids import new_id
from core.refusal_texts import NOT_FOUND
from core.texts import Named
from modules.identity import domain, store, texts
from modules.identity.domain import CodeCheck, Delivery
from modules.identity.messages import LOGIN_CODE
from modules.identity.models import PHONE, LoginCode
from notifications import api as notifications

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class CodePurpose:
    """What a code is good for: `id` is part of the index, `said` stands in the text."""

    id: str
    said: Named


SIGN_IN = CodePurpose(PHONE, texts.TO_SIGN_IN)
STEP_UP = CodePurpose("identity.step-up", texts.TO_STEP_UP)
CHANGE_PHONE = CodePurpose("identity.change-phone", texts.TO_CHANGE_PHONE)


@dataclass(frozen=True, slots=True)
class CodeSent:
    """A code is on its way; `id` asks how it gets on."""

    id: UUID
    expires_at: datetime
    resend_after_s: int


async def request(
    call: Call, phone: str, purpose: CodePurpose, operation: str, key: str
) -> CodeSent:
    """Send a code for a purpose to a phone. The same key sends once.

    Raises RateLimited within 60 s of the last code (unless that one could not be delivered) and
    after ten codes an hour.
    """
    app, now = call.app, call.app.clock.now()
    index = app.vault.blind_index(phone, purpose.id)
    phone_key = index.hex()
    refusal: AppError | None = None
    async with transaction() as tx:
        await store.lock_phone(tx, index)
        claim = await claim_key(call, tx, operation, key, {"phone": phone_key}, subject=phone_key)
        if not claim.replayed:
            refusal = await _refuse_flood(call, tx, index, now)
            if refusal is None:
                await _send(call, tx, claim.effect_id, phone, index, purpose)
            else:
                await idempotency.release(tx, phone_key, operation, key)
        code = await LoginCode.get_or_none(id=claim.effect_id, using_db=tx)
    if refusal is not None:
        raise refusal
    expires_at = code.expires_at if code else now
    return CodeSent(claim.effect_id, expires_at, int(domain.CODE_COOLDOWN.total_seconds()))


async def delivery(call: Call, code_id: UUID) -> Delivery:
    """How a code gets on. Raises NotFound for an id that was given for no code."""
    code = await LoginCode.get_or_none(id=code_id)
    if code is None:
        raise NotFound(NOT_FOUND)
    state = await notifications.text_state(connection(), _text_key(code_id))
    return domain.judge_delivery(state, call.app.clock.now() - code.created_at)


async def use(
    call: Call,
    tx: Transaction,
    index: bytes,
    code: str,
    *,
    second_factor: bool = True,
    known_device: bytes | None = None,
) -> AppError | None:
    """Spend the newest code of an index; returns the refusal, which the caller raises later.

    The refusal must be raised after `tx` commits, so that the attempt stays counted. A locked
    phone is told so before anything is compared, whatever the code. With a wrong second factor
    a good code is as wrong as any other. Guesses count for the place that they come from, so that a
    stranger locks out strangers alone: a device that the account was used on is a place of its own.
    """
    now = call.app.clock.now()
    place = _Place(index.hex(), known_device.hex()[:16] if known_device else None)
    if locked_s := await _locked_s(call, tx, place):
        return RateLimited(texts.LOCKED, retry_after_s=locked_s)
    stored = await store.newest_code(tx, index)
    code_id = stored.id if stored else new_id()
    attempts = await _count_attempt(call, tx, stored, place)
    check = domain.check_code(
        domain.hash_code(call.app.keys.pii_index, code_id, code),
        stored_hash=stored.code_hash if stored else bytes(32),
        attempts=attempts,
        used=stored is None or stored.used_at is not None,
        expires_at=stored.expires_at if stored else now,
        now=now,
    )
    if check is CodeCheck.GOOD and not second_factor:
        check = CodeCheck.WRONG
    if stored is not None:
        stored.used_at = now if check is CodeCheck.GOOD else stored.used_at
        await stored.save(using_db=tx, update_fields=["attempts", "used_at"])
    if check is CodeCheck.GOOD:
        return None
    await _count_failure(call, tx, place, is_guess=check is CodeCheck.WRONG)
    return await _told(tx, stored, check, now)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a guess comes from: a device that the account was used on, or anywhere else."""

    phone: str
    device: str | None

    @property
    def key(self) -> str:
        """Under which its guesses are counted: strangers are one place, each device is another."""
        return f"login:{self.phone}" + (f":{self.device}" if self.device else "")


async def _count_attempt(
    call: Call, tx: Transaction, stored: LoginCode | None, place: _Place
) -> int:
    """How often a code was tried before from this place; what no code is is spent."""
    if stored is None:
        return domain.CODE_ATTEMPTS
    if place.device is None:
        before = int(stored.attempts)
        stored.attempts = before + 1
        return before
    key, limit = f"code-try:{stored.id}:{place.device}", domain.CODE_ATTEMPTS
    spent = await rate_limit.take(tx, call.app.clock, key, limit=limit, window=_HOUR)
    return domain.CODE_ATTEMPTS if spent else 0


async def _told(
    tx: Transaction, stored: LoginCode | None, check: CodeCheck, now: datetime
) -> AppError:
    """Wrong, expired, or not arrived at all: three things a person does something else about."""
    code_id = stored.id if stored else new_id()
    state = await notifications.text_state(tx, _text_key(code_id))
    if stored is not None and stored.used_at is None and now < stored.expires_at:
        judged = domain.judge_delivery(state, now - stored.created_at)
        if judged in (Delivery.FAILED, Delivery.LATE):
            return InvalidInput(texts.CODE_UNDELIVERED, "code")
    wrong = check is CodeCheck.WRONG
    return InvalidInput(texts.CODE_WRONG if wrong else texts.CODE_EXPIRED, "code")


async def _send(
    call: Call, tx: Transaction, code_id: UUID, phone: str, index: bytes, purpose: CodePurpose
) -> None:
    app, now, code = call.app, call.app.clock.now(), domain.make_code()
    await LoginCode.create(
        using_db=tx,
        id=code_id,
        phone_index=index,
        code_hash=domain.hash_code(app.keys.pii_index, code_id, code),
        created_at=now,
        expires_at=now + domain.CODE_LIFE,
    )
    params = {
        "app": app.city.app_name,
        "purpose": purpose.said,
        "code": code,
        "minutes": int(domain.CODE_LIFE.total_seconds() // 60),
    }
    to = notifications.Phone(phone, call.locale)
    await notifications.send(app, tx, LOGIN_CODE, to, params, _text_key(code_id))


async def _refuse_flood(
    call: Call, tx: Transaction, index: bytes, now: datetime
) -> AppError | None:
    clock, phone_key = call.app.clock, index.hex()
    last = await store.newest_code(tx, index)
    if last is not None and now < last.created_at + domain.CODE_COOLDOWN:
        state = await notifications.text_state(tx, _text_key(last.id))
        if state != "failed":
            wait = last.created_at + domain.CODE_COOLDOWN - now
            return RateLimited(texts.CODE_COOLDOWN, retry_after_s=int(wait.total_seconds()) + 1)
    wait_s = await rate_limit.take(
        tx, clock, f"code:{phone_key}", limit=domain.CODES_PER_HOUR, window=_HOUR
    ) or await rate_limit.take(
        tx, clock, f"code-from:{call.address}", limit=domain.ADDRESS_CODES_PER_HOUR, window=_HOUR
    )
    return RateLimited(texts.TOO_MANY_CODES, retry_after_s=wait_s) if wait_s else None


async def count_guess(call: Call, tx: Transaction, index: bytes) -> int:
    """Count a guess at something that is no code of ours; seconds to wait after too many."""
    key, limit = f"login:{index.hex()}", domain.PHONE_FAILURES
    return await rate_limit.take(tx, call.app.clock, key, limit=limit, window=domain.FAILURE_WINDOW)


async def _locked_s(call: Call, tx: Transaction, place: _Place) -> int:
    """Seconds during which not even the right code is looked at, after too many wrong ones."""
    clock = call.app.clock
    return max(
        await rate_limit.blocked_s(tx, clock, place.key, limit=domain.PHONE_FAILURES),
        await rate_limit.blocked_s(tx, clock, _from(call), limit=domain.ADDRESS_FAILURES),
    )


async def _count_failure(call: Call, tx: Transaction, place: _Place, *, is_guess: bool) -> None:
    """Only a guess that might have been right counts against the phone: nobody else may lock it."""
    clock, window = call.app.clock, domain.FAILURE_WINDOW
    if is_guess:
        await rate_limit.take(tx, clock, place.key, limit=domain.PHONE_FAILURES, window=window)
    await rate_limit.take(tx, clock, _from(call), limit=domain.ADDRESS_FAILURES, window=window)


def _from(call: Call) -> str:
    return f"login-from:{call.address}"


def _text_key(code_id: UUID) -> str:
    return f"code:{code_id}"
