from uuid import uuid4

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name="Case",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("no", fields.CharField(unique=True, max_length=48)),
                ("service_id", fields.CharField(max_length=64)),
                ("item", fields.CharField(default="", max_length=64)),
                ("definition_id", fields.UUIDField()),
                ("citizen_id", fields.UUIDField()),
                ("category", fields.CharField(default="", max_length=32)),
                ("state", fields.CharField(max_length=32)),
                ("turn", fields.CharField(max_length=8)),
                ("unit", fields.CharField(max_length=64)),
                ("form_sealed", fields.BinaryField(null=True)),
                ("exclusive_key", fields.CharField(null=True, max_length=96)),
                ("round", fields.IntField(default=1)),
                ("sequence", fields.IntField(default=0)),
                ("turn_from_on", fields.DateField()),
                ("promise_days", fields.IntField()),
                ("promise_used", fields.IntField(null=True)),
                ("promise_from_on", fields.DateField(null=True)),
                ("promise_due_on", fields.DateField(null=True)),
                ("promise_broken_on", fields.DateField(null=True)),
                ("due_on", fields.DateField(null=True)),
                ("warn_on", fields.DateField(null=True)),
                ("is_warned", fields.BooleanField(default=False)),
                ("is_escalated", fields.BooleanField(default=False)),
                ("look_on", fields.DateField(null=True)),
                ("is_provisional", fields.BooleanField(default=False)),
                ("opened_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("moved_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "applications_case",
                "app": "applications",
                "indexes": [Index(fields=["citizen_id", "id"])],
                "pk_attr": "id",
                "table_description": "One matter of one citizen. The clocks are those of `domain.Clocks`.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CaseEvent",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("case_id", fields.UUIDField()),
                ("sequence", fields.IntField()),
                ("event", fields.CharField(max_length=32)),
                ("actor", fields.CharField(max_length=8)),
                ("actor_id", fields.UUIDField(null=True)),
                ("unit", fields.CharField(default="", max_length=64)),
                ("state", fields.CharField(max_length=32)),
                ("note_sealed", fields.BinaryField(null=True)),
                ("once", fields.BooleanField(default=False)),
                ("happened_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "applications_event",
                "app": "applications",
                "unique_together": (("case_id", "sequence"),),
                "pk_attr": "id",
                "table_description": "What happened to a case: a line of its timeline. Only the note is ever taken away.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Serial",
            fields=[
                (
                    "id",
                    fields.BigIntField(
                        generated=True, primary_key=True, unique=True, db_index=True
                    ),
                ),
                ("prefix", fields.CharField(max_length=32)),
                ("day_on", fields.DateField()),
                ("last_serial", fields.IntField()),
            ],
            options={
                "table": "applications_serial",
                "app": "applications",
                "unique_together": (("prefix", "day_on"),),
                "pk_attr": "id",
                "table_description": "The last case number of a prefix on a day.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="StoredDefinition",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("service_id", fields.CharField(max_length=64)),
                ("item", fields.CharField(max_length=64)),
                ("body", fields.TextField(unique=False)),
                ("first_state", fields.CharField(max_length=32)),
                ("edges", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("ends", fields.JSONField(encoder=JSON_DUMPS, decoder=loads)),
                ("created_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "applications_definition",
                "app": "applications",
                "pk_attr": "id",
                "table_description": "A definition as cases of its time run by it, named by the hash of its content.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Task",
            fields=[
                (
                    "id",
                    fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True),
                ),
                ("case_id", fields.UUIDField(db_index=True)),
                ("kind", fields.CharField(max_length=16)),
                ("state", fields.CharField(max_length=32)),
                ("round", fields.IntField()),
                ("branch", fields.CharField(default="", max_length=64)),
                ("unit", fields.CharField(max_length=64)),
                ("from_unit", fields.CharField(default="", max_length=64)),
                ("assignee_id", fields.UUIDField(null=True)),
                ("status", fields.CharField(max_length=8)),
                ("opened_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("closed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "applications_task",
                "app": "applications",
                "pk_attr": "id",
                "table_description": "A piece of work on a case that stands in a unit's queue.",
            },
            bases=["Model"],
        ),
        # the database keeps what a case may do, and what its timeline says
        ops.RunSQL(
            """
            ALTER TABLE applications_case
              ADD CONSTRAINT applications_case_turn CHECK (turn IN ('CITIZEN', 'UNIT', 'NOBODY')),
              ADD CONSTRAINT applications_case_ended CHECK ((turn = 'NOBODY') = (ended_at IS NOT NULL)),
              ADD CONSTRAINT applications_case_ended_rests
                CHECK (ended_at IS NULL OR (look_on IS NULL AND due_on IS NULL)),
              ADD CONSTRAINT applications_case_promise CHECK (promise_days > 0 AND promise_used >= 0);
            CREATE UNIQUE INDEX applications_case_exclusive ON applications_case
              (citizen_id, exclusive_key) WHERE exclusive_key IS NOT NULL AND ended_at IS NULL;
            CREATE INDEX applications_case_look ON applications_case (look_on)
              WHERE look_on IS NOT NULL;
            CREATE INDEX applications_case_provisional ON applications_case (id)
              WHERE is_provisional AND ended_at IS NULL;
            CREATE INDEX applications_case_open ON applications_case (citizen_id, service_id)
              WHERE ended_at IS NULL;
            CREATE UNIQUE INDEX applications_event_once ON applications_event (case_id, event)
              WHERE once;
            CREATE UNIQUE INDEX applications_task_open ON applications_task (case_id, kind, branch)
              WHERE status = 'OPEN';
            CREATE INDEX applications_task_queue ON applications_task (unit, id)
              WHERE status = 'OPEN';
            CREATE INDEX applications_task_assignee ON applications_task (assignee_id, id)
              WHERE status = 'OPEN';

            -- a case moves along the edges of its own definition
            CREATE FUNCTION applications_case_edges() RETURNS trigger LANGUAGE plpgsql AS $$
            DECLARE d applications_definition;
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
              SELECT * INTO STRICT d FROM applications_definition WHERE id = NEW.definition_id;
              IF TG_OP = 'INSERT' AND NEW.state <> d.first_state
                 OR TG_OP = 'UPDATE' AND NEW.state <> OLD.state
                    AND NOT d.edges ? (OLD.state || '>' || NEW.state)
                 OR (NEW.turn = 'NOBODY') <> (d.ends ? NEW.state) THEN
                RAISE EXCEPTION 'illegal state of a case: %', NEW.state
                  USING ERRCODE = 'check_violation', CONSTRAINT = 'applications_case_edges';
              END IF;
              RETURN NEW;
            END $$;
            CREATE TRIGGER applications_case_edges
              BEFORE INSERT OR UPDATE OF state, turn, definition_id, service_id, item, no
              ON applications_case FOR EACH ROW EXECUTE FUNCTION applications_case_edges();

            CREATE FUNCTION applications_keep() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              RAISE EXCEPTION '% is kept', TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation', CONSTRAINT = TG_TABLE_NAME || '_kept';
            END $$;
            CREATE TRIGGER applications_case_kept BEFORE DELETE ON applications_case
              FOR EACH ROW EXECUTE FUNCTION applications_keep();
            CREATE TRIGGER applications_event_kept
              BEFORE DELETE OR UPDATE OF id, case_id, sequence, event, actor, unit, state, once,
                                         happened_at ON applications_event
              FOR EACH ROW EXECUTE FUNCTION applications_keep();
            """,
            """
            DROP FUNCTION applications_case_edges, applications_keep CASCADE;
            """,
        ),
    ]
