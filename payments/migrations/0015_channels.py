"""From where a payment is paid: the channel, and inside WeChat who pays, while that is needed."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

_GUARDS = """
ALTER TABLE payments_intent
  ADD CONSTRAINT payments_intent_channel
    CHECK (channel IN ('BROWSER', 'APP', 'WECHAT_PAGE', 'MINI_PROGRAM')),
  ADD CONSTRAINT payments_intent_openid CHECK (openid IS NULL OR (
    channel IN ('WECHAT_PAGE', 'MINI_PROGRAM') AND
    state IN ('created', 'order_unknown', 'awaiting', 'leaving', 'closing', 'cancelling')));
"""


class Migration(migrations.Migration):
    """Two columns and what they refuse."""

    dependencies = [("payments", "0014_bank")]

    initial = False

    operations = [
        ops.AddField(
            model_name="Intent", name="channel", field=fields.CharField(max_length=16, null=True)
        ),
        ops.RunSQL("UPDATE payments_intent SET channel = 'BROWSER'"),
        ops.AlterField(
            model_name="Intent",
            name="channel",
            field=fields.CharField(max_length=16, default="BROWSER"),
        ),
        ops.AddField(
            model_name="Intent", name="openid", field=fields.CharField(max_length=128, null=True)
        ),
        ops.RunSQL(_GUARDS),
    ]
