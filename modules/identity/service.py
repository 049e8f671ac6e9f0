"""Commands and queries of signing in: codes, sessions, step-up, who somebody is."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.assurance import Assurance
from core.context.app import App
from core.context.call import Call
from core.context.commands import CREDENTIAL_REPLAY, claim_key
from core.database import Transaction, idempotency, transaction
from core.errors import AppError, Conflict, Forbidden, InvalidInput, LoginRequired
from core.ids import is_mobile, new_id
from core.people.directory import get_person
from core.refusal_texts import NOT_ALLOWED, SESSION_EXPIRED
from core.security import authentication
from core.security.authentication import Viewer
from core.security.authorization import scopes_of
from core.typed_text import read_code, read_mobile
from modules.identity import alarm, codes, device_proof, domain, store, texts
from modules.identity.domain import Ending, RefreshCheck, RefreshToken
from modules.identity.models import ADDRESS, PHONE, Citizen, Session
from notifications import api as notifications

DEVICE = "identity.device"


@dataclass(frozen=True, slots=True)
class Device:
    """The device that signs in: the app's own identifier and a name for people."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session's tokens."""

    access_token: str
    access_expires_at: datetime
    refresh_token: str
    viewer: Viewer


async def login(call: Call, phone: str, code: str, device: Device, key: str) -> SignedIn:
    """Exchange a code for a session; the account is made at the first log-in.

    The same key and input give the same session again for a minute (the reply may have been lost),
    then Conflict KEY_EXPIRED. Wrong, expired, undelivered and locked are told apart: InvalidInput
    CODE_WRONG, CODE_EXPIRED, CODE_UNDELIVERED, RateLimited LOCKED.
    """
    phone, code = checked_phone(phone), read_code(code)
    index = checked_index(call, phone, device)
    refusal: AppError | None = None
    async with transaction() as tx:
        await store.lock_phone(tx, index)
        phone_key = index.hex()
        command = {"phone": phone_key, "code": code, "device": device.id}
        claim = await claim_key(
            *(call, tx, "login", key, command), subject=phone_key, replay_for=CREDENTIAL_REPLAY
        )
        if not claim.replayed:
            known = await known_device(call, tx, index, device)
            refusal = await codes.use(call, tx, index, code, known_device=known)
            if refusal is None:
                await open_session(call, tx, claim.effect_id, phone, index, device)
            else:
                # the failed attempt must stay counted, the key must stay free
                await idempotency.release(tx, phone_key, "login", key)
    if refusal is not None:
        raise refusal
    return await signed_in(call.app, claim.effect_id)


def checked_phone(text: str) -> str:
    """A mobile number as it is kept. Raises InvalidInput for what is none."""
    phone = read_mobile(text)
    if not is_mobile(phone):
        raise InvalidInput(texts.PHONE_INVALID, "phone")
    return phone


def checked_index(call: Call, phone: str, device: Device) -> bytes:
    """The phone's blind index for signing in. Raises InvalidInput for a malformed device."""
    checked_device(device)
    return call.app.vault.blind_index(phone, PHONE)


def checked_device(device: Device) -> None:
    """Raise InvalidInput for a malformed device."""
    if not domain.is_device_id(device.id):
        raise InvalidInput(texts.DEVICE_INVALID, "device")


async def known_device(call: Call, tx: Transaction, index: bytes, device: Device) -> bytes | None:
    """The device's index, where the account of the phone was used on it before."""
    device_hash = call.app.vault.blind_index(device.id, DEVICE)
    return device_hash if await store.is_known_device(tx, index, device_hash) else None


async def open_session(
    call: Call,
    tx: Transaction,
    session_id: UUID,
    phone: str,
    index: bytes,
    device: Device,
    *,
    is_staff: bool = False,
) -> None:
    """Open a session for a phone whose code was good; makes the account where there is none."""
    citizen_id = await store.ensure_citizen(
        tx,
        citizen_id=new_id(),
        phone_index=index,
        phone_sealed=call.app.vault.encrypt(phone, PHONE),
        now=call.app.clock.now(),
    )
    await open_session_of(call, tx, session_id, citizen_id, device, is_staff=is_staff)


async def open_session_of(
    call: Call,
    tx: Transaction,
    session_id: UUID,
    citizen_id: UUID,
    device: Device,
    *,
    is_staff: bool = False,
    proved: bool = False,
    link_id: UUID | None = None,
) -> None:
    """Open a session of an account. Unless its owner is `proved` otherwise, an account that was
    silent for long asks on a new device who is there, where it has a name to ask for. `link_id` is
    the mini-programme's link that opens it. Raises as `lock_account`."""
    app, now = call.app, call.app.clock.now()
    citizen = await lock_account(tx, citizen_id)
    device_hash = app.vault.blind_index(device.id, DEVICE)
    past = await store.past_of(tx, citizen_id, device_hash)
    is_recent = past.used_at is None or now - past.used_at < domain.SILENCE
    has_name = citizen.level >= 2
    await Session.create(
        using_db=tx,
        id=session_id,
        citizen_id=citizen_id,
        device_hash=device_hash,
        device_name=domain.clean_device_name(device.name),
        proved=proved or past.knows_device or is_recent or not has_name,
        opened_at=now,
        address_sealed=app.vault.encrypt(call.address, ADDRESS),
        is_staff=is_staff,
        link_id=link_id,
        rotated_at=now,
        authenticated_at=now,
        last_used_at=now,
    )
    for old in await store.lock_live_sessions(tx, citizen_id, skip=domain.SESSIONS_MAX):
        await end_session(app, tx, old, Ending.MADE_ROOM)
    if past.used_at is not None and not past.knows_device:
        await alarm.tell_new_device(app, tx, citizen_id, session_id, device.name)


