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
from modules.identity import captcha, domain, store, texts
from modules.identity.domain import CodeChannel, CodeCheck, Delivery
from modules.identity.messages import LOGIN_CODE, SPOKEN_CODE
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


@dataclass(frozen=True, slots=True)
class Wish:
    """How a code is asked for. `known_device` names a device that the phone's owner was on, or the
    session that asks for itself: it has limits of its own, which no stranger uses up. `device` is
    what any other calls itself."""

    channel: CodeChannel = CodeChannel.TEXT
    captcha: str | None = None
    known_device: bytes | None = None
    device: bytes | None = None

    def limits(self, phone_key: str, address: str) -> dict[str, int]:
        """Counters of codes, and from how many on who asks has to show to be no machine."""
        limits = {
            f"code:{phone_key}": domain.CAPTCHA_AFTER_PHONE,
            f"code-from:{address}": domain.CAPTCHA_AFTER_ADDRESS,
        }
        if self.channel is CodeChannel.VOICE:
            limits[f"spoken:{phone_key}"] = domain.CAPTCHA_AFTER_SPOKEN
        if self.device is not None:
            limits[f"code-on:{self.device.hex()}"] = domain.CAPTCHA_AFTER_DEVICE
        return limits


async def request(
    call: Call, phone: str, purpose: CodePurpose, operation: str, key: str, wish: Wish
) -> CodeSent:
    """Send a code for a purpose to a phone. The same key sends once.

    Raises RateLimited within 60 s of the last code (unless that one could not be delivered) and
    after ten codes an hour, five that are read out; InvalidInput VOICE_OFF, and where many were
    asked for CAPTCHA_REQUIRED and CAPTCHA_REFUSED.
    """
    app, now = call.app, call.app.clock.now()
    index = app.vault.blind_index(phone, purpose.id)
    phone_key = index.hex()
    command = {"phone": phone_key}
    if wish.channel is CodeChannel.VOICE:
        command["channel"] = wish.channel
        if not notifications.can_call(app):
            raise InvalidInput(texts.VOICE_OFF, "channel")
    if wish.known_device is None and await captcha.is_due(
        app, wish.limits(phone_key, call.address)
    ):
        use = {"subject": phone_key, "operation": operation, "key": key}
        if await idempotency.recall(**use, command=command) is None:
            await captcha.require(call, wish.captcha)
    refusal: AppError | None = None
    async with transaction() as tx:
        await store.lock_phone(tx, index)
        claim = await claim_key(call, tx, operation, key, command, subject=phone_key)
        if not claim.replayed:
            refusal = await _refuse_flood(call, tx, index, now, wish)
            if refusal is None:
                await _send(call, tx, claim.effect_id, phone, index, purpose, wish.channel)
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
    return await _outcome(tx, stored, check, now)


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


async def _outcome(
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
    call: Call,
    tx: Transaction,
    code_id: UUID,
    phone: str,
    index: bytes,
    purpose: CodePurpose,
    channel: CodeChannel,
) -> None:
    app, now, code = call.app, call.app.clock.now(), domain.make_code()
    is_spoken = channel is CodeChannel.VOICE
    life = domain.SPOKEN_CODE_LIFE if is_spoken else domain.CODE_LIFE
    await LoginCode.create(
        using_db=tx,
        id=code_id,
        phone_index=index,
        code_hash=domain.hash_code(app.keys.pii_index, code_id, code),
        created_at=now,
        expires_at=now + life,
    )
    params = {
        "app": app.city.app_name,
        "purpose": purpose.said,
        "code": domain.spoken(code) if is_spoken else code,
        "minutes": int(life.total_seconds() // 60),
    }
    to = notifications.Phone(phone, call.locale)
    template = SPOKEN_CODE if is_spoken else LOGIN_CODE
    await notifications.send(app, tx, template, to, params, _text_key(code_id))


async def _refuse_flood(
    call: Call, tx: Transaction, index: bytes, now: datetime, wish: Wish
) -> AppError | None:
    last = await store.newest_code(tx, index)
    if last is not None and now < last.created_at + domain.CODE_COOLDOWN:
        state = await notifications.text_state(tx, _text_key(last.id))
        if state != "failed":
            wait = last.created_at + domain.CODE_COOLDOWN - now
            return RateLimited(texts.CODE_COOLDOWN, retry_after_s=int(wait.total_seconds()) + 1)
    for key, limit, window in _budgets(call, index.hex(), wish):
        wait_s = await rate_limit.take(tx, call.app.clock, key, limit=limit, window=window)
        if wait_s:
            return RateLimited(texts.TOO_MANY_CODES, retry_after_s=wait_s)
    return None


def _budgets(call: Call, phone_key: str, wish: Wish) -> list[tuple[str, int, timedelta]]:
    """The counters that a code is counted by, each with its limit. Calls have their own: a phone's
    texts do not use them up, nor they its texts."""
    address = (f"code-from:{call.address}", domain.ADDRESS_CODES_PER_HOUR, _HOUR)
    if wish.channel is CodeChannel.VOICE:
        return [
            (f"spoken:{phone_key}", domain.SPOKEN_CODES_PER_HOUR, _HOUR),
            (f"spoken-a-day:{phone_key}", domain.SPOKEN_CODES_PER_DAY, timedelta(days=1)),
            address,
        ]
    known = f":{wish.known_device.hex()[:16]}" if wish.known_device else ""
    budgets = [(f"code:{phone_key}{known}", domain.CODES_PER_HOUR, _HOUR), address]
    if wish.device is not None:
        budgets.append((f"code-on:{wish.device.hex()}", domain.ADDRESS_CODES_PER_HOUR, _HOUR))
    return budgets


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
