"""The table of arrival alerts."""

import orjson
from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import DELETED, PersonalTable, Sealed, section

PLACE = "mobility.arrival_alert"


class ArrivalAlert(Model):
    """That a citizen is rung when a vehicle is near: one of one day, or the first of a line within
    a window on some weekdays. Where, and on which line, is sealed: it tells where somebody goes."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField(db_index=True)
    label = fields.CharField(max_length=16)
    place_sealed = fields.BinaryField()
    minutes_before = fields.SmallIntField(null=True)
    stops_before = fields.SmallIntField(null=True)
    by_schedule = fields.BooleanField()
    """Whether the timetable's time rings too: a late bus may catch up."""
    service_on = fields.DateField(null=True)
    """The service day of the one vehicle; null where it repeats."""
    due_at = fields.DatetimeField(null=True, db_index=True)
    """When that vehicle comes by timetable."""
    weekdays = fields.SmallIntField(default=0)
    """Bits of the weekdays on which it repeats, Monday the lowest."""
    window_from_s = fields.IntField(null=True)
    """From when, seconds of the day,"""
    window_until_s = fields.IntField(null=True)
    """and until when a vehicle must come."""
    rung_on = fields.DateField(null=True)
    """The last day whose vehicle a repeating one rang for."""
    tracked_at = fields.DatetimeField(null=True)
    """When the one vehicle was last seen live."""
    lost_at = fields.DatetimeField(null=True)
    """When its owner was told that it is not seen any more."""
    created_at = fields.DatetimeField()

    class Meta:
        table = "mobility_arrival_alert"


ALERTS = PersonalTable(
    ArrivalAlert,
    owner="citizen_id",
    exported=section(
        "arrival_alerts",
        *("label", "minutes_before", "stops_before", "service_on", "weekdays", "created_at"),
        place=lambda row: orjson.loads(row["place_sealed"]),
    ),
    sealed=(Sealed("place_sealed", PLACE),),
    erased=DELETED,
)

PERSONAL = PersonalData("mobility", (ALERTS,))
