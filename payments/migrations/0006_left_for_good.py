"""Two more refusals of changes of an intent's PSP.

A payment under a contract stays with the contract's PSP; and what was left may be forgotten, for a
return, only where nothing was ever sent.
"""

from tortoise import migrations
from tortoise.migrations import operations as ops

_CONTRACT = """
CREATE FUNCTION payments_check_contract() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'intent % is deducted under a contract and stays at %', NEW.id, OLD.psp
    USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_intent_contract';
END $$;
CREATE TRIGGER payments_intent_contract BEFORE UPDATE OF psp, contract_id ON payments_intent
  FOR EACH ROW WHEN (OLD.contract_id IS DISTINCT FROM NEW.contract_id
                     OR (OLD.contract_id IS NOT NULL AND OLD.psp IS DISTINCT FROM NEW.psp))
  EXECUTE FUNCTION payments_check_contract();
"""

_RETURN = """
CREATE FUNCTION payments_check_return() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the order of % at % may exist', OLD.intent_id, OLD.psp
    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'payments_left_order_kept';
END $$;
CREATE TRIGGER payments_left_order_return BEFORE DELETE ON payments_left_order
  FOR EACH ROW WHEN (OLD.evidence <> 'unsent') EXECUTE FUNCTION payments_check_return();
"""


class Migration(migrations.Migration):
    """Triggers."""

    dependencies = [("payments", "0005_contracts")]

    operations = [ops.RunSQL(sql) for sql in (_CONTRACT, _RETURN)]
