"""Messages get what all channels need, deliveries lose what is the message's.

Every text so far went through the SMS gateway. Those to bare phones become messages of their own;
what was queued is handed over by the jobs of the new kind.
"""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

_OPEN = "DROP TRIGGER IF EXISTS notifications_delivery_state_edges ON notifications_delivery"

_MOVE = """
UPDATE notifications_message SET about = 'service', version = 1, position = id;
INSERT INTO notifications_message
  (id, key, person_id, to_sealed, template, version, about, title_sealed, body_sealed, created_at)
SELECT id, key, NULL, to_sealed, 'text', 1, 'security', '', body_sealed, created_at
  FROM notifications_delivery WHERE person_id IS NULL;
UPDATE notifications_delivery d
   SET message_id = coalesce(
         (SELECT m.id FROM notifications_message m WHERE m.key = substr(d.key, 5)
             AND d.person_id IS NOT NULL), d.id),
       channel = 'sms', lane = 'critical', due_at = created_at,
       expires_at = created_at + interval '1 day',
       provider = 'sms', provider_ref = receipt_ref,
       state = CASE state WHEN 'queued' THEN 'created' WHEN 'failed' THEN 'permanent-failure'
                          ELSE state END;
DO $$ BEGIN
  IF to_regclass('pgqueuer') IS NOT NULL THEN
    UPDATE pgqueuer SET entrypoint = 'notifications.deliver_critical',
           payload = convert_to(json_build_object('ids', json_build_array(
             convert_from(payload, 'UTF8')::json->>'delivery_id'))::text, 'UTF8')
     WHERE entrypoint = 'notifications.deliver';
  END IF;
END $$;
"""

_INDEXES = """
CREATE INDEX notifications_message_unread ON notifications_message (person_id)
  WHERE read_at IS NULL AND position IS NOT NULL;
CREATE INDEX notifications_delivery_ref ON notifications_delivery (provider, provider_ref)
  WHERE provider_ref IS NOT NULL;
CREATE INDEX notifications_delivery_dead ON notifications_delivery (ended_at, id)
  WHERE state = 'technical-failure';
"""


class Migration(migrations.Migration):
    dependencies = [("notifications", "0001_initial")]

    initial = False

    operations = [
        ops.RunSQL(_OPEN),
        ops.AlterField(
            model_name="Message",
            name="key",
            field=fields.CharField(db_index=True, max_length=128),
        ),
        ops.AlterField(model_name="Message", name="person_id", field=fields.UUIDField(null=True)),
        ops.AddField(
            model_name="Message", name="about", field=fields.CharField(null=True, max_length=16)
        ),
        ops.AddField(model_name="Message", name="version", field=fields.IntField(null=True)),
        ops.AddField(model_name="Message", name="position", field=fields.UUIDField(null=True)),
        ops.AddField(
            model_name="Message", name="thread", field=fields.CharField(null=True, max_length=64)
        ),
        ops.AddField(model_name="Message", name="to_sealed", field=fields.BinaryField(null=True)),
        ops.AddField(model_name="Delivery", name="message_id", field=fields.UUIDField(null=True)),
        ops.AddField(
            model_name="Delivery", name="channel", field=fields.CharField(null=True, max_length=16)
        ),
        ops.AddField(
            model_name="Delivery", name="lane", field=fields.CharField(null=True, max_length=16)
        ),
        ops.AlterField(model_name="Delivery", name="state", field=fields.CharField(max_length=24)),
        ops.AddField(
            model_name="Delivery", name="provider", field=fields.CharField(null=True, max_length=32)
        ),
        ops.AddField(
            model_name="Delivery",
            name="provider_ref",
            field=fields.CharField(null=True, max_length=128),
        ),
        ops.AddField(model_name="Delivery", name="attempts", field=fields.IntField(default=0)),
        ops.AddField(
            model_name="Delivery", name="error", field=fields.CharField(null=True, max_length=64)
        ),
        ops.AddField(model_name="Delivery", name="due_at", field=fields.DatetimeField(null=True)),
        ops.AddField(
            model_name="Delivery",
            name="expires_at",
            field=fields.DatetimeField(null=True),
        ),
        ops.AddField(
            model_name="Delivery",
            name="lease_until",
            field=fields.DatetimeField(null=True),
        ),
        ops.AddField(model_name="Delivery", name="ended_at", field=fields.DatetimeField(null=True)),
        ops.RunSQL(_MOVE),
        ops.AlterField(model_name="Message", name="about", field=fields.CharField(max_length=16)),
        ops.AlterField(model_name="Message", name="version", field=fields.IntField()),
        ops.AlterField(
            model_name="Delivery", name="message_id", field=fields.UUIDField(db_index=True)
        ),
        ops.AlterField(
            model_name="Delivery",
            name="person_id",
            field=fields.UUIDField(null=True, db_index=True),
        ),
        ops.AlterField(
            model_name="Delivery", name="channel", field=fields.CharField(max_length=16)
        ),
        ops.AlterField(model_name="Delivery", name="lane", field=fields.CharField(max_length=16)),
        ops.AlterField(model_name="Delivery", name="due_at", field=fields.DatetimeField()),
        ops.AlterField(model_name="Delivery", name="expires_at", field=fields.DatetimeField()),
        ops.RemoveField(model_name="Delivery", name="receipt_ref"),
        ops.RemoveField(model_name="Delivery", name="body_sealed"),
        ops.RemoveField(model_name="Delivery", name="key"),
        ops.RemoveField(model_name="Delivery", name="to_sealed"),
        ops.RemoveIndex(model_name="Message", name=None, fields=["person_id", "id"]),
        ops.AddIndex(model_name="Message", index=Index(fields=["person_id", "position"])),
        ops.AlterModelOptions(
            name="Message",
            options={
                "table": "notifications_message",
                "app": "notifications",
                "indexes": [Index(fields=["person_id", "position"])],
                "pk_attr": "id",
                "table_description": "A message to a person, in their inbox, or to a bare phone.",
            },
        ),
        ops.AlterModelOptions(
            name="Delivery",
            options={
                "table": "notifications_delivery",
                "app": "notifications",
                "pk_attr": "id",
                "table_description": "A message on its way through one channel.",
            },
        ),
        ops.RunSQL(_INDEXES),
    ]
