"""Every query of identity."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from tortoise.expressions import Q

from core.database import Transaction, connection, fetch_all, fetch_model, fetch_one, lock_name
from modules.identity import domain
from modules.identity.models import Citizen, LoginCode, Mandate, Passkey, Session, Staff

_MANDATES_MAX = 200


OPEN_ACCOUNT = "SELECT * FROM identity_citizen WHERE id = $1 AND closed_at IS NULL"
"""The account that is in use; a closed one is nobody's."""


async def find_citizen(citizen_id: UUID) -> Citizen | None:
    """A citizen by id."""
    return await fetch_model(connection(), Citizen, "WHERE id = $1", citizen_id)


async def lock_citizen(tx: Transaction, citizen_id: UUID) -> Citizen | None:
    """A citizen by id, locked until the transaction ends."""
    return await Citizen.filter(id=citizen_id).using_db(tx).select_for_update().first()


async def ensure_citizen(
    tx: Transaction, *, citizen_id: UUID, phone_index: bytes, phone_sealed: bytes, now: datetime
) -> UUID:
    """The id of the account of a phone, made now where there is none; two at once make one."""
    row = await fetch_one(
        tx,
        """INSERT INTO identity_citizen
             (id, phone_sealed, phone_index, level, locale, created_at)
           VALUES ($1, $2, $3, 1, 'zh', $4)
           ON CONFLICT (phone_index) DO UPDATE SET phone_index = EXCLUDED.phone_index
           RETURNING id""",
        citizen_id,
        phone_sealed,
        phone_index,
        now,
    )
    assert row is not None
    found: UUID = row["id"]
    return found


async def newest_code(tx: Transaction, phone_index: bytes) -> LoginCode | None:
    """The last code sent to a phone, locked until the transaction ends."""
    return (
        await LoginCode.filter(phone_index=phone_index)
        .using_db(tx)
        .order_by("-created_at", "-id")
        .select_for_update()
        .first()
    )


async def lock_phone(tx: Transaction, phone_index: bytes) -> None:
    """Let one command at a time deal with a phone, account or not."""
    await lock_name(tx, f"phone:{phone_index.hex()}")


async def lock_session(tx: Transaction, session_id: UUID) -> Session | None:
    """A session, locked until the transaction ends."""
    return await Session.filter(id=session_id).using_db(tx).select_for_update().first()


async def list_sessions(citizen_id: UUID) -> Sequence[Session]:
    """A citizen's live sessions, the last used first."""
    return await Session.filter(citizen_id=citizen_id, revoked_at=None).order_by("-last_used_at")


async def delete_expired_codes(before: datetime) -> None:
    """Forget codes that ended before a moment."""
    await connection().execute_query(
        "DELETE FROM identity_login_code WHERE expires_at < $1", [before]
    )


async def find_by_resident(resident_index: bytes) -> Citizen | None:
    """The account that holds a resident ID."""
    return await Citizen.get_or_none(resident_index=resident_index)


async def lock_by_resident(tx: Transaction, resident_index: bytes) -> Citizen | None:
    """The account that holds a resident ID, locked until the transaction ends."""
    return (
        await Citizen.filter(resident_index=resident_index).using_db(tx).select_for_update().first()
    )


async def lock_by_birth(tx: Transaction, birth_index: bytes) -> Citizen | None:
    """The record of who has a birth certificate, locked until the transaction ends."""
    return await Citizen.filter(birth_index=birth_index).using_db(tx).select_for_update().first()


async def lock_holders(tx: Transaction, indexes: Sequence[bytes]) -> Sequence[Citizen]:
    """Whoever holds one of several numbers, of whichever document, locked."""
    holders = Citizen.filter(Q(resident_index__in=indexes) | Q(birth_index__in=indexes))
    return await holders.using_db(tx).order_by("id").select_for_update()


async def list_sealed_names(citizen_ids: Iterable[UUID]) -> dict[UUID, bytes | None]:
    """The sealed names of several people at once."""
    rows = await Citizen.filter(id__in=list(citizen_ids)).values_list("id", "name_sealed")
    return {row[0]: row[1] for row in rows}


