"""The table of linked accounts."""

from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import DELETED, PersonalTable, section


class AccountLink(Model):
    """A citizen's link to a household's account: their own home's, or their parents'."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField()
    kind = fields.CharField(max_length=16)
    account_no = fields.CharField(max_length=32)
    label = fields.CharField(max_length=16)
    holder_masked = fields.CharField(max_length=64)
    address_masked = fields.CharField(max_length=128)
    linked_at = fields.DatetimeField()

    class Meta:
        table = "bills_account_link"
        unique_together = (("citizen_id", "kind", "account_no"),)


ACCOUNTS = PersonalTable(
    AccountLink,
    owner="citizen_id",
    exported=section(
        "accounts",
        *("kind", "account_no", "label", "holder_masked", "address_masked", "linked_at"),
    ),
    erased=DELETED,
)


PERSONAL = PersonalData("bills", (ACCOUNTS,))
