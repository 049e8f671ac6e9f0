"""The chart of accounts in the database, and the vouchers that journals seal.

What kind an account is of follows from its code by payments_chart, so that nobody who opens an
account decides whether it may fall below zero.
"""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops

_CHART = """
ALTER TABLE payments_chart
  ADD CONSTRAINT payments_chart_normal CHECK (normal IN ('D', 'C')),
  ADD CONSTRAINT payments_chart_shards CHECK (shards BETWEEN 1 AND 64);
INSERT INTO payments_chart (kind, normal, guarded, shards) VALUES
  ('psp', 'D', false, 32), ('payer', 'C', true, 1), ('payee', 'C', true, 32),
  ('claim', 'D', true, 1), ('settled', 'C', true, 1), ('fees', 'C', false, 1),
  ('bank', 'D', false, 1), ('cost', 'D', false, 1), ('difference', 'D', false, 1),
  ('suspense', 'C', true, 1);

CREATE FUNCTION payments_classify_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SELECT c.normal, c.guarded, c.shards INTO NEW.normal, NEW.guarded, NEW.shards
    FROM payments_chart c WHERE c.kind = split_part(NEW.code, ':', 1);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'account % is of no kind of the chart', NEW.code
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_account_chart';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER payments_account_chart BEFORE INSERT ON payments_account
  FOR EACH ROW EXECUTE FUNCTION payments_classify_account();
"""


class Migration(migrations.Migration):
    """A table, its rows, and a column of the journal."""

    dependencies = [("payments", "0006_reconciliation")]

    initial = False

    operations = [
        ops.CreateModel(
            name="Chart",
            fields=[
                (
                    "kind",
                    fields.CharField(primary_key=True, unique=True, db_index=True, max_length=16),
                ),
                ("normal", fields.CharField(max_length=1)),
                ("guarded", fields.BooleanField()),
                ("shards", fields.SmallIntField()),
            ],
            options={
                "table": "payments_chart",
                "app": "payments",
                "pk_attr": "kind",
                "table_description": "A kind of account: what stands before the first colon of its code.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Journal",
            name="voucher",
            field=fields.JSONField(null=True, encoder=JSON_DUMPS, decoder=loads),
        ),
        ops.RunSQL(_CHART),
    ]