async def note_authentication(tx: Transaction, session_id: UUID, now: datetime) -> None:
    """Write down that a session's owner has proved again who they are."""
    await Session.filter(id=session_id).using_db(tx).update(authenticated_at=now)


async def note_proof(tx: Transaction, session_id: UUID) -> None:
    """Write down that a session's owner has given the account's real name."""
    await Session.filter(id=session_id).using_db(tx).update(proved=True)


async def hand_over_session(tx: Transaction, session_id: UUID, citizen_id: UUID) -> None:
    """Make a session that of another account, which its phone belongs to now."""
    await Session.filter(id=session_id).using_db(tx).update(citizen_id=citizen_id, proved=True)


async def list_passkeys(citizen_id: UUID) -> Sequence[Passkey]:
    """Somebody's passkeys, the oldest first."""
    return await Passkey.filter(citizen_id=citizen_id).order_by("id")


async def lock_passkey(tx: Transaction, credential_id: str) -> Passkey | None:
    """A passkey by its authenticator's id of it, of an account in use, locked until the transaction
    ends: after its account, as by whoever takes the account from somebody."""
    rows = Passkey.filter(credential_id=credential_id).using_db(tx)
    seen = await rows.first()
    owner = None if seen is None else await lock_citizen(tx, seen.citizen_id)
    if owner is None or owner.closed_at is not None:
        return None
    return await rows.select_for_update().first()


async def delete_passkey(tx: Transaction, citizen_id: UUID, passkey_id: UUID) -> bool:
    """Forget one of somebody's passkeys; False where it is not theirs."""
    return bool(await Passkey.filter(id=passkey_id, citizen_id=citizen_id).using_db(tx).delete())


async def delete_passkeys(tx: Transaction, citizen_id: UUID) -> None:
    """Forget all passkeys of an account."""
    await Passkey.filter(citizen_id=citizen_id).using_db(tx).delete()


async def lock_live_sessions(
    tx: Transaction, citizen_id: UUID, *, skip: int = 0
) -> Sequence[Session]:
    """A citizen's live sessions, locked until the transaction ends; without the `skip` that were
    used last."""
    live = Session.filter(citizen_id=citizen_id, revoked_at=None).using_db(tx)
    rows = await live.order_by("id").select_for_update()
    return sorted(rows, key=lambda row: row.last_used_at, reverse=True)[skip:]


async def list_sessions_ended(
    tx: Transaction, citizen_id: UUID, *, since: datetime
) -> Sequence[Session]:
    """An account's sessions that ended at a moment or after it."""
    ended = Session.filter(citizen_id=citizen_id, revoked_at__gte=since)
    return await ended.using_db(tx).order_by("id")


@dataclass(frozen=True, slots=True)
class Past:
    """What is known of an account's devices: when one was last used, and whether this is one."""

    used_at: datetime | None
    knows_device: bool


async def past_of(tx: Transaction, citizen_id: UUID, device_hash: bytes) -> Past:
    """An account's devices before a log-in. A session whose owner was never shown tells nothing of
    its owner's: who has a recycled number may come again and again."""
    row = await fetch_one(
        tx,
        """SELECT max(last_used_at) AS used_at, bool_or(device_hash = $2) AS knows_device
             FROM identity_session WHERE citizen_id = $1 AND proved""",
        citizen_id,
        device_hash,
    )
    assert row is not None
    return Past(row["used_at"], bool(row["knows_device"]))


async def is_known_device(tx: Transaction, phone_index: bytes, device_hash: bytes) -> bool:
    """Whether the owner of a phone's account was signed in on a device before."""
    row = await fetch_one(
        tx,
        """SELECT 1 FROM identity_session s JOIN identity_citizen c ON c.id = s.citizen_id
            WHERE c.phone_index = $1 AND s.device_hash = $2 AND s.proved LIMIT 1""",
        phone_index,
        device_hash,
    )
    return row is not None


async def find_active_staff(citizen_id: UUID) -> Staff | None:
    """The staff entry of a citizen, unless there is none or it is suspended."""
    return await Staff.get_or_none(citizen_id=citizen_id, suspended_at=None)


