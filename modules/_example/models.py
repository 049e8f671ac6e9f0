"""This module's tables, and nobody else's: across modules there are ids, no foreign keys.

After a change here: `quancheng migrate --write` writes the migration; what the database itself must
refuse (partial indexes, CHECKs, triggers) is added to it by hand as SQL.
"""

from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import DELETED, PersonalTable, section


class FountainFollow(Model):
    """A citizen follows a fountain. The unique pair makes following twice impossible."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField()
    fountain_ref = fields.CharField(max_length=64)
    district_code = fields.CharField(max_length=6)
    followed_at = fields.DatetimeField()

    class Meta:
        table = "example_fountain_follow"
        unique_together = (("citizen_id", "fountain_ref"),)
        indexes = (("district_code", "fountain_ref"),)


FOLLOWS = PersonalTable(
    FountainFollow,
    owner="citizen_id",
    exported=section("followed_fountains", "fountain_ref", "followed_at"),
    erased=DELETED,
)
PERSONAL = PersonalData("example", (FOLLOWS,))
"""What `exportMyData` hands out of these tables and `eraseMyAccount` forgets."""
