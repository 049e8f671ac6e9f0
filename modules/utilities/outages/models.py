"""The table of watched places."""

import orjson
from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import DELETED, PersonalTable, Sealed, section

SPOT = "bills.outage_watch"


class OutageWatch(Model):
    """A place of whose outages a citizen is told: in plain only to about a kilometre."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField(db_index=True)
    label = fields.CharField(max_length=16)
    kinds = fields.CharField(max_length=32)
    cell = fields.CharField(max_length=24, db_index=True)
    spot_sealed = fields.BinaryField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "bills_outage_watch"


WATCHES = PersonalTable(
    OutageWatch,
    owner="citizen_id",
    exported=section(
        "watched_places", "label", "kinds", at=lambda row: orjson.loads(row["spot_sealed"])
    ),
    sealed=(Sealed("spot_sealed", SPOT),),
    erased=DELETED,
)


PERSONAL = PersonalData("bills", (WATCHES,))