async def lock_staff_by_phone(tx: Transaction, phone_index: bytes) -> Staff | None:
    """The active staff entry behind a phone, locked until the transaction ends."""
    rows = await fetch_all(
        tx,
        """SELECT s.citizen_id FROM identity_staff s JOIN identity_citizen c ON c.id = s.citizen_id
            WHERE c.phone_index = $1 AND s.suspended_at IS NULL FOR UPDATE OF s""",
        phone_index,
    )
    return await Staff.get(citizen_id=rows[0]["citizen_id"], using_db=tx) if rows else None


async def is_staff_session(session_id: UUID) -> bool:
    """Whether a session carries the roles of staff."""
    return await Session.exists(id=session_id, is_staff=True)


async def lock_staff_of_session(tx: Transaction, session_id: UUID) -> Staff | None:
    """The active staff entry behind a session of staff, locked until the transaction ends."""
    session = await Session.get_or_none(id=session_id, is_staff=True, using_db=tx)
    if session is None:
        return None
    active = Staff.filter(citizen_id=session.citizen_id, suspended_at=None)
    return await active.using_db(tx).select_for_update().first()


async def find_active_mandate(actor_id: UUID, subject_id: UUID, now: datetime) -> Mandate | None:
    """What lets one person act for another at a moment; guardianship before a proxy."""
    live = Mandate.filter(actor_id=actor_id, subject_id=subject_id, state="active", ends_at__gt=now)
    return await live.order_by("kind").first()


async def lock_by_phone(tx: Transaction, phone_index: bytes) -> Citizen | None:
    """The account of a phone, locked until the transaction ends."""
    return await Citizen.filter(phone_index=phone_index).using_db(tx).select_for_update().first()


async def list_active_mandates(actor_id: UUID, now: datetime) -> Sequence[Mandate]:
    """Everything under which somebody acts for others at a moment."""
    live = Mandate.filter(actor_id=actor_id, state="active", ends_at__gt=now)
    return await live.order_by("id").limit(_MANDATES_MAX)


async def list_guardians(child_id: UUID, now: datetime) -> list[UUID]:
    """The present guardians of a child, the first confirmed first."""
    live = Mandate.filter(subject_id=child_id, kind="guardian", state="active", ends_at__gt=now)
    rows = await live.order_by("confirmed_at").limit(_MANDATES_MAX)
    return [mandate.actor_id for mandate in rows]


async def was_ended_by_others(tx: Transaction, guardian_id: UUID, child_id: UUID) -> bool:
    """Whether an office ended a guardianship: custody was lost. The child ends none; what names it
    ended with its account, by a death that may have been a mistake."""
    ended = Mandate.filter(
        kind="guardian", actor_id=guardian_id, subject_id=child_id, state="ended"
    )
    by_others = ended.filter(ended_by__isnull=False, ended_by__not_in=(guardian_id, child_id))
    return await by_others.using_db(tx).exists()


async def end_double_guardians(
    tx: Transaction, double_id: UUID, kept_id: UUID, now: datetime
) -> None:
    """End the guardianships over one record of a child that its other record has too."""
    await tx.execute_query(
        """UPDATE identity_mandate m SET state = 'ended', ended_at = $3, ended_by = m.actor_id
            WHERE m.subject_id = $1 AND m.kind = 'guardian' AND m.state = 'active'
              AND EXISTS (SELECT 1 FROM identity_mandate k
                           WHERE k.subject_id = $2 AND k.actor_id = m.actor_id
                             AND k.kind = 'guardian' AND k.state = 'active')""",
        [double_id, kept_id, now],
    )


async def is_guardian(person_id: UUID, now: datetime, tx: Transaction | None = None) -> bool:
    """Whether somebody is the guardian of a child; within `tx` that stays so until it ends."""
    live = Mandate.filter(actor_id=person_id, kind="guardian", state="active", ends_at__gt=now)
    return await live.exists() if tx is None else bool(await live.using_db(tx).select_for_update())


async def lock_mandate(tx: Transaction, mandate_id: UUID) -> Mandate | None:
    """A mandate, locked until the transaction ends."""
    return await Mandate.filter(id=mandate_id).using_db(tx).select_for_update().first()


