from uuid import uuid4

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

_REFUSALS = """
ALTER TABLE lending_company ADD CONSTRAINT lending_company_uscc
  CHECK (uscc ~ '^[0-9A-HJ-NPQRTUWXY]{18}$');
ALTER TABLE lending_member
  ADD CONSTRAINT lending_member_role CHECK (role IN ('REPRESENTATIVE', 'STAFF')),
  ADD CONSTRAINT lending_member_limit CHECK (limit_fen BETWEEN 1 AND 1000000000);
CREATE UNIQUE INDEX lending_member_live ON lending_member (company_id, person_id)
  WHERE ended_at IS NULL;
CREATE UNIQUE INDEX lending_consent_live ON lending_consent (company_id, bank, source)
  WHERE withdrawn_at IS NULL;
ALTER TABLE lending_product_version
  ADD CONSTRAINT lending_product_four_eyes CHECK (approver <> proposer),
  ADD CONSTRAINT lending_product_published CHECK (
    state NOT IN ('PUBLISHED', 'RETIRED') OR (approver IS NOT NULL AND published_at IS NOT NULL));
CREATE UNIQUE INDEX lending_product_live ON lending_product_version (code)
  WHERE state = 'PUBLISHED';
ALTER TABLE lending_application
  ADD CONSTRAINT lending_application_amount CHECK (amount_fen BETWEEN 1 AND 1000000000),
  ADD CONSTRAINT lending_application_months CHECK (months BETWEEN 1 AND 360),
  ADD CONSTRAINT lending_application_answer CHECK (
    CASE state WHEN 'RECEIVED' THEN true WHEN 'WITHDRAWN' THEN true
      WHEN 'REFUSED' THEN refusal IS NOT NULL ELSE offer IS NOT NULL AND valid_until IS NOT NULL END);
CREATE UNIQUE INDEX lending_application_chosen ON lending_application (case_id)
  WHERE state IN ('ACCEPTED', 'SIGNED', 'DISBURSED');
ALTER TABLE lending_loan
  ADD CONSTRAINT lending_loan_principal CHECK (principal_fen BETWEEN 1 AND 1000000000),
  ADD CONSTRAINT lending_loan_status
    CHECK (status IN ('ACTIVE', 'OVERDUE', 'CLOSED', 'WRITTEN_OFF'));
CREATE INDEX lending_loan_look ON lending_loan (look_on) WHERE look_on IS NOT NULL;
CREATE UNIQUE INDEX lending_loan_disbursed ON lending_loan_event (loan_id)
  WHERE kind = 'disbursed';
CREATE UNIQUE INDEX lending_loan_undone ON lending_loan_event (loan_id, undoes)
  WHERE undoes IS NOT NULL;

-- What is signed has its contract, what is disbursed its loan, at COMMIT.
CREATE FUNCTION lending_check_application() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  state_now text := (SELECT a.state FROM lending_application a WHERE a.id = NEW.id);
BEGIN
  IF state_now IN ('SIGNED', 'DISBURSED')
    AND NOT EXISTS (SELECT FROM lending_contract c WHERE c.application_id = NEW.id) THEN
    RAISE EXCEPTION 'application % has no contract', NEW.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'lending_application_contract';
  END IF;
  IF (state_now = 'DISBURSED')
    <> EXISTS (SELECT FROM lending_loan l WHERE l.application_id = NEW.id) THEN
    RAISE EXCEPTION 'application % and its loan disagree', NEW.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'lending_application_loan';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER lending_application_whole AFTER INSERT OR UPDATE OF state
  ON lending_application DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION lending_check_application();

CREATE FUNCTION lending_check_loan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM lending_application a WHERE a.id = NEW.application_id
                    AND a.state = 'DISBURSED' AND a.bank = NEW.bank)
    OR NOT EXISTS (SELECT FROM lending_loan_event e WHERE e.loan_id = NEW.id
                    AND e.kind = 'disbursed') THEN
    RAISE EXCEPTION 'loan % has no disbursed application', NEW.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'lending_loan_application';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER lending_loan_whole AFTER INSERT ON lending_loan
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lending_check_loan();
"""


