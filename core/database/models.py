"""The ground floor's own tables."""

from tortoise import fields
from tortoise.models import Model


class Idempotency(Model):
    """An idempotency key, the hash of its input and the effect it stands for."""

    id = fields.BigIntField(primary_key=True)
    subject = fields.CharField(max_length=64)
    operation = fields.CharField(max_length=64)
    key = fields.CharField(max_length=64)
    input_hash = fields.BinaryField()
    effect_id = fields.UUIDField()
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "core_idempotency"
        unique_together = (("subject", "operation", "key"),)


class SessionRevocation(Model):
    """A session that ended before its access tokens did."""

    session_id = fields.UUIDField(primary_key=True)
    revoked_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "core_session_revocation"


class Consent(Model):
    """A person's consent that data is read for one purpose; withdrawn, never deleted.

    What was agreed to stands in the row: which source gives which fields to which recipient, until
    when. `granted_by` is the person, or the guardian of a child.
    """

    id = fields.UUIDField(primary_key=True)
    subject_id = fields.UUIDField()
    purpose = fields.CharField(max_length=64)
    text_version = fields.CharField(max_length=32)
    source = fields.CharField(max_length=64)
    recipient = fields.CharField(max_length=64)
    fields_agreed = fields.JSONField[list[str]]()
    granted_by = fields.UUIDField()
    granted_at = fields.DatetimeField()
    until_at = fields.DatetimeField(null=True)
    withdrawn_at = fields.DatetimeField(null=True)

    class Meta:
        table = "core_consent"
        indexes = (("subject_id", "purpose"),)


class AccessLog(Model):
    """One read of personal data: who looked at whose data, through which service, and why.

    `actor_role` is "self", "guardian", "proxy", "verifier" (an outside party to whom the person
    showed it), or a role of staff; `basis_ref` is the number of the case that staff looked for, or
    the verifier's name.
    """

    id = fields.UUIDField(primary_key=True)
    subject_id = fields.UUIDField()
    actor_id = fields.UUIDField()
    actor_role = fields.CharField(max_length=32)
    mandate_id = fields.UUIDField(null=True)
    basis_ref = fields.CharField(max_length=64, null=True)
    service = fields.CharField(max_length=64)
    upstream = fields.CharField(max_length=64)
    purpose = fields.CharField(max_length=64)
    fields_read = fields.JSONField[list[str]]()
    request_id = fields.CharField(max_length=64)
    read_at = fields.DatetimeField()

    class Meta:
        table = "core_access_log"
        indexes = (("subject_id", "id"), ("actor_role", "read_at"))


class AccessFlag(Model):
    """A member of staff looked at unusually many people within an hour."""

    id = fields.UUIDField(primary_key=True)
    actor_id = fields.UUIDField()
    actor_role = fields.CharField(max_length=32)
    hour_starts_at = fields.DatetimeField()
    people_count = fields.IntField()
    flagged_at = fields.DatetimeField()

    class Meta:
        table = "core_access_flag"
        unique_together = (("actor_id", "hour_starts_at"),)


class RateCounter(Model):
    """How often something happened in its present window."""

    key = fields.CharField(max_length=128, primary_key=True)
    count = fields.IntField()
    ends_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "core_rate_counter"


class KeyProof(Model):
    """What a secret key makes of a known text: whether a process holds the key of this data."""

    name = fields.CharField(max_length=32, primary_key=True)
    proof = fields.BinaryField()

    class Meta:
        table = "core_key_proof"


class MergedAccount(Model):
    """A closed account that was merged into another one of the same person, its owner."""

    id = fields.UUIDField(primary_key=True)
    owner_id = fields.UUIDField(db_index=True)
    merged_at = fields.DatetimeField()

    class Meta:
        table = "core_merged_account"