async def lock_mandates_of(tx: Transaction, person_id: UUID) -> Sequence[Mandate]:
    """Everything not ended that a person is party to, locked."""
    live = Mandate.filter(party(person_id), state__not="ended")
    return await live.using_db(tx).order_by("id").select_for_update()


def _over(now: datetime) -> Q:
    """The condition that a mandate's time is over, or that of a proposal nobody has answered."""
    unanswered = Q(state="proposed", proposed_at__lte=now - domain.PROPOSAL_LIFE)
    return unanswered | Q(state__not="ended", ends_at__lte=now)


async def lock_over(tx: Transaction, which: Q, now: datetime) -> Sequence[Mandate]:
    """Those of some mandates whose time is over and which are not ended yet, locked."""
    over = Mandate.filter(which & _over(now))
    return await over.using_db(tx).order_by("id").select_for_update()


async def list_over(now: datetime, after: UUID, limit: int) -> Sequence[UUID]:
    """The mandates after one whose time is over and which are not ended yet."""
    over = Mandate.filter(_over(now), id__gt=after).order_by("id").limit(limit)
    return [mandate.id for mandate in await over.only("id")]


async def count_proxies(tx: Transaction, actor_id: UUID, now: datetime) -> int:
    """For how many people somebody acts, or asks to act, as their proxy."""
    live = Mandate.filter(actor_id=actor_id, kind="proxy", state__not="ended", ends_at__gt=now)
    return await live.using_db(tx).count()


async def list_mandates(
    person_id: UUID, phone_index: bytes, children: Collection[UUID], *, since: datetime
) -> Sequence[Mandate]:
    """A person's mandates on either side, those over their children, and open proposals to their
    phone, newest first."""
    mine = party(person_id) | Q(subject_id__in=list(children))
    proposed = Q(phone_index=phone_index, state="proposed")
    recent = Q(ended_at__isnull=True) | Q(ended_at__gt=since)
    live = Mandate.filter((mine | proposed) & recent)
    return await live.order_by("-proposed_at").limit(_MANDATES_MAX)


async def note_flag(flag_id: UUID, seen: Mapping[str, Any], now: datetime) -> bool:
    """Write down how many people somebody looked at in an hour; True the first time."""
    row = await fetch_one(
        connection(),
        """INSERT INTO core_access_flag
             (id, actor_id, actor_role, hour_starts_at, people_count, flagged_at)
           VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (actor_id, hour_starts_at) DO UPDATE SET people_count = $5
           RETURNING xmax = 0 AS is_new""",
        flag_id,
        seen["actor_id"],
        seen["actor_role"],
        seen["hour_starts_at"],
        seen["people_count"],
        now,
    )
    assert row is not None
    return bool(row["is_new"])


def party(person_id: UUID) -> Q:
    """The condition that a person stands on either side of a mandate."""
    return Q(actor_id=person_id) | Q(subject_id=person_id)


async def list_closed_with_name(died_before: date) -> Sequence[UUID]:
    """Closed accounts of which something is still sealed; of people who died, those who died
    before a day."""
    rows = await fetch_all(
        connection(),
        """SELECT id FROM identity_citizen WHERE closed_at IS NOT NULL
            AND (died_on IS NULL OR died_on < $1)
            AND (name_sealed IS NOT NULL OR resident_sealed IS NOT NULL)""",
        died_before,
    )
    return [row["id"] for row in rows]


async def list_due_closings(now: datetime) -> Sequence[UUID]:
    """Open accounts that are to be closed by now, the longest due first."""
    rows = await fetch_all(
        connection(),
        """SELECT id FROM identity_citizen WHERE closes_at <= $1 AND closed_at IS NULL
            ORDER BY closes_at""",
        now,
    )
    return [row["id"] for row in rows]


async def delete_codes_of(tx: Transaction, citizen_id: UUID) -> None:
    """Forget the codes that were sent to a citizen's phone."""
    await tx.execute_query(
        """DELETE FROM identity_login_code WHERE phone_index =
             (SELECT phone_index FROM identity_citizen WHERE id = $1)""",
        [citizen_id],
    )
