"""Commands and queries of identity: codes, sessions, the real name."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from core import auth, idempotency, rate_limit
from core.app import App
from core.auth import Viewer
from core.call import Call
from core.clock import civil_date
from core.database import IntegrityError, Transaction, transaction, violated
from core.errors import AppError, Conflict, InvalidInput, LoginRequired, RateLimited, Unavailable
from core.http import UpstreamError
from core.ids import is_mobile, is_resident_id, new_id
from core.people import Person
from core.privacy import Purpose, open_access
from core.texts_common import SESSION_EXPIRED, UPSTREAM_UNAVAILABLE
from modules.identity import domain, store, texts
from modules.identity.domain import CodeCheck, RefreshCheck, RefreshToken
from modules.identity.models import Citizen, LoginCode, Session
from modules.identity.upstream import IdentityRegistry, Match
from notifications import api as notifications

PHONE = "identity.phone"
NAME = "identity.name"
RESIDENT_ID = "identity.resident_id"

REAL_NAME = Purpose(
    id="identity.real-name",
    upstream="police",
    fields=("name", "resident_id"),
    text=texts.REAL_NAME_CONSENT,
    text_version="2026-11",
)


@dataclass(frozen=True, slots=True)
class Device:
    """The device that signs in: the app's own identifier and a name for people."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class CodeSent:
    """A code is on its way."""

    expires_at: datetime
    resend_after_s: int


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session's tokens."""

    access_token: str
    access_expires_at: datetime
    refresh_token: str
    viewer: Viewer


async def request_login_code(call: Call, phone: str, key: str) -> CodeSent:
    """Send a one-time code to a phone; whether it has an account is not told.

    The same key sends once. Another request within 60 s is refused. Raises InvalidInput and
    RateLimited.
    """
    app = call.app
    if not is_mobile(phone):
        raise InvalidInput(texts.PHONE_INVALID, "phone")
    now = app.clock.now()
    index = app.vault.blind_index(phone, PHONE)
    refusal: AppError | None = None
    async with transaction() as tx:
        await store.lock_phone(tx, index)
        claim = await idempotency.claim(
            app,
            tx,
            subject=index.hex(),
            operation="requestLoginCode",
            key=key,
            command={"phone": index.hex()},
            effect_id=new_id(),
        )
        if not claim.replayed:
            refusal = await _refuse_flood(call, tx, index, now)
            if refusal is None:
                await _send_code(call, tx, claim.effect_id, phone, index)
            else:
                await idempotency.release(tx, index.hex(), "requestLoginCode", key)
        code = await LoginCode.get_or_none(id=claim.effect_id, using_db=tx)
    if refusal is not None:
        raise refusal
    expires_at = code.expires_at if code else now
    return CodeSent(expires_at, int(domain.CODE_COOLDOWN.total_seconds()))


