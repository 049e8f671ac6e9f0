"""The tables of applications.

A case keeps the definition that it was opened under; the database lets its state change only along
that definition's edges, and a case is over exactly where the definition says so.
"""

from tortoise import fields
from tortoise.models import Model


class StoredDefinition(Model):
    """A definition as cases of its time run by it, named by the hash of its content.

    `edges` are "state>target", `ends` the states in which a case is over.
    """

    id = fields.UUIDField(primary_key=True)
    service_id = fields.CharField(max_length=64)
    item = fields.CharField(max_length=64)
    body = fields.TextField()
    first_state = fields.CharField(max_length=32)
    edges = fields.JSONField[list[str]]()
    ends = fields.JSONField[list[str]]()
    created_at = fields.DatetimeField()

    class Meta:
        table = "applications_definition"


class Case(Model):
    """One matter of one citizen. The clocks are those of `domain.Clocks`.

    `round` counts how often its branches were asked anew, `sequence` its events. `papers_asked` are
    the papers that an officer asked for in the present turn. `exclusive_key` is there while no
    other case of the citizen with the same key may be open.
    """

    id = fields.UUIDField(primary_key=True)
    no = fields.CharField(max_length=48, unique=True)
    service_id = fields.CharField(max_length=64)
    item = fields.CharField(max_length=64, default="")
    definition_id = fields.UUIDField()
    citizen_id = fields.UUIDField()
    category = fields.CharField(max_length=32, default="")
    state = fields.CharField(max_length=32)
    turn = fields.CharField(max_length=8)
    unit = fields.CharField(max_length=64)
    form_sealed = fields.BinaryField(null=True)
    exclusive_key = fields.CharField(max_length=96, null=True)
    round = fields.IntField(default=1)
    sequence = fields.IntField(default=0)
    turn_from_on = fields.DateField()
    promise_days = fields.IntField()
    promise_used = fields.IntField(null=True)
    promise_from_on = fields.DateField(null=True)
    promise_due_on = fields.DateField(null=True)
    promise_broken_on = fields.DateField(null=True)
    due_on = fields.DateField(null=True)
    warn_on = fields.DateField(null=True)
    is_warned = fields.BooleanField(default=False)
    is_escalated = fields.BooleanField(default=False)
    look_on = fields.DateField(null=True)
    is_provisional = fields.BooleanField(default=False)
    papers_asked = fields.JSONField[list[str] | None](null=True)
    opened_at = fields.DatetimeField()
    moved_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "applications_case"
        indexes = (("citizen_id", "id"),)


class CaseEvent(Model):
    """What happened to a case: a line of its timeline. Only the note is ever taken away.

    `actor_id` is the citizen or the officer, None for the system; `unit` the officer's. `once` is
    there for what happens at most once in the life of a case.
    """

    id = fields.UUIDField(primary_key=True)
    case_id = fields.UUIDField()
    sequence = fields.IntField()
    event = fields.CharField(max_length=32)
    actor = fields.CharField(max_length=8)
    actor_id = fields.UUIDField(null=True)
    unit = fields.CharField(max_length=64, default="")
    state = fields.CharField(max_length=32)
    note_sealed = fields.BinaryField(null=True)
    once = fields.BooleanField(default=False)
    happened_at = fields.DatetimeField()

    class Meta:
        table = "applications_event"
        unique_together = (("case_id", "sequence"),)


class OutsideRequest(Model):
    """That another system is being asked to act on a case, or was: written before it is asked.

    `sequence` is the place in the case's timeline at which it began to wait for that system.
    """

    id = fields.UUIDField(primary_key=True)
    case_id = fields.UUIDField()
    sequence = fields.IntField()
    asked_at = fields.DatetimeField()

    class Meta:
        table = "applications_outside_request"
        unique_together = (("case_id", "sequence"),)


class Task(Model):
    """A piece of work on a case that stands in a unit's queue.

    `branch` names the group and the unit that the definition asked, "" where the state has no
    branches; `unit` is whoever has it now, `from_unit` who handed it over.
    """

    id = fields.UUIDField(primary_key=True)
    case_id = fields.UUIDField(db_index=True)
    kind = fields.CharField(max_length=16)
    state = fields.CharField(max_length=32)
    round = fields.IntField()
    branch = fields.CharField(max_length=64, default="")
    unit = fields.CharField(max_length=64)
    from_unit = fields.CharField(max_length=64, default="")
    assignee_id = fields.UUIDField(null=True)
    status = fields.CharField(max_length=8)
    opened_at = fields.DatetimeField()
    closed_at = fields.DatetimeField(null=True)

    class Meta:
        table = "applications_task"


class CaseFile(Model):
    """A file that a citizen attached for one of the papers of a case.

    `licence_ref` names the e-licence out of which it was taken, as that stood at `licence_as_of`.
    """

    id = fields.UUIDField(primary_key=True)
    case_id = fields.UUIDField(db_index=True)
    citizen_id = fields.UUIDField(db_index=True)
    material = fields.CharField(max_length=32)
    name_sealed = fields.BinaryField()
    key_sealed = fields.BinaryField()
    media_type = fields.CharField(max_length=32)
    size_bytes = fields.IntField()
    pages = fields.IntField()
    attached_at = fields.DatetimeField()
    licence_ref = fields.CharField(max_length=64, null=True)
    licence_as_of = fields.DatetimeField(null=True)

    class Meta:
        table = "applications_file"


class CaseFileContent(Model):
    """The bytes of an attached file, under the key that stands in its row."""

    file_id = fields.UUIDField(primary_key=True)
    content = fields.BinaryField()

    class Meta:
        table = "applications_file_content"


class Rating(Model):
    """What a citizen says of a case that has ended: once. A poor one has its call-back."""

    case_id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField(db_index=True)
    grade = fields.SmallIntField()
    labels = fields.JSONField[list[str]]()
    text_sealed = fields.BinaryField(null=True)
    call_back_id = fields.UUIDField(null=True)
    rated_at = fields.DatetimeField()

    class Meta:
        table = "applications_rating"


class Serial(Model):
    """The last case number of a prefix on a day."""

    id = fields.BigIntField(primary_key=True)
    prefix = fields.CharField(max_length=32)
    day_on = fields.DateField()
    last_serial = fields.IntField()

    class Meta:
        table = "applications_serial"
        unique_together = (("prefix", "day_on"),)