class Migration(migrations.Migration):
    dependencies = [("credit", "0001_initial")]

    initial = False

    operations = [
        ops.CreateModel(
            name="BankApplication",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("no", fields.CharField(max_length=40)),
                ("case_id", fields.UUIDField()),
                ("company_id", fields.UUIDField(db_index=True)),
                ("person_id", fields.UUIDField(db_index=True)),
                ("bank", fields.CharField(max_length=64)),
                ("product", fields.CharField(max_length=64)),
                ("product_version", fields.IntField()),
                ("amount_fen", fields.BigIntField()),
                ("months", fields.IntField()),
                ("form", fields.CharField(max_length=20)),
                ("purpose_sealed", fields.BinaryField()),
                ("facts_sealed", fields.BinaryField(null=True)),
                ("assessment", fields.TextField(null=True, unique=False)),
                ("state", fields.CharField(max_length=16)),
                ("sequence", fields.IntField(default=1)),
                ("offer", fields.TextField(null=True, unique=False)),
                ("refusal", fields.CharField(null=True, max_length=64)),
                ("wanted", fields.CharField(null=True, max_length=64)),
                ("valid_until", fields.DateField(null=True)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("changed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "lending_application",
                "app": "credit",
                "unique_together": (("case_id", "bank"),),
                "indexes": [Index(fields=["bank", "id"])],
                "pk_attr": "id",
                "table_description": "An application at one bank, with the bank's answer. `case_id` is the owner's case.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Company",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("uscc", fields.CharField(unique=True, max_length=18)),
                ("name", fields.CharField(max_length=120)),
                ("district", fields.CharField(max_length=6)),
                ("industry", fields.CharField(max_length=8)),
                ("registered_on", fields.DateField()),
                ("looked_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "lending_company",
                "app": "credit",
                "pk_attr": "id",
                "table_description": "A registered company. What the registry says of it is as of `looked_at`.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Consent",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("company_id", fields.UUIDField()),
                ("bank", fields.CharField(max_length=64)),
                ("source", fields.CharField(max_length=32)),
                ("given_by", fields.UUIDField(db_index=True)),
                ("given_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("text_version", fields.CharField(max_length=32)),
                (
                    "withdrawn_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "lending_consent",
                "app": "credit",
                "indexes": [Index(fields=["company_id", "bank"])],
                "pk_attr": "id",
                "table_description": "A company lets one bank have what one source knows of it, for applying for a loan.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Contract",
            fields=[
                (
                    "application_id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("key_sealed", fields.BinaryField()),
                ("content", fields.BinaryField()),
                ("sha256", fields.CharField(max_length=64)),
                ("signed_by", fields.UUIDField(db_index=True)),
                ("signed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "lending_contract",
                "app": "credit",
                "pk_attr": "application_id",
                "table_description": "A signed contract: its bytes, encrypted, and their hash, which anybody can compare.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="LoanEventRow",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("loan_id", fields.UUIDField()),
                ("ref", fields.CharField(max_length=64)),
                ("kind", fields.CharField(max_length=16)),
                ("value_on", fields.DateField()),
                ("body", fields.TextField(unique=False)),
                ("undoes", fields.CharField(null=True, max_length=64)),
                ("recorded_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "lending_loan_event",
                "app": "credit",
                "unique_together": (("loan_id", "ref"),),
                "pk_attr": "id",
                "table_description": "Something that happened to a loan, on its value date. Never changed; an error is undone by a",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="LoanRow",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("no", fields.CharField(unique=True, max_length=40)),
                ("application_id", fields.UUIDField(unique=True)),
                ("company_id", fields.UUIDField(db_index=True)),
                ("person_id", fields.UUIDField(db_index=True)),
                ("bank", fields.CharField(max_length=64)),
                ("product", fields.CharField(max_length=64)),
                ("principal_fen", fields.BigIntField()),
                ("disbursed_on", fields.DateField()),
                ("terms", fields.TextField(unique=False)),
                ("status", fields.CharField(max_length=16)),
                ("look_on", fields.DateField(null=True)),
                ("sequence", fields.IntField(default=1)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "lending_loan",
                "app": "credit",
                "indexes": [Index(fields=["bank", "id"])],
                "pk_attr": "id",
                "table_description": "A loan that was paid out. `status` and `next_due_on` are as of its last look.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Member",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("company_id", fields.UUIDField(db_index=True)),
                ("person_id", fields.UUIDField(db_index=True)),
                ("role", fields.CharField(max_length=16)),
                ("limit_fen", fields.BigIntField(null=True)),
                ("since", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "lending_member",
                "app": "credit",
                "pk_attr": "id",
                "table_description": "Who may act for a company. `limit_fen` is the most that one who is no representative may",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ProductVersion",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("code", fields.CharField(max_length=64)),
                ("version", fields.IntField()),
                ("bank", fields.CharField(max_length=64)),
                ("state", fields.CharField(max_length=16)),
                ("body", fields.TextField(unique=False)),
                ("proposer", fields.CharField(max_length=64)),
                ("proposed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("approver", fields.CharField(null=True, max_length=64)),
                (
                    "published_at",
                    fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
                ),
            ],
            options={
                "table": "lending_product_version",
                "app": "credit",
                "unique_together": (("code", "version"),),
                "pk_attr": "id",
                "table_description": "One version of a product: proposed by one, put in force by another, never changed.",
            },
            bases=["Model"],
        ),
        ops.RunSQL(_REFUSALS),
    ]
