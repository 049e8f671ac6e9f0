"""The tables of lending."""

from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import DELETED, PersonalTable, Sealed, Stays, section

PURPOSE = "lending.purpose"
FACTS = "lending.facts"
CONTRACT = "lending.contract"
"""The purposes under which an application's words, its facts and its contract are sealed."""


class Company(Model):
    """A registered company. What the registry says of it is as of `looked_at`."""

    id = fields.UUIDField(primary_key=True)
    uscc = fields.CharField(max_length=18, unique=True)
    name = fields.CharField(max_length=120)
    district = fields.CharField(max_length=6)
    industry = fields.CharField(max_length=8)
    registered_on = fields.DateField()
    looked_at = fields.DatetimeField()

    class Meta:
        table = "lending_company"


class Member(Model):
    """Who may act for a company. `limit_fen` is the most that one who is no representative may
    apply for."""

    id = fields.UUIDField(primary_key=True)
    company_id = fields.UUIDField(db_index=True)
    person_id = fields.UUIDField(db_index=True)
    role = fields.CharField(max_length=16)
    limit_fen = fields.BigIntField(null=True)
    since = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "lending_member"


class Consent(Model):
    """A company lets one bank have what one source knows of it, for applying for a loan."""

    id = fields.UUIDField(primary_key=True)
    company_id = fields.UUIDField()
    bank = fields.CharField(max_length=64)
    source = fields.CharField(max_length=32)
    given_by = fields.UUIDField(db_index=True)
    given_at = fields.DatetimeField()
    text_version = fields.CharField(max_length=32)
    withdrawn_at = fields.DatetimeField(null=True)

    class Meta:
        table = "lending_consent"
        indexes = (("company_id", "bank"),)


class ProductVersion(Model):
    """One version of a product: proposed by one, put in force by another, never changed."""

    id = fields.UUIDField(primary_key=True)
    code = fields.CharField(max_length=64)
    version = fields.IntField()
    bank = fields.CharField(max_length=64)
    state = fields.CharField(max_length=16)
    body = fields.TextField()
    proposer = fields.CharField(max_length=64)
    proposed_at = fields.DatetimeField()
    approver = fields.CharField(max_length=64, null=True)
    published_at = fields.DatetimeField(null=True)

    class Meta:
        table = "lending_product_version"
        unique_together = (("code", "version"),)


class BankApplication(Model):
    """An application at one bank, with the bank's answer. `case_id` is the owner's case.

    `facts_sealed` is what the sources said, for this bank; `reasons` are stable codes.
    """

    id = fields.UUIDField(primary_key=True)
    no = fields.CharField(max_length=40)
    case_id = fields.UUIDField()
    company_id = fields.UUIDField(db_index=True)
    person_id = fields.UUIDField(db_index=True)
    bank = fields.CharField(max_length=64)
    product = fields.CharField(max_length=64)
    product_version = fields.IntField()
    amount_fen = fields.BigIntField()
    months = fields.IntField()
    form = fields.CharField(max_length=20)
    purpose_sealed = fields.BinaryField()
    facts_sealed = fields.BinaryField(null=True)
    assessment = fields.TextField(null=True)
    state = fields.CharField(max_length=16)
    sequence = fields.IntField(default=1)
    offer = fields.TextField(null=True)
    refusal = fields.CharField(max_length=64, null=True)
    wanted = fields.CharField(max_length=64, null=True)
    valid_until = fields.DateField(null=True)
    created_at = fields.DatetimeField()
    changed_at = fields.DatetimeField()

    class Meta:
        table = "lending_application"
        unique_together = (("case_id", "bank"),)
        indexes = (("bank", "id"),)


class Contract(Model):
    """A signed contract: its bytes, encrypted, and their hash, which anybody can compare."""

    application_id = fields.UUIDField(primary_key=True)
    key_sealed = fields.BinaryField()
    content = fields.BinaryField()
    sha256 = fields.CharField(max_length=64)
    signed_by = fields.UUIDField(db_index=True)
    signed_at = fields.DatetimeField()

    class Meta:
        table = "lending_contract"


class LoanRow(Model):
    """A loan that was paid out. `status` and `next_due_on` are as of its last look."""

    id = fields.UUIDField(primary_key=True)
    no = fields.CharField(max_length=40, unique=True)
    application_id = fields.UUIDField(unique=True)
    company_id = fields.UUIDField(db_index=True)
    person_id = fields.UUIDField(db_index=True)
    bank = fields.CharField(max_length=64)
    product = fields.CharField(max_length=64)
    principal_fen = fields.BigIntField()
    disbursed_on = fields.DateField()
    terms = fields.TextField()
    status = fields.CharField(max_length=16)
    look_on = fields.DateField(null=True)
    sequence = fields.IntField(default=1)
    created_at = fields.DatetimeField()

    class Meta:
        table = "lending_loan"
        indexes = (("bank", "id"),)


class LoanEventRow(Model):
    """Something that happened to a loan, on its value date. Never changed; an error is undone by a
    row that `undoes` it."""

    id = fields.UUIDField(primary_key=True)
    loan_id = fields.UUIDField()
    ref = fields.CharField(max_length=64)
    kind = fields.CharField(max_length=16)
    value_on = fields.DateField()
    body = fields.TextField()
    undoes = fields.CharField(max_length=64, null=True)
    recorded_at = fields.DatetimeField()

    class Meta:
        table = "lending_loan_event"
        unique_together = (("loan_id", "ref"),)


_COMPANY = Stays("the company's, and the ground on which a bank decided or lent")
PERSONAL = PersonalData(
    "lending",
    (
        PersonalTable(
            Member,
            owner="person_id",
            exported=section("companies", "company_id", "role", "limit_fen", "since", "ended_at"),
            erased=DELETED,
        ),
        PersonalTable(
            Consent,
            owner="given_by",
            exported=section("loan_consents", "bank", "source", "given_at", "withdrawn_at"),
            erased=_COMPANY,
        ),
        PersonalTable(
            BankApplication,
            owner="person_id",
            exported=section(
                *("loan_applications", "no", "bank", "product", "amount_fen", "months", "state"),
                *("created_at", "refusal"),
                purpose="purpose_sealed",
                facts="facts_sealed",
            ),
            sealed=(Sealed("purpose_sealed", PURPOSE), Sealed("facts_sealed", FACTS)),
            erased=_COMPANY,
        ),
        PersonalTable(
            Contract,
            owner="signed_by",
            exported=section("loan_contracts", "application_id", "sha256", "signed_at"),
            sealed=(Sealed("key_sealed", CONTRACT),),
            erased=_COMPANY,
        ),
        PersonalTable(
            LoanRow,
            owner="person_id",
            exported=section(
                "loans", "no", "bank", "principal_fen", "disbursed_on", "terms", "status"
            ),
            erased=_COMPANY,
        ),
    ),
)