async def _send_code(call: Call, tx: Transaction, code_id: UUID, phone: str, index: bytes) -> None:
    app, now, code = call.app, call.app.clock.now(), domain.make_code()
    await LoginCode.create(
        using_db=tx,
        id=code_id,
        phone_index=index,
        code_hash=domain.hash_code(app.keys.pii_index, code_id, code),
        created_at=now,
        expires_at=now + domain.CODE_LIFE,
    )
    text = texts.CODE_MESSAGE.say(
        call.locale,
        app=app.city.app_name.say(call.locale),
        code=code,
        minutes=int(domain.CODE_LIFE.total_seconds() // 60),
    )
    await notifications.send_text(app, tx, phone=phone, text=text, key=f"code:{code_id}")


async def _refuse_flood(
    call: Call, tx: Transaction, phone_index: bytes, now: datetime
) -> AppError | None:
    last = await store.newest_code(tx, phone_index)
    if last is not None and now < last.created_at + domain.CODE_COOLDOWN:
        wait = last.created_at + domain.CODE_COOLDOWN - now
        return RateLimited(texts.CODE_COOLDOWN, retry_after_s=int(wait.total_seconds()) + 1)
    hour = timedelta(hours=1)
    clock = call.app.clock
    wait_s = await rate_limit.take(
        tx, clock, f"code:{phone_index.hex()}", limit=domain.CODES_PER_HOUR, window=hour
    ) or await rate_limit.take(
        tx, clock, f"code-from:{call.address}", limit=domain.ADDRESS_CODES_PER_HOUR, window=hour
    )
    return RateLimited(texts.TOO_MANY_CODES, retry_after_s=wait_s) if wait_s else None


async def login(call: Call, phone: str, code: str, device: Device, key: str) -> SignedIn:
    """Exchange a code for a session; the account is made at the first log-in.

    The same key and input give the same session again (the reply may have been lost). Wrong,
    expired and locked are told apart: InvalidInput CODE_WRONG / CODE_EXPIRED, RateLimited LOCKED.
    """
    if not is_mobile(phone):
        raise InvalidInput(texts.PHONE_INVALID, "phone")
    if not domain.is_device_id(device.id):
        raise InvalidInput(texts.DEVICE_INVALID, "device")
    index = call.app.vault.blind_index(phone, PHONE)
    command = {"phone": index.hex(), "code": code, "device": device.id}
    session_id = new_id()
    refusal: AppError | None = None
    async with transaction() as tx:
        await store.lock_phone(tx, index)
        claim = await idempotency.claim(
            call.app,
            tx,
            subject=index.hex(),
            operation="login",
            key=key,
            command=command,
            effect_id=session_id,
        )
        if not claim.replayed:
            refusal = await _use_code(call, tx, index, code)
            if refusal is None:
                await _open_session(call, tx, session_id, phone, index, device)
            else:
                # the failed attempt must stay counted, the key must stay free
                await idempotency.release(tx, index.hex(), "login", key)
    if refusal is not None:
        raise refusal
    return await _signed_in(call.app, claim.effect_id, device)


async def _use_code(call: Call, tx: Transaction, index: bytes, code: str) -> AppError | None:
    now = call.app.clock.now()
    if locked_s := await _locked_s(call, tx, index):
        return RateLimited(texts.LOCKED, retry_after_s=locked_s)
    stored = await store.newest_code(tx, index)
    code_id = stored.id if stored else new_id()
    check = domain.check_code(
        domain.hash_code(call.app.keys.pii_index, code_id, code),
        stored_hash=stored.code_hash if stored else bytes(32),
        attempts=stored.attempts if stored else domain.CODE_ATTEMPTS,
        used=stored is None or stored.used_at is not None,
        expires_at=stored.expires_at if stored else now,
        now=now,
    )
    if stored is not None:
        stored.attempts += 1
        stored.used_at = now if check is CodeCheck.GOOD else stored.used_at
        await stored.save(using_db=tx, update_fields=["attempts", "used_at"])
    if check is CodeCheck.GOOD:
        return None
    await _count_failure(call, tx, index)
    wrong = check is CodeCheck.WRONG
    return InvalidInput(texts.CODE_WRONG if wrong else texts.CODE_EXPIRED, "code")


async def _locked_s(call: Call, tx: Transaction, index: bytes) -> int:
    """Seconds during which not even the right code is looked at, after too many wrong ones."""
    clock = call.app.clock
    by_phone, by_address = _failure_keys(call, index)
    return max(
        await rate_limit.blocked_s(tx, clock, by_phone, limit=domain.PHONE_FAILURES),
        await rate_limit.blocked_s(tx, clock, by_address, limit=domain.ADDRESS_FAILURES),
    )


async def _count_failure(call: Call, tx: Transaction, index: bytes) -> None:
    clock, window = call.app.clock, domain.FAILURE_WINDOW
    by_phone, by_address = _failure_keys(call, index)
    await rate_limit.take(tx, clock, by_phone, limit=domain.PHONE_FAILURES, window=window)
    await rate_limit.take(tx, clock, by_address, limit=domain.ADDRESS_FAILURES, window=window)


def _failure_keys(call: Call, index: bytes) -> tuple[str, str]:
    return f"login:{index.hex()}", f"login-from:{call.address}"


async def _open_session(
    call: Call, tx: Transaction, session_id: UUID, phone: str, index: bytes, device: Device
) -> None:
    app, now = call.app, call.app.clock.now()
    citizen_id = await store.ensure_citizen(
        tx,
        citizen_id=new_id(),
        phone_index=index,
        phone_sealed=app.vault.encrypt(phone, PHONE),
        now=now,
    )
    await Session.create(
        using_db=tx,
        id=session_id,
        citizen_id=citizen_id,
        device_hash=app.vault.blind_index(device.id, "identity.device"),
        device_name=domain.clean_device_name(device.name),
        rotated_at=now,
        authenticated_at=now,
        last_used_at=now,
    )


async def refresh_session(call: Call, refresh_token: str, device: Device) -> SignedIn:
    """Exchange a refresh token for new tokens; the old one is spent.

    The token just before the newest is answered again for 60 s with the same new token. Any other
    spent token ends the session on every device that holds it. Raises LoginRequired.
    """
    app = call.app
    token = domain.read_refresh(app.keys.pii_index, refresh_token)
    if token is None:
        raise LoginRequired(SESSION_EXPIRED)
    async with transaction() as tx:
        session = await store.lock_session(tx, token.session_id)
        good = session is not None and await _rotate(app, tx, session, token, device)
    if not good:
        raise LoginRequired(SESSION_EXPIRED)
    return await _signed_in(app, token.session_id, device)


async def _rotate(
    app: App, tx: Transaction, session: Session, token: RefreshToken, device: Device
) -> bool:
    if session.device_hash != app.vault.blind_index(device.id, "identity.device"):
        return False
    now = app.clock.now()
    check = domain.check_refresh(
        token,
        generation=session.generation,
        rotated_at=session.rotated_at,
        last_used_at=session.last_used_at,
        revoked=session.revoked_at is not None,
        now=now,
    )
    if check is RefreshCheck.NEWEST:
        session.generation += 1
        session.rotated_at = session.last_used_at = now
        await session.save(using_db=tx, update_fields=["generation", "rotated_at", "last_used_at"])
    elif check is RefreshCheck.SPENT:
        await _end(app, tx, session)
    return check in (RefreshCheck.NEWEST, RefreshCheck.GRACE)


async def revoke_session(call: Call, session_id: UUID) -> bool:
    """End one of the viewer's own sessions; seen by every process within a second.

    Repeat-safe. Returns False for a session that is not the viewer's or does not exist.
    """
    viewer = call.require_viewer()
    async with transaction() as tx:
        session = await store.lock_session(tx, session_id)
        if session is None or session.citizen_id != viewer.user_id:
            return False
        await _end(call.app, tx, session)
    return True


async def _end(app: App, tx: Transaction, session: Session) -> None:
    if session.revoked_at is None:
        session.revoked_at = app.clock.now()
        await session.save(using_db=tx, update_fields=["revoked_at"])
    await auth.revoke(tx, app.clock, session.id)


async def verify_real_name(call: Call, name: str, resident_id: str) -> str:
    """Compare name and ID with the police registry, raise the account to level 2.

    Returns a new access token that carries the level. Repeat-safe for the same person. Raises
    InvalidInput before anything is asked, Forbidden without consent, Conflict for an ID that
    another account holds, Unavailable when the registry does not answer.
    """
    viewer = call.require_viewer()
    app, number = call.app, resident_id.strip().upper()
    cleaned = domain.clean_name(name)
    if cleaned is None:
        raise InvalidInput(texts.REAL_NAME_INVALID, "name")
    if not is_resident_id(number, today=civil_date(app.clock.now())):
        raise InvalidInput(texts.RESIDENT_ID_INVALID, "residentId")
    access = await open_access(call, service="real-name", purpose=REAL_NAME)
    try:
        match = await app.upstream(IdentityRegistry).verify(access, cleaned, number, call.deadline)
    except UpstreamError:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.POLICE) from None
    if match is not Match.MATCH:
        raise InvalidInput(texts.REAL_NAME_MISMATCH, "residentId")
    await _store_real_name(app, viewer.user_id, cleaned, number)
    return app.tokens.issue(
        Viewer(viewer.user_id, viewer.session_id, 2, viewer.roles, viewer.authenticated_at)
    )


