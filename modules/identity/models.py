"""Identity's tables. Personal columns are sealed; `*_index` columns find them."""

from tortoise import fields
from tortoise.models import Model

from core.people.personal_table import DELETED, Cleared, PersonalTable, Sealed, Stays, section

PHONE = "identity.phone"
NAME = "identity.name"
RESIDENT_ID = "identity.resident_id"
BIRTH_CERTIFICATE = "identity.birth_certificate"
ADDRESS = "identity.address"
TOTP = "identity.totp"
SUBJECT = "identity.platform_subject"


class Citizen(Model):
    """A person with an account: one phone, at most one real name.

    `assurance` says how the real name was proved (core.assurance), `verified_at` when.
    `closes_at` is when it is to be closed, at its person's wish (erasure).
    `died_on` is there once the registry has recorded a death; the account is closed then.
    `resident_*` hold the number of the card or permit that proved it, for most the resident ID;
    `born_on` is there where no such number says the birth date. A newborn is known by its birth
    certificate (`birth_*`) until the household registration gives it a number; both stay then.
    A child whom its guardian added may have no phone yet. A closed account has no index left, so
    nobody finds it; what a legal hold demands stays sealed in it.
    """

    id = fields.UUIDField(primary_key=True)
    phone_sealed = fields.BinaryField(null=True)
    phone_index = fields.BinaryField(null=True)
    name_sealed = fields.BinaryField(null=True)
    resident_sealed = fields.BinaryField(null=True)
    resident_index = fields.BinaryField(null=True)
    birth_sealed = fields.BinaryField(null=True)
    birth_index = fields.BinaryField(null=True)
    born_on = fields.DateField(null=True)
    level = fields.SmallIntField(default=1)
    assurance = fields.CharField(max_length=16, null=True)
    locale = fields.CharField(max_length=2, default="zh")
    created_at = fields.DatetimeField()
    verified_at = fields.DatetimeField(null=True)
    closes_at = fields.DatetimeField(null=True)
    closed_at = fields.DatetimeField(null=True)
    died_on = fields.DateField(null=True)

    class Meta:
        table = "identity_citizen"


CITIZENS = PersonalTable(
    Citizen,
    owner="id",
    sealed=(
        Sealed("phone_sealed", PHONE),
        Sealed("name_sealed", NAME),
        Sealed("resident_sealed", RESIDENT_ID),
        Sealed("birth_sealed", BIRTH_CERTIFICATE),
    ),
    erased=Stays("closed and emptied last; see personal_data.py"),
)


class LoginCode(Model):
    """A one-time code on its way to a phone; the newest per phone counts."""

    id = fields.UUIDField(primary_key=True)
    phone_index = fields.BinaryField()
    code_hash = fields.BinaryField()
    attempts = fields.SmallIntField(default=0)
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(db_index=True)
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "identity_login_code"


class Session(Model):
    """A signed-in device. `generation` counts its refresh tokens: the newest is good, and for a
    while those from `grace_from` on. Without `proved` the session has level 1, whoever owns the
    account, until the real name is given again. `device_key` is the thumbprint (RFC 7638) of the
    key in the phone that it is bound to, `link_id` the mini-programme's link that opened it.

    `address_sealed` is the network address of its last log-in or refresh.
    """

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField(db_index=True)
    device_hash = fields.BinaryField()
    device_name = fields.CharField(max_length=64)
    address_sealed = fields.BinaryField(null=True)
    is_staff = fields.BooleanField(default=False)
    generation = fields.IntField(default=1)
    grace_from = fields.IntField(default=1)
    proved = fields.BooleanField(default=True)
    device_key = fields.CharField(max_length=43, null=True)
    link_id = fields.UUIDField(null=True)
    opened_at = fields.DatetimeField(null=True)
    rotated_at = fields.DatetimeField()
    authenticated_at = fields.DatetimeField()
    last_used_at = fields.DatetimeField()
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "identity_session"


SESSIONS = PersonalTable(
    Session,
    owner="citizen_id",
    exported=section(
        "sessions", "last_used_at", "revoked_at", device="device_name", address="address_sealed"
    ),
    sealed=(Sealed("address_sealed", ADDRESS),),
    erased=Cleared({"device_name": "", "address_sealed": None, "device_key": None}),
)


class Passkey(Model):
    """A key pair in somebody's phone, computer or security key (W3C Web Authentication, level 3).

    `credential_id` is its authenticator's own name for it (base64url), `public_key` a COSE key.
    `sign_count` is what its authenticator counted last; 0 for those that do not count.
    """

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField(db_index=True)
    credential_id = fields.CharField(max_length=1400, unique=True)
    public_key = fields.BinaryField()
    sign_count = fields.BigIntField(default=0)
    name = fields.CharField(max_length=64)
    created_at = fields.DatetimeField()
    last_used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "identity_passkey"


PASSKEYS = PersonalTable(
    Passkey,
    owner="citizen_id",
    exported=section("passkeys", "name", "created_at", "last_used_at"),
    erased=DELETED,
)


