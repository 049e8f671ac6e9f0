"""What is owed may be paid in parts: those under way together never exceed what is open.

The index `payments_intent_live` held one payment for each subject; it does so where a subject is
paid whole. Of one that is paid in parts the sum is held when a part is inserted: nothing that has
left these states comes back to them, and amounts never change.
"""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

_LIVE = """
ALTER TABLE payments_intent ADD CONSTRAINT payments_intent_part
  CHECK ((owed_fen IS NULL) = (owed_at IS NULL) AND amount_fen <= owed_fen);
DROP INDEX payments_intent_live;
CREATE UNIQUE INDEX payments_intent_live ON payments_intent (kind, subject_ref)
  WHERE owed_fen IS NULL AND
    state IN ('created', 'order_unknown', 'awaiting', 'leaving', 'closing',
              'paid', 'fulfilment_unknown', 'fulfilled');
"""

_PARTS = """
CREATE FUNCTION payments_check_parts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  taken_fen bigint;
BEGIN
  -- two that begin at once see one another: the second waits here, and its query is a later one
  PERFORM pg_advisory_xact_lock(hashtextextended(NEW.kind || ' ' || NEW.subject_ref, 20));
  SELECT coalesce(sum(i.amount_fen), 0) INTO taken_fen FROM payments_intent i
   WHERE i.kind = NEW.kind AND i.subject_ref = NEW.subject_ref
     AND (NEW.owed_fen IS NOT NULL OR i.owed_fen IS NOT NULL)
     AND (i.state IN ('created', 'order_unknown', 'awaiting', 'leaving', 'closing',
                      'paid', 'fulfilment_unknown')
          OR (i.fulfilment_ref IS NOT NULL AND i.ended_at > NEW.owed_at));
  IF taken_fen + NEW.amount_fen > coalesce(NEW.owed_fen, NEW.amount_fen) THEN
    RAISE EXCEPTION 'of % fen owed for % % are % under way: % more are too much',
      NEW.owed_fen, NEW.kind, NEW.subject_ref, taken_fen, NEW.amount_fen
      USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_intent_parts';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER payments_intent_parts BEFORE INSERT ON payments_intent
  FOR EACH ROW EXECUTE FUNCTION payments_check_parts();
"""


class Migration(migrations.Migration):
    """Two columns, and what holds of them."""

    dependencies = [("payments", "0019_merchants")]

    initial = False

    operations = [
        ops.AddField(model_name="Intent", name="owed_fen", field=fields.BigIntField(null=True)),
        ops.AddField(
            model_name="Intent",
            name="owed_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.RunSQL(_LIVE),
        ops.RunSQL(_PARTS),
    ]