async def lock_account(tx: Transaction, citizen_id: UUID) -> Citizen:
    """An account that is in use, locked until the transaction ends. Raises LoginRequired for one
    that was closed since somebody signed in: nothing is written into it any more."""
    citizen = await store.lock_citizen(tx, citizen_id)
    if citizen is None or citizen.closed_at is not None:
        raise LoginRequired(SESSION_EXPIRED)
    return citizen


async def step_up(call: Call, code: str, key: str) -> str:
    """Prove again who is there; returns an access token of this session with a fresh time.

    The same key and code give a token again for a minute. Raises as `login` and `own_phone` do.
    """
    app, viewer, code = call.app, call.require_viewer(), read_code(code)
    await refuse_staff_session(call)
    session_id = viewer.session_id
    index = app.vault.blind_index(await own_phone(call), codes.STEP_UP.id)
    refusal: AppError | None = None
    async with transaction() as tx:
        await store.lock_phone(tx, index)
        claim = await claim_key(
            *(call, tx, "stepUp", key, {"code": code}),
            subject=session_id,
            effect_id=session_id,
            replay_for=CREDENTIAL_REPLAY,
        )
        if not claim.replayed:
            refusal = await codes.use(call, tx, index, code, known_device=session_id.bytes)
            if refusal is None:
                await store.note_authentication(tx, session_id, app.clock.now())
            else:
                await idempotency.release(tx, session_id, "stepUp", key)
    if refusal is not None:
        raise refusal
    return (await signed_in(app, session_id)).access_token


async def own_phone(call: Call) -> str:
    """The viewer's phone. Raises Conflict where they have none, or are reached by a guardian's."""
    person = await get_person(call.app, call.require_viewer().user_id)
    if not person.has_phone:
        raise Conflict(texts.NO_PHONE)
    return person.phone


async def refuse_staff_session(call: Call) -> None:
    """Raise Forbidden where the authenticator is asked for, not the phone (staffStepUp)."""
    if await store.is_staff_session(call.require_viewer().session_id):
        raise Forbidden(NOT_ALLOWED)


async def refresh_session(
    call: Call, refresh_token: str, device: Device, proof: str | None = None
) -> SignedIn:
    """Exchange a refresh token for new tokens; the old one is spent.

    The tokens just before the newest are answered again for ten minutes with the same new token.
    Any other spent token ends the session on every device that holds it, and its owner is told. A
    session of staff ends after twelve hours; one that is bound to a key in the phone asks for its
    `proof`. Raises LoginRequired.
    """
    app = call.app
    token = domain.read_refresh(app.keys.pii_index, refresh_token)
    if token is None:
        raise LoginRequired(SESSION_EXPIRED)
    async with transaction() as tx:
        session = await store.lock_session(tx, token.session_id)
        good = (
            session is not None
            and await _is_of_its_device(app, tx, session, device, proof)
            and await _rotate(call, tx, session, token)
        )
    if not good:
        raise LoginRequired(SESSION_EXPIRED)
    return await signed_in(app, token.session_id)


async def _is_of_its_device(
    app: App, tx: Transaction, session: Session, device: Device, proof: str | None
) -> bool:
    if session.device_hash != app.vault.blind_index(device.id, DEVICE):
        return False
    key = session.device_key
    return key is None or key == await device_proof.key_of(app, tx, proof)


async def _rotate(call: Call, tx: Transaction, session: Session, token: RefreshToken) -> bool:
    app = call.app
    now = app.clock.now()
    check = domain.check_refresh(
        token,
        generation=session.generation,
        grace_from=session.grace_from,
        rotated_at=session.rotated_at,
        last_used_at=session.last_used_at,
        ends_at=_ends_at(session),
        revoked=session.revoked_at is not None,
        now=now,
    )
    if check is RefreshCheck.NEWEST:
        if now - session.rotated_at > domain.REFRESH_GRACE:
            session.grace_from = session.generation
        session.generation += 1
        session.rotated_at = session.last_used_at = now
        session.address_sealed = app.vault.encrypt(call.address, ADDRESS)
        await session.save(
            using_db=tx,
            update_fields=[
                "generation",
                "grace_from",
                "rotated_at",
                "last_used_at",
                "address_sealed",
            ],
        )
    elif check is RefreshCheck.SPENT:
        await end_session(app, tx, session, Ending.REUSED)
        await alarm.tell_stolen(app, tx, session)
    return check in (RefreshCheck.NEWEST, RefreshCheck.GRACE)


