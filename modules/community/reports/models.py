"""The tables of reports. Whose a report is stands in its case alone; here is what may be public."""

from tortoise import fields
from tortoise.models import Model

NO_GRID = ""
"""What stands for the grid of a place that none covers; NULL where the map was silent."""


class Report(Model):
    """The public side of a report.

    `public_text` is there where the citizen lets everybody read the description. `promised_on` and
    `fixed_on` are the day promised and the day on which the unit was done, in its present round.
    """

    id = fields.UUIDField(primary_key=True)
    case_id = fields.UUIDField(unique=True)
    no = fields.CharField(max_length=48, default="")
    category = fields.CharField(max_length=64)
    state = fields.CharField(max_length=32)
    unit = fields.CharField(max_length=64, default="")
    lat = fields.FloatField()
    lon = fields.FloatField()
    grid_code = fields.CharField(max_length=15, null=True)
    public_text = fields.TextField(null=True)
    address = fields.CharField(max_length=200, default="")
    is_open = fields.BooleanField(default=True)
    followers = fields.IntField(default=0)
    promised_on = fields.DateField(null=True)
    fixed_on = fields.DateField(null=True)
    merged_into = fields.UUIDField(null=True)
    filed_on = fields.DateField()
    filed_at = fields.DatetimeField()
    changed_at = fields.DatetimeField()

    class Meta:
        table = "community_report"


class ReportPhoto(Model):
    """A photograph, from the first byte of its upload on.

    `media_type` is there once it is complete and known to be a photograph, `report_id` once it
    belongs to a report. `is_proof` says that the handler took it, `is_public` that a member of
    staff has seen nobody's face and no number plate on it.
    """

    id = fields.UUIDField(primary_key=True)
    owner_id = fields.UUIDField(db_index=True)
    report_id = fields.UUIDField(null=True, db_index=True)
    size_bytes = fields.IntField()
    received_bytes = fields.IntField(default=0)
    media_type = fields.CharField(max_length=32, null=True)
    picture_hash = fields.BigIntField(null=True)
    is_proof = fields.BooleanField(default=False)
    is_public = fields.BooleanField(default=False)
    begun_at = fields.DatetimeField()

    class Meta:
        table = "community_report_photo"


class ReportPhotoPart(Model):
    """Sealed bytes of a photograph: the original in the pieces in which it came, each from a
    position on, and the copy that is shown, at position -1."""

    id = fields.UUIDField(primary_key=True)
    photo_id = fields.UUIDField()
    position = fields.IntField()
    key_sealed = fields.BinaryField()
    content = fields.BinaryField()

    class Meta:
        table = "community_report_photo_part"
        unique_together = (("photo_id", "position"),)


class ReportUpdate(Model):
    """What happened to a report, for everybody; `note` is what the unit said to it."""

    id = fields.UUIDField(primary_key=True)
    report_id = fields.UUIDField(db_index=True)
    sequence = fields.IntField()
    event = fields.CharField(max_length=32)
    state = fields.CharField(max_length=32)
    unit = fields.CharField(max_length=64)
    note = fields.TextField(default="")
    happened_at = fields.DatetimeField()

    class Meta:
        table = "community_report_update"
        indexes = (("happened_at", "id"),)


class ReportFollow(Model):
    """Somebody who is told of each step of a report."""

    id = fields.UUIDField(primary_key=True)
    report_id = fields.UUIDField()
    citizen_id = fields.UUIDField()
    followed_at = fields.DatetimeField()

    class Meta:
        table = "community_report_follow"
        unique_together = (("report_id", "citizen_id"),)
        indexes = (("citizen_id", "id"),)


class GridBeat(Model):
    """A part of the city that a grid worker walks: all grids whose codes begin so."""

    id = fields.UUIDField(primary_key=True)
    worker_id = fields.UUIDField()
    prefix = fields.CharField(max_length=15)

    class Meta:
        table = "community_grid_beat"
        unique_together = (("worker_id", "prefix"),)
