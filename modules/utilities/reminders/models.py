"""The tables of reminders."""

from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import DELETED, PersonalTable, section


class Reminder(Model):
    """That a citizen is reminded of a linked account's bills, and how."""

    id = fields.UUIDField(primary_key=True)
    link_id = fields.UUIDField(unique=True)
    citizen_id = fields.UUIDField(db_index=True)
    days_before = fields.SmallIntField()
    min_amount_fen = fields.BigIntField()
    sms = fields.BooleanField()
    created_at = fields.DatetimeField()
    checked_on = fields.DateField(null=True)
    """The day on which the biller was last asked and answered."""
    tried_at = fields.DatetimeField(null=True, db_index=True)

    class Meta:
        table = "bills_reminder"


REMINDERS = PersonalTable(
    Reminder,
    owner="citizen_id",
    exported=section("reminders", "days_before", "min_amount_fen", "sms", "created_at"),
    erased=DELETED,
)


class Reminded(Model):
    """That a citizen was reminded of a bill: once ahead, once overdue."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField()
    link_id = fields.UUIDField(db_index=True)
    bill_id = fields.UUIDField()
    stage = fields.CharField(max_length=8)
    amount_fen = fields.BigIntField()
    sms = fields.BooleanField()
    sent_at = fields.DatetimeField()

    class Meta:
        table = "bills_reminded"
        unique_together = (("citizen_id", "bill_id", "stage"),)


REMINDED = PersonalTable(
    Reminded,
    owner="citizen_id",
    exported=section("reminded", "bill_id", "stage", "amount_fen", "sent_at"),
    erased=DELETED,
)


PERSONAL = PersonalData("bills", (REMINDERS, REMINDED))
