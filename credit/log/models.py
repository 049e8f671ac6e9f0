"""The tables of the decision log: a chain for each bank, and bodies outside it."""

from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import Cleared, PersonalTable, Sealed, section

KEY_PURPOSE = "credit.log.key"


class LogChain(Model):
    """A bank's chain: how many entries, and the hash of the last. Its row is the writers' lock."""

    bank = fields.CharField(max_length=64, primary_key=True)
    count = fields.BigIntField()
    hash = fields.CharField(max_length=64)

    class Meta:
        table = "credit_log_chain"


class LogEntry(Model):
    """One line of a chain, as it was hashed. It names nobody."""

    id = fields.UUIDField(primary_key=True)
    bank = fields.CharField(max_length=64)
    number = fields.BigIntField()
    key = fields.CharField(max_length=128)
    application_id = fields.CharField(max_length=64)
    kind = fields.CharField(max_length=16)
    line = fields.BinaryField()

    class Meta:
        table = "credit_log_entry"
        unique_together = (("bank", "number"), ("bank", "key"))
        indexes = (("application_id",),)


class LogBody(Model):
    """What an entry says of a person: ciphertext, and its key sealed by the vault until destroyed.

    `person_id` is whose data it is: the applicant, or the one who applies for a firm.
    """

    hash = fields.CharField(max_length=64, primary_key=True)
    application_id = fields.CharField(max_length=64)
    person_id = fields.UUIDField(null=True)
    body = fields.BinaryField()
    key_sealed = fields.BinaryField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "credit_log_body"
        indexes = (("application_id",), ("person_id",))


BODIES = PersonalTable(
    LogBody,
    owner="person_id",
    exported=section("credit_decisions", "application_id", "created_at"),
    erased=Cleared({"key_sealed": None}),
    sealed=(Sealed("key_sealed", KEY_PURPOSE),),
)

PERSONAL = PersonalData("credit", (BODIES,))
