"""Identity's tables. Personal columns are sealed (core.pii); `*_index` columns find them."""

from tortoise import fields
from tortoise.models import Model


class Citizen(Model):
    """A person with an account: one phone, at most one real name."""

    id = fields.UUIDField(primary_key=True)
    phone_sealed = fields.BinaryField()
    phone_index = fields.BinaryField()
    name_sealed = fields.BinaryField(null=True)
    resident_sealed = fields.BinaryField(null=True)
    resident_index = fields.BinaryField(null=True)
    level = fields.SmallIntField(default=1)
    roles = fields.JSONField[list[str]](default=list)
    locale = fields.CharField(max_length=2, default="zh")
    created_at = fields.DatetimeField()
    verified_at = fields.DatetimeField(null=True)

    class Meta:
        table = "identity_citizen"


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
    """A signed-in device. `generation` counts its refresh tokens: only the newest is good."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField(db_index=True)
    device_hash = fields.BinaryField()
    device_name = fields.CharField(max_length=64)
    generation = fields.IntField(default=1)
    rotated_at = fields.DatetimeField()
    authenticated_at = fields.DatetimeField()
    last_used_at = fields.DatetimeField()
    revoked_at = fields.DatetimeField(null=True)

    class Meta:
        table = "identity_session"
