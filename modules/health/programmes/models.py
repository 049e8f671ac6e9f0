"""The tables of care programmes; all rows of an enrolment go with it when its person leaves."""

from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import DELETED, PersonalTable, Sealed, section

NOTE = "health.care_plan_note"


class Enrolment(Model):
    """That somebody takes part in a programme, from the day they joined until it is closed."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField(db_index=True)
    programme = fields.CharField(max_length=32)
    label = fields.CharField(max_length=16)
    """The person's own name for it: a baby's, perhaps empty."""
    facts = fields.JSONField[dict[str, str | int]]()
    enrolled_on = fields.DateField()
    enrolled_at = fields.DatetimeField()
    closed_at = fields.DatetimeField(null=True)
    close_reason = fields.CharField(max_length=16, null=True)
    checked_on = fields.DateField(null=True)
    """The day on which it was last looked at for reminders."""
    tried_at = fields.DatetimeField(null=True, db_index=True)

    class Meta:
        table = "health_enrolment"


class CarePlan(Model):
    """A version of an enrolment's plan; the newest holds."""

    id = fields.UUIDField(primary_key=True)
    enrolment_id = fields.UUIDField()
    citizen_id = fields.UUIDField(db_index=True)
    version = fields.IntField()
    goals = fields.JSONField[list[dict[str, str | float | None]]]()
    every_days = fields.SmallIntField()
    note_sealed = fields.BinaryField(null=True)
    is_by_staff = fields.BooleanField()
    made_at = fields.DatetimeField()

    class Meta:
        table = "health_care_plan"
        unique_together = (("enrolment_id", "version"),)


class Measurement(Model):
    """What was measured at one moment, in the units of `domain.UNIT`, as it was typed."""

    id = fields.UUIDField(primary_key=True)
    enrolment_id = fields.UUIDField()
    citizen_id = fields.UUIDField(db_index=True)
    values = fields.JSONField[dict[str, float]]()
    measured_at = fields.DatetimeField()
    typed_as = fields.CharField(max_length=16)
    """What the person who typed it is to whom it is about: self, guardian or proxy."""
    stored_at = fields.DatetimeField()

    class Meta:
        table = "health_measurement"
        indexes = (("enrolment_id", "measured_at"),)


class FollowUp(Model):
    """A visit of an enrolment: due between two days, booked for a moment, kept."""

    id = fields.UUIDField(primary_key=True)
    enrolment_id = fields.UUIDField()
    citizen_id = fields.UUIDField(db_index=True)
    code = fields.CharField(max_length=32)
    name_zh = fields.CharField(max_length=64)
    name_en = fields.CharField(max_length=96)
    from_on = fields.DateField()
    until_on = fields.DateField()
    state = fields.CharField(max_length=8)
    booked_at = fields.DatetimeField(null=True)
    """The moment for which it is booked."""
    place = fields.CharField(max_length=64, null=True)

    class Meta:
        table = "health_follow_up"
        unique_together = (("enrolment_id", "code"),)


class Alert(Model):
    """That a rule was met and who looks after the person has to see it; open until handled."""

    id = fields.UUIDField(primary_key=True)
    enrolment_id = fields.UUIDField(db_index=True)
    citizen_id = fields.UUIDField(db_index=True)
    rule = fields.CharField(max_length=48)
    severity = fields.CharField(max_length=8)
    raised_at = fields.DatetimeField()
    handled_at = fields.DatetimeField(null=True)

    class Meta:
        table = "health_alert"


PERSONAL = PersonalData(
    "health",
    (
        PersonalTable(
            Enrolment,
            owner="citizen_id",
            exported=section(
                "care_enrolments",
                "programme",
                "label",
                "facts",
                "enrolled_on",
                "closed_at",
                "close_reason",
            ),
            erased=DELETED,
        ),
        PersonalTable(
            CarePlan,
            owner="citizen_id",
            exported=section(
                "care_plans", "version", "goals", "every_days", "made_at", note="note_sealed"
            ),
            sealed=(Sealed("note_sealed", NOTE),),
            erased=DELETED,
        ),
        PersonalTable(
            Measurement,
            owner="citizen_id",
            exported=section("care_measurements", "values", "measured_at", "typed_as"),
            erased=DELETED,
        ),
        PersonalTable(
            FollowUp,
            owner="citizen_id",
            exported=section(
                "care_follow_ups", "code", "from_on", "until_on", "state", "booked_at", "place"
            ),
            erased=DELETED,
        ),
        PersonalTable(
            Alert,
            owner="citizen_id",
            exported=section("care_alerts", "rule", "severity", "raised_at", "handled_at"),
            erased=DELETED,
        ),
    ),
)
