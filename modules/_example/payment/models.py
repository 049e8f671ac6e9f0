"""The table of bills that people began to pay."""

from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import Deleted, PersonalTable, section


class ExamplePaymentBill(Model):
    """A bill that its payer began to pay; no other is kept here."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField()
    bill_no = fields.CharField(max_length=64)
    amount_fen = fields.BigIntField()
    seen_at = fields.DatetimeField()
    """When the payee named the amount."""
    is_paid = fields.BooleanField(default=False)
    intent_id = fields.UUIDField(null=True)
    """The last payment that was begun for it."""

    class Meta:
        table = "example_payment_bill"
        unique_together = (("citizen_id", "bill_no"),)


BILLS = PersonalTable(
    ExamplePaymentBill,
    owner="citizen_id",
    exported=section("example_payment_bills", "bill_no", "amount_fen", "is_paid"),
    erased=Deleted(unless="intent_id"),  # what was paid stays with its payment's voucher
)
PERSONAL = PersonalData("example", (BILLS,))
