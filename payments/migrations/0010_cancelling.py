"""A payment that is ended before its time holds its subject no more; who has the first right."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

_LIVE = """
ALTER TABLE payments_intent DROP CONSTRAINT payments_intent_state;
ALTER TABLE payments_intent ADD CONSTRAINT payments_intent_state CHECK ((captured_fen = 0) =
  (state IN ('created', 'order_unknown', 'awaiting', 'leaving', 'closing', 'cancelling', 'expired',
             'rejected')));
"""


class Migration(migrations.Migration):
    """A column and a constraint."""

    dependencies = [("payments", "0009_refusals")]

    initial = False

    operations = [
        ops.AddField(model_name="Intent", name="by_owner", field=fields.BooleanField(null=True)),
        ops.RunSQL("UPDATE payments_intent SET by_owner = true"),
        ops.AlterField(
            model_name="Intent", name="by_owner", field=fields.BooleanField(default=True)
        ),
        ops.RunSQL(_LIVE),
    ]
