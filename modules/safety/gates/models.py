"""The tables of school gates: who follows whom, what gates said, leaves and alarms."""

from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import DELETED, PersonalTable, section


class GateFollow(Model):
    """A guardian who is told of a child's comings and goings; the school calls it `pupil_ref`."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField()
    child_id = fields.UUIDField(db_index=True)
    school_code = fields.CharField(max_length=32)
    pupil_ref = fields.CharField(max_length=64)
    created_at = fields.DatetimeField()

    class Meta:
        table = "safety_gate_follow"
        unique_together = (("citizen_id", "child_id"),)
        indexes = (("school_code", "pupil_ref"),)


class GateEvent(Model):
    """A reading of a gate of a pupil whom somebody follows; kept for 30 days.

    `device_at` is the gate's clock, `occurred_at` the same put right. A repeat is told nobody.
    """

    id = fields.UUIDField(primary_key=True)
    school_code = fields.CharField(max_length=32)
    event_ref = fields.CharField(max_length=64)
    pupil_ref = fields.CharField(max_length=64)
    gate_ref = fields.CharField(max_length=64)
    direction = fields.CharField(max_length=3)
    device_at = fields.DatetimeField()
    occurred_at = fields.DatetimeField(db_index=True)
    received_at = fields.DatetimeField()
    is_late = fields.BooleanField()
    is_repeat = fields.BooleanField()
    told_at = fields.DatetimeField(null=True)

    class Meta:
        table = "safety_gate_event"
        unique_together = (("school_code", "event_ref"),)
        indexes = (("school_code", "pupil_ref", "occurred_at"),)


class GateFeed(Model):
    """When a school's gates were last heard of, with or without readings."""

    school_code = fields.CharField(max_length=32, primary_key=True)
    heard_at = fields.DatetimeField()

    class Meta:
        table = "safety_gate_feed"


class SchoolLeave(Model):
    """That a child stays away from school on some days, filed by a guardian."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField(db_index=True)
    child_id = fields.UUIDField(db_index=True)
    from_on = fields.DateField()
    until_on = fields.DateField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "safety_school_leave"


class SilenceAlarm(Model):
    """That a child had not arrived by the school's time; at most one of a kind a day."""

    id = fields.UUIDField(primary_key=True)
    child_id = fields.UUIDField()
    on_day = fields.DateField()
    kind = fields.CharField(max_length=16)
    raised_at = fields.DatetimeField()
    withdrawn_at = fields.DatetimeField(null=True)

    class Meta:
        table = "safety_silence_alarm"
        unique_together = (("child_id", "on_day", "kind"),)


FOLLOWS = PersonalTable(
    GateFollow,
    owner="citizen_id",
    exported=section("school_gate_follows", "school_code", "pupil_ref", "created_at"),
    erased=DELETED,
)
LEAVES = PersonalTable(
    SchoolLeave,
    owner="citizen_id",
    exported=section("school_leaves", "from_on", "until_on", "created_at"),
    erased=DELETED,
)
ALARMS = PersonalTable(
    SilenceAlarm,
    owner="child_id",
    exported=section("school_silence_alarms", "on_day", "kind", "raised_at", "withdrawn_at"),
    erased=DELETED,
)
PERSONAL = PersonalData("safety", (FOLLOWS, LEAVES, ALARMS))