async def _store_real_name(app: App, citizen_id: UUID, name: str, number: str) -> None:
    index = app.vault.blind_index(number, RESIDENT_ID)
    try:
        async with transaction() as tx:
            citizen = await store.lock_citizen(tx, citizen_id)
            assert citizen is not None
            if citizen.resident_index is not None:
                if citizen.resident_index != index:
                    raise Conflict(texts.ALREADY_VERIFIED)
                return
            citizen.name_sealed = app.vault.encrypt(name, NAME)
            citizen.resident_sealed = app.vault.encrypt(number, RESIDENT_ID)
            citizen.resident_index = index
            citizen.level = 2
            citizen.verified_at = app.clock.now()
            await citizen.save(using_db=tx)
    except IntegrityError as error:
        if violated(error) != "identity_citizen_resident":
            raise
        raise Conflict(texts.ID_IN_USE) from None


async def find_person(app: App, citizen_id: UUID) -> Person | None:
    """The extension "people.directory": a citizen's own data, unsealed."""
    citizen = await store.find_citizen(citizen_id)
    return None if citizen is None else _person(app, citizen)


def _person(app: App, citizen: Citizen) -> Person:
    name, number = citizen.name_sealed, citizen.resident_sealed
    return Person(
        id=citizen.id,
        phone=app.vault.decrypt(citizen.phone_sealed, PHONE),
        name=app.vault.decrypt(name, NAME) if name else None,
        resident_id=app.vault.decrypt(number, RESIDENT_ID) if number else None,
        level=citizen.level,
        locale=citizen.locale,
    )


async def _signed_in(app: App, session_id: UUID, device: Device) -> SignedIn:
    session = await Session.get(id=session_id)
    if session.revoked_at is not None:
        raise LoginRequired(SESSION_EXPIRED)
    citizen = await Citizen.get(id=session.citizen_id)
    viewer = Viewer(
        citizen.id,
        session.id,
        citizen.level,
        frozenset(citizen.roles),
        session.authenticated_at,
    )
    return SignedIn(
        access_token=app.tokens.issue(viewer),
        access_expires_at=app.clock.now() + auth.ACCESS_TOKEN_LIFE,
        refresh_token=domain.write_refresh(
            app.keys.pii_index, RefreshToken(session.id, session.generation)
        ),
        viewer=viewer,
    )
