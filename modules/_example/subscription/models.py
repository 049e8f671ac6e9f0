"""The table of subscriptions."""

from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import DELETED, PersonalTable, section


class ExampleSubscriptionDistrict(Model):
    """A district of whose news a citizen is told."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField()
    district_code = fields.CharField(max_length=6, db_index=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "example_subscription_district"
        unique_together = (("citizen_id", "district_code"),)


DISTRICTS = PersonalTable(
    ExampleSubscriptionDistrict,
    owner="citizen_id",
    exported=section("example_subscription_districts", "district_code", "created_at"),
    erased=DELETED,
)
PERSONAL = PersonalData("example", (DISTRICTS,))
