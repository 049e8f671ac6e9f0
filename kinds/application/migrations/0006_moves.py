from tortoise import migrations
from tortoise.migrations import operations as ops

_EDGES = """
CREATE OR REPLACE FUNCTION applications_case_edges() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE {declared}
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF (NEW.definition_id, NEW.service_id, NEW.item, NEW.no)
       IS DISTINCT FROM (OLD.definition_id, OLD.service_id, OLD.item, OLD.no) THEN
      RAISE EXCEPTION 'a case keeps its number and its definition'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'applications_case_fixed';
    END IF;
    IF NEW.state = OLD.state AND NEW.turn = OLD.turn THEN
      RETURN NEW;
    END IF;
  END IF;
  SELECT {read} FROM applications_definition WHERE id = NEW.definition_id;
  IF TG_OP = 'INSERT' AND NEW.state <> d.first_state
     OR TG_OP = 'UPDATE' AND NEW.state <> OLD.state
        AND NOT d.edges ? (OLD.state || '>' || NEW.state)
     OR (NEW.turn = 'NOBODY') <> (d.ends ? NEW.state) THEN
    RAISE EXCEPTION 'illegal state of a case: %', NEW.state
      USING ERRCODE = 'check_violation', CONSTRAINT = 'applications_case_edges';
  END IF;
  RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("applications", "0005_due")]

    initial = False

    operations = [
        # a step reads of its definition what it needs, not the body; pages of cases keep room, so
        # that a case that moves stays in its page, and its indexes as they are
        ops.RunSQL(
            _EDGES.format(declared="d record;", read="first_state, edges, ends INTO STRICT d")
            + "ALTER TABLE applications_case SET (fillfactor = 85);",
            _EDGES.format(declared="d applications_definition;", read="* INTO STRICT d")
            + "ALTER TABLE applications_case RESET (fillfactor);",
        ),
    ]
