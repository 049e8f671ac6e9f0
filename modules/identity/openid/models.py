"""Who may let people sign in here, and whom people let."""

from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import DELETED, PersonalTable, section


class OpenidClient(Model):
    """Another organisation's app. Without `secret_hash` it is a public client (RFC 6749 2.1).

    All its redirect addresses have one host: the sector in which people have one subject.
    """

    id = fields.UUIDField(primary_key=True)
    name = fields.CharField(max_length=64)
    redirect_uris = fields.JSONField[list[str]]()
    secret_hash = fields.BinaryField(null=True)
    is_active = fields.BooleanField(default=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "identity_openid_client"


class OpenidGrant(Model):
    """That somebody let an app know them, and what of them; each sign-in is a row."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField(db_index=True)
    client_id = fields.UUIDField()
    scopes = fields.JSONField[list[str]]()
    level = fields.SmallIntField()
    authenticated_at = fields.DatetimeField()
    granted_at = fields.DatetimeField()
    last_used_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "identity_openid_grant"


OPENID_GRANTS = PersonalTable(
    OpenidGrant,
    owner="citizen_id",
    exported=section("apps", "client_id", "scopes", "granted_at", "last_used_at", "ended_at"),
    erased=DELETED,
)
PERSONAL = PersonalData("identity", (OPENID_GRANTS,))
