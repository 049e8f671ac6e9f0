"""Members of staff: signing in with an authenticator, looking at people, who looks too much."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

import structlog

from core.context.app import App
from core.context.call import Call
from core.context.commands import CREDENTIAL_REPLAY, claim_key
from core.context.sweep import sweep
from core.database import (
    Transaction,
    connection,
    fetch_all,
    idempotency,
    transaction,
)
from core.database.models import AccessFlag
from core.errors import AppError, InvalidInput, NotFound, RateLimited
from core.ids import new_id
from core.people.case_register import concerns
from core.people.directory import Person
from core.people.personal_read import read_as_staff
from core.people.staffing import Officer, Staffing, require_officer
from core.queue.jobs import Lane, job
from core.refusal_texts import NOT_FOUND
from core.security.authorization import Role, Scope, scopes_of
from core.typed_text import read_code
from modules.identity import codes, domain, store, texts
from modules.identity.models import PHONE, TOTP, Staff
from modules.identity.service import (
    Device,
    SignedIn,
    checked_index,
    checked_phone,
    end_sessions,
    known_device,
    open_session,
    signed_in,
)

PERSON_FIELDS = ("name", "phone", "level")
UNUSUAL_PEOPLE_PER_HOUR = 30
"""More people than this in an hour is more than cases at a desk explain."""

_FLAG_HOURS = 24

log = structlog.get_logger(__name__)


async def staff_login(
    call: Call, phone: str, code: str, authenticator_code: str, device: Device, key: str
) -> SignedIn:
    """Open a session with the roles of a member of staff: phone code and authenticator together.

    The same key and input give the same session again for a minute. Whichever of the two was
    wrong, and whether the phone belongs to staff at all, is told in the same words. Raises
    InvalidInput and RateLimited LOCKED.
    """
    app, phone = call.app, checked_phone(phone)
    code, authenticator_code = read_code(code), read_code(authenticator_code)
    index = checked_index(call, phone, device)
    refusal: AppError | None = None
    async with transaction() as tx:
        await store.lock_phone(tx, index)
        phone_key = index.hex()
        proof = {"code": code, "authenticator_code": authenticator_code}
        command = {"phone": phone_key, "device": device.id, **proof}
        claim = await claim_key(
            *(call, tx, "staffLogin", key, command), subject=phone_key, replay_for=CREDENTIAL_REPLAY
        )
        if not claim.replayed:
            staff = await store.lock_staff_by_phone(tx, index)
            step = _match(app, staff, authenticator_code)
            known = await known_device(call, tx, index, device)
            refusal = await codes.use(
                call, tx, index, code, second_factor=step is not None, known_device=known
            )
            if refusal is None and staff is not None and step is not None:
                staff.totp_step = step
                await staff.save(using_db=tx, update_fields=["totp_step"])
                session_id = claim.effect_id
                await open_session(call, tx, session_id, phone, index, device, is_staff=True)
            else:
                await idempotency.release(tx, phone_key, "staffLogin", key)
    if isinstance(refusal, InvalidInput):
        raise InvalidInput(texts.STAFF_REFUSED, "code")
    if refusal is not None:
        raise refusal
    return await signed_in(app, claim.effect_id)


async def staff_step_up(call: Call, authenticator_code: str, key: str) -> str:
    """Prove again who is there in a session of staff, by the authenticator; returns an access token
    with a fresh time.

    The same key and code give a token again for a minute. Raises InvalidInput STAFF_REFUSED, in
    any other session too, and RateLimited LOCKED.
    """
    app, viewer, code = call.app, call.require_viewer(), read_code(authenticator_code)
    session_id, index = viewer.session_id, viewer.session_id.bytes
    good = False
    async with transaction() as tx:
        claim = await claim_key(
            *(call, tx, "staffStepUp", key, {"code": code}),
            subject=session_id,
            effect_id=session_id,
            replay_for=CREDENTIAL_REPLAY,
        )
        staff = await store.lock_staff_of_session(tx, session_id)
        if staff is None:
            raise InvalidInput(texts.STAFF_REFUSED, "authenticatorCode")
        wait_s = await codes.count_guess(call, tx, index)
        step = None if claim.replayed else _match(app, staff, code)
        good = claim.replayed or (step is not None and not wait_s)
        if good and step is not None:
            staff.totp_step = step
            await staff.save(using_db=tx, update_fields=["totp_step"])
            await store.note_authentication(tx, session_id, app.clock.now())
        elif not good:
            await idempotency.release(tx, session_id, "staffStepUp", key)
    if wait_s:
        raise RateLimited(texts.LOCKED, retry_after_s=wait_s)
    if not good:
        raise InvalidInput(texts.STAFF_REFUSED, "authenticatorCode")
    return (await signed_in(app, session_id)).access_token


def _match(app: App, staff: Staff | None, authenticator_code: str) -> int | None:
    """The time step of a good authenticator code. As much work for a stranger as for staff."""
    secret = bytes.fromhex(app.vault.decrypt(staff.totp_sealed, TOTP)) if staff else bytes(20)
    step = domain.match_totp(
        secret,
        authenticator_code,
        now=app.clock.now(),
        last_step=staff.totp_step if staff else 0,
    )
    return step if staff is not None else None


async def enrol(
    app: App, tx: Transaction, *, phone: str, roles: list[str], department: str, secret: bytes
) -> UUID:
    """Make the owner of a phone a member of staff, or change their entry. Repeat-safe.

    Raises ValueError for a role that does not exist.
    """
    known = sorted({Role(role).value for role in roles})
    now = app.clock.now()
    citizen_id = await store.ensure_citizen(
        tx,
        citizen_id=new_id(),
        phone_index=app.vault.blind_index(phone, PHONE),
        phone_sealed=app.vault.encrypt(phone, PHONE),
        now=now,
    )
    await Staff.update_or_create(
        using_db=tx,
        citizen_id=citizen_id,
        defaults={
            "roles": known,
            "department": department,
            "totp_sealed": app.vault.encrypt(secret.hex(), TOTP),
            "totp_step": 0,
            "created_at": now,
            "suspended_at": None,
        },
    )
    return citizen_id


async def suspend(app: App, phone: str) -> bool:
    """Take all roles from the owner of a phone and end their sessions; False for no staff."""
    async with transaction() as tx:
        staff = await store.lock_staff_by_phone(tx, app.vault.blind_index(phone, PHONE))
        if staff is None:
            return False
        staff.suspended_at = app.clock.now()
        await staff.save(using_db=tx, update_fields=["suspended_at"])
        await end_sessions(app, tx, staff.citizen_id, domain.Ending.SUSPENDED)
    return True


async def retire(tx: Transaction, citizen_id: UUID, now: datetime) -> None:
    """Take all roles from somebody whose sessions are ended already. Repeat-safe."""
    active = Staff.filter(citizen_id=citizen_id, suspended_at=None)
    await active.using_db(tx).update(suspended_at=now)


async def find_officers(_app: App, people: Collection[UUID]) -> list[Officer]:
    """The members of staff among some people who are not suspended, with their units."""
    rows = await fetch_all(
        connection(),
        """SELECT citizen_id, department FROM identity_staff
            WHERE citizen_id = ANY($1) AND suspended_at IS NULL""",
        list(people),
    )
    return [Officer(row["citizen_id"], row["department"]) for row in rows]


async def list_officers(_app: App, units: Collection[str], scope: Scope) -> list[Officer]:
    """The members of staff of some units who have a scope and are not suspended."""
    rows = await fetch_all(
        connection(),
        """SELECT citizen_id, department, roles FROM identity_staff
            WHERE department = ANY($1) AND roles ?| $2 AND suspended_at IS NULL
            ORDER BY citizen_id""",
        list(units),
        _roles_with(scope),
    )
    return [Officer(row["citizen_id"], row["department"]) for row in rows]


@cache
def _roles_with(scope: Scope) -> Sequence[str]:
    return [role.value for role in Role if scope in scopes_of([role])]


STAFFING = Staffing(find_officers, list_officers)


async def look_up_person(call: Call, person_id: UUID, case_no: str) -> Person:
    """A person's own data for a case that is about them and on which the officer's unit works or
    worked. The person sees who looked, and for which case.

    Raises LoginRequired, Forbidden, and NotFound for nobody and for every other case, with no row.
    """
    officer = await require_officer(call, Scope.PEOPLE_READ)
    if not await concerns(call.app, case_no.strip(), person_id, officer.unit):
        raise NotFound(NOT_FOUND)
    return await read_as_staff(
        call, person_id, service="staff-person", fields=PERSON_FIELDS, basis_ref=case_no.strip()
    )


@job("identity.flag_unusual_access", lane=Lane.BULK, every="*/10 * * * *")
async def flag_unusual_access(app: App) -> None:
    """Flag staff who looked at unusually many people in an hour. Repeat-safe."""
    now = app.clock.now()
    rows = await fetch_all(
        connection(),
        """SELECT actor_id, min(actor_role) AS actor_role,
                  date_trunc('hour', read_at) AS hour_starts_at,
                  count(DISTINCT subject_id) AS people_count
             FROM core_access_log
            WHERE actor_role = ANY($1) AND read_at > $2
            GROUP BY actor_id, date_trunc('hour', read_at)
           HAVING count(DISTINCT subject_id) > $3""",
        [role.value for role in Role],
        now - timedelta(hours=_FLAG_HOURS),
        UNUSUAL_PEOPLE_PER_HOUR,
    )

    async def flag(row: dict[str, Any]) -> None:
        if await store.note_flag(new_id(), row, now):
            log.warning("unusual access", actor_id=str(row["actor_id"]), role=row["actor_role"])

    await sweep(app, "identity.flags", rows, flag)


async def list_flags(*, first: int, before: UUID | None = None) -> list[AccessFlag]:
    """Flags, newest first; `before` is the last one already seen."""
    flags = AccessFlag.all()
    if before is not None:
        flags = flags.filter(id__lt=before)
    return await flags.order_by("-id").limit(first)