def _ends_at(session: Session) -> datetime | None:
    """When a session ends however often it is refreshed: that of staff after a day's work."""
    if not session.is_staff:
        return None
    return (session.opened_at or session.authenticated_at) + domain.STAFF_LIFE


async def revoke_session(call: Call, session_id: UUID) -> bool:
    """End one of the viewer's own sessions; seen by every process within a second.

    Repeat-safe. Returns False for a session that is not the viewer's or does not exist. Who has not
    shown to be the account's owner ends this session alone.
    """
    viewer = call.admitting_unproved().require_viewer()
    if session_id != viewer.session_id:
        call.require_viewer()
    async with transaction() as tx:
        session = await store.lock_session(tx, session_id)
        if session is None or session.citizen_id != viewer.user_id:
            return False
        # read, not locked: two devices may end one another at once
        own = await Session.get_or_none(id=viewer.session_id, using_db=tx)
        await end_session(call.app, tx, session, _by(own, session))
    return True


def _by(own: Session | None, other: Session) -> Ending:
    """Who ends one session from another: people sign in twice on one device, too. The session of a
    token may be gone before the token is over."""
    is_same = own is not None and own.device_hash == other.device_hash
    return Ending.OWN_DEVICE if is_same else Ending.OTHER_DEVICE


async def revoke_all_sessions(call: Call, key: str, *, keep_this: bool) -> int:
    """End the viewer's sessions, this one too unless it is kept; returns how many ended.

    Once per key: sessions begun since then go on. Raises Conflict.
    """
    app, viewer = call.app, call.require_viewer()
    async with transaction() as tx:
        sessions = await store.lock_live_sessions(tx, viewer.user_id)
        own = next((each for each in sessions if each.id == viewer.session_id), None)
        ending = [each for each in sessions if not (keep_this and each is own)]
        command, effect_id = {"keep": keep_this}, UUID(int=len(ending))
        claim = await claim_key(call, tx, "revokeAllSessions", key, command, effect_id=effect_id)
        if claim.replayed:
            return claim.effect_id.int
        for session in ending:
            await _end(app, tx, session)
        others = [each for each in ending if _by(own, each) is Ending.OTHER_DEVICE]
        await alarm.tell_signed_out(app, tx, others, Ending.OTHER_DEVICE)
    return len(ending)


async def end_sessions(app: App, tx: Transaction, citizen_id: UUID, why: Ending) -> None:
    """End every live session of an account; the owner is told once why."""
    sessions = await store.lock_live_sessions(tx, citizen_id)
    for session in sessions:
        await _end(app, tx, session)
    await alarm.tell_signed_out(app, tx, sessions, why)


async def end_session(app: App, tx: Transaction, session: Session, why: Ending) -> None:
    """End a session, its access tokens on every process and push to its device when `tx` commits.

    The owner is told why, where that was not their own device. Repeat-safe.
    """
    if session.revoked_at is None:
        await alarm.tell_signed_out(app, tx, [session], why)
    await _end(app, tx, session)


async def _end(app: App, tx: Transaction, session: Session) -> None:
    if session.revoked_at is None:
        session.revoked_at = app.clock.now()
        await session.save(using_db=tx, update_fields=["revoked_at"])
    await notifications.forget_devices_of(tx, session.id)
    await authentication.revoke(tx, app.clock, session.id)


async def signed_in(app: App, session_id: UUID) -> SignedIn:
    """The tokens of a live session. Raises LoginRequired for one that has ended."""
    session = await Session.get(id=session_id)
    citizen = await Citizen.get(id=session.citizen_id)
    if session.revoked_at is not None or citizen.closed_at is not None:
        raise LoginRequired(SESSION_EXPIRED)
    roles: list[str] = []
    if session.is_staff:
        staff = await store.find_active_staff(citizen.id)
        roles = staff.roles if staff else []
    viewer = Viewer(
        citizen.id,
        session.id,
        citizen.level if session.proved else min(citizen.level, 1),
        frozenset(roles),
        session.authenticated_at,
        scopes_of(roles),
        session.proved,
        assurance_of(citizen) if session.proved else None,
    )
    return SignedIn(
        access_token=app.tokens.issue(viewer),
        access_expires_at=app.clock.now() + authentication.ACCESS_TOKEN_LIFE,
        refresh_token=domain.write_refresh(
            app.keys.pii_index, RefreshToken(session.id, session.generation)
        ),
        viewer=viewer,
    )


def assurance_of(citizen: Citizen) -> Assurance | None:
    """How an account's real name was proved; a typed pair where nothing else is known."""
    if citizen.level < 2:
        return None
    return Assurance(citizen.assurance or Assurance.TYPED)
