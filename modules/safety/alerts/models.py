"""The tables of alerts: what came, where people want to be warned, and who was told."""

import orjson
from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import DELETED, PersonalTable, Sealed, section

SPOT = "safety.alert_place"


class AlertPlace(Model):
    """A place for which a citizen is warned: in plain only to about a kilometre."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField()
    kind = fields.CharField(max_length=8)
    label = fields.CharField(max_length=16)
    cell = fields.CharField(max_length=24, db_index=True)
    spot_sealed = fields.BinaryField(null=True)
    district_code = fields.CharField(max_length=6)
    min_level = fields.CharField(max_length=16)
    wants_drills = fields.BooleanField()
    until_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "safety_alert_place"
        unique_together = (("citizen_id", "kind", "label"),)


class EmergencyAlert(Model):
    """An alert as it came. Its sender's identifier is its own for ever."""

    id = fields.UUIDField(primary_key=True)
    sender = fields.CharField(max_length=256)
    identifier = fields.CharField(max_length=256)
    status = fields.CharField(max_length=16)
    msg_type = fields.CharField(max_length=16)
    state = fields.CharField(max_length=16, db_index=True)
    reference_ids = fields.JSONField[list[str]]()
    of_unknown = fields.BooleanField()
    digest = fields.BinaryField()
    body = fields.BinaryField()
    sent_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(null=True)
    received_at = fields.DatetimeField()

    class Meta:
        table = "safety_alert"
        unique_together = (("sender", "identifier"),)


class AlertRecipient(Model):
    """Somebody who was told of an alert: who is told of its updates and its end."""

    id = fields.UUIDField(primary_key=True)
    alert_id = fields.UUIDField()
    citizen_id = fields.UUIDField(db_index=True)

    class Meta:
        table = "safety_alert_recipient"
        unique_together = (("alert_id", "citizen_id"),)


PLACES = PersonalTable(
    AlertPlace,
    owner="citizen_id",
    exported=section(
        "alert_places",
        "kind",
        "label",
        "district_code",
        "min_level",
        at=lambda row: orjson.loads(row["spot_sealed"]) if row["spot_sealed"] else None,
    ),
    sealed=(Sealed("spot_sealed", SPOT),),
    erased=DELETED,
)
RECIPIENTS = PersonalTable(
    AlertRecipient, owner="citizen_id", exported=section("alerts_told", "alert_id"), erased=DELETED
)
PERSONAL = PersonalData("safety", (PLACES, RECIPIENTS))
