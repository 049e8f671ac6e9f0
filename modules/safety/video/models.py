"""The viewing log of school cameras."""

from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import DELETED, PersonalTable, section


class SchoolVideoView(Model):
    """A guardian watches a camera. `address_index` and `player_index` stand for the network address
    and the programme that it is watched from: an address that is copied fits neither.
    """

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField(db_index=True)
    child_id = fields.UUIDField(db_index=True)
    school_code = fields.CharField(max_length=32)
    pupil_ref = fields.CharField(max_length=64)
    camera_ref = fields.CharField(max_length=64)
    address_index = fields.BinaryField()
    player_index = fields.BinaryField(null=True)
    opened_at = fields.DatetimeField()
    last_seen_at = fields.DatetimeField()

    class Meta:
        table = "safety_video_view"
        indexes = (("school_code", "opened_at"),)


VIEWS = PersonalTable(
    SchoolVideoView,
    owner="citizen_id",
    exported=section("school_video_views", "camera_ref", "opened_at", "last_seen_at"),
    erased=DELETED,
)
PERSONAL = PersonalData("safety", (VIEWS,))