class MiniProgrammeLink(Model):
    """That a platform's user is the owner of an account: one of each platform at most.

    `subject_index` finds the platform's name for them in our app there (openid), `union_sealed` is
    the one in all of its owner's apps (unionid), where it has been told.
    """

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField()
    platform = fields.CharField(max_length=16)
    subject_index = fields.BinaryField()
    subject_sealed = fields.BinaryField()
    union_sealed = fields.BinaryField(null=True)
    linked_at = fields.DatetimeField()
    last_used_at = fields.DatetimeField()

    class Meta:
        table = "identity_mini_programme_link"


MINI_PROGRAMME_LINKS = PersonalTable(
    MiniProgrammeLink,
    owner="citizen_id",
    exported=section(
        "mini_programmes", "platform", "linked_at", "last_used_at", subject="subject_sealed"
    ),
    sealed=(Sealed("subject_sealed", SUBJECT), Sealed("union_sealed", SUBJECT)),
    erased=DELETED,
)


class Mandate(Model):
    """That one person may act for another. A proposal is addressed to a phone, account or not."""

    id = fields.UUIDField(primary_key=True)
    kind = fields.CharField(max_length=16)
    actor_id = fields.UUIDField()
    subject_id = fields.UUIDField(null=True)
    phone_index = fields.BinaryField(null=True)
    services = fields.JSONField[list[str] | None](null=True)
    state = fields.CharField(max_length=16)
    registry_ref = fields.CharField(max_length=64, null=True)
    proposed_at = fields.DatetimeField()
    confirmed_at = fields.DatetimeField(null=True)
    ends_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)
    ended_by = fields.UUIDField(null=True)

    class Meta:
        table = "identity_mandate"
        indexes = (("actor_id", "subject_id"), ("subject_id",), ("phone_index",))


MANDATES = PersonalTable(
    Mandate,
    owner=("actor_id", "subject_id"),
    erased=Stays("ended by personal_data.py; what was done under it stays explained"),
)


class Staff(Model):
    """A member of staff: roles, and the secret of the authenticator (RFC 6238).

    `totp_step` is the last time step whose code was used; none is good twice.
    """

    citizen_id = fields.UUIDField(primary_key=True)
    roles = fields.JSONField[list[str]]()
    department = fields.CharField(max_length=64)
    totp_sealed = fields.BinaryField()
    totp_step = fields.BigIntField(default=0)
    created_at = fields.DatetimeField()
    suspended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "identity_staff"


STAFF = PersonalTable(
    Staff, owner="citizen_id", sealed=(Sealed("totp_sealed", TOTP),), erased=DELETED
)


class Recovery(Model):
    """That an account shall have another phone, because two officers saw the person at a counter.

    Name and number are those of the card (`resident_index` finds what is open about a number; older
    rows have none), `phone_sealed` is the new phone; it is due at `due_at`.
    `disputed_id` is the account that stands still meanwhile, where it began as a dispute: then one
    of the two may be the person, by a proof of their own (disputes).
    """

    id = fields.UUIDField(primary_key=True)
    name_sealed = fields.BinaryField()
    resident_sealed = fields.BinaryField()
    resident_index = fields.BinaryField(null=True)
    phone_sealed = fields.BinaryField()
    state = fields.CharField(max_length=16)
    proposed_by = fields.UUIDField()
    proposed_at = fields.DatetimeField()
    approved_by = fields.UUIDField(null=True)
    due_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)
    disputed_id = fields.UUIDField(null=True)

    class Meta:
        table = "identity_recovery"
        indexes = (("state", "due_at"),)


RECOVERIES = PersonalTable(
    Recovery,
    owner=("proposed_by", "approved_by", "disputed_id"),
    sealed=(
        Sealed("name_sealed", NAME),
        Sealed("resident_sealed", RESIDENT_ID),
        Sealed("phone_sealed", PHONE),
    ),
    erased=Stays("which two officers gave an account another phone"),
    merged=False,
)


class Death(Model):
    """A death by the registry's running number: no account is made in this name any more.

    `resident_index` is of the number of whichever document the record names: a birth certificate's
    under its own purpose. `citizen_id` is the account that was closed, `ended_at` when all that had
    to end with it had; `withdrawn_at` when the registry called its record a mistake.
    """

    record_no = fields.BigIntField(primary_key=True, generated=False)
    resident_index = fields.BinaryField()
    died_on = fields.DateField()
    read_at = fields.DatetimeField()
    citizen_id = fields.UUIDField(null=True, db_index=True)
    ended_at = fields.DatetimeField(null=True)
    withdrawn_at = fields.DatetimeField(null=True)
    withdraws = fields.BigIntField(null=True, db_index=True)

    class Meta:
        table = "identity_death"


class DeathGap(Model):
    """Where the registry's log had a record that could not be read: behind the record `after_no`.

    `record_no` is its own number, None where that could not be read either. It is asked for again,
    the one first that was not for longest, until it can be read or is gone.
    """

    after_no = fields.BigIntField(primary_key=True, generated=False)
    record_no = fields.BigIntField(null=True)
    found_at = fields.DatetimeField()
    asked_at = fields.DatetimeField()

    class Meta:
        table = "identity_death_gap"


DEATHS = PersonalTable(
    Death,
    owner="citizen_id",
    erased=Stays("a blind index of who has died: nobody may take the name"),
    merged=False,
)
