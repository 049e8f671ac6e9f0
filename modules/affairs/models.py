"""The tables of affairs: who may check licences, and licences that are being shown."""

from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import DELETED, PersonalTable, section


class LicenceVerifier(Model):
    """An organisation that may check the licences that people show it; not a person."""

    id = fields.UUIDField(primary_key=True)
    name_zh = fields.CharField(max_length=40)
    key_hash = fields.BinaryField()
    """SHA-256 of the secret in its key."""
    is_active = fields.BooleanField(default=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "affairs_licence_verifier"


class LicencePresentation(Model):
    """A licence that a citizen is about to show once; its id is the number in the code."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField(db_index=True)
    licence_id = fields.CharField(max_length=64)
    fields_shown = fields.JSONField[list[str]]()
    state = fields.CharField(max_length=16)
    issued_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(db_index=True)
    verifier_id = fields.UUIDField(null=True)
    shown_at = fields.DatetimeField(null=True)

    class Meta:
        table = "affairs_licence_presentation"


PRESENTATIONS = PersonalTable(
    LicencePresentation,
    owner="citizen_id",
    exported=section(
        "licence_presentations",
        "licence_id",
        "state",
        "issued_at",
        "shown_at",
        fields="fields_shown",
    ),
    erased=DELETED,
)

PERSONAL = PersonalData("affairs", (PRESENTATIONS,))
