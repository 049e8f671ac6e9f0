"""The tables of appointments.

A booking takes its seat and gives it back by its state alone: a trigger keeps `Slot.used` and
drops the limits of a booking that ended, and CHECK (used BETWEEN 0 AND capacity) refuses the rest.
"""

from tortoise import fields
from tortoise.models import Model


class Resource(Model):
    """What has slots: a doctor's schedule, a window of a hall, a court of a sports centre.

    `ref` names it within its service ("h1/sch003"); `unit_*` is the part of the place that it
    belongs to (a department), `notes_*` says how to prepare, `limit_group` what per-day limits are
    counted over.
    """

    id = fields.UUIDField(primary_key=True)
    service_id = fields.CharField(max_length=64)
    ref = fields.CharField(max_length=128)
    place_zh = fields.CharField(max_length=128)
    place_en = fields.CharField(max_length=128)
    unit_zh = fields.CharField(max_length=128, default="")
    unit_en = fields.CharField(max_length=128, default="")
    name_zh = fields.CharField(max_length=128)
    name_en = fields.CharField(max_length=128)
    notes_zh = fields.CharField(max_length=512, default="")
    notes_en = fields.CharField(max_length=512, default="")
    address = fields.CharField(max_length=256, default="")
    limit_group = fields.CharField(max_length=128)

    class Meta:
        table = "appointments_resource"
        unique_together = (("service_id", "ref"),)


class Slot(Model):
    """A time with `capacity` seats. `ref` is the outside system's own slot, where it has one."""

    id = fields.UUIDField(primary_key=True)
    resource_id = fields.UUIDField()
    service_id = fields.CharField(max_length=64)
    ref = fields.CharField(max_length=128)
    starts_at = fields.DatetimeField()
    ends_at = fields.DatetimeField()
    capacity = fields.IntField()
    used = fields.IntField(default=0)
    # the plan has fewer than are booked: what is given back goes to nobody until there are so many
    planned = fields.IntField(null=True)
    # null: an outside system does not tell it
    fee_fen = fields.BigIntField(null=True)
    releases_at = fields.DatetimeField(null=True)
    cancelled_at = fields.DatetimeField(null=True)

    class Meta:
        table = "appointments_slot"
        unique_together = (("resource_id", "ref"),)
        indexes = (("service_id", "starts_at"),)


class Booking(Model):
    """One person's (or party's) claim on one slot.

    A moved booking is a new row of the same `series_id` with the next `sequence`: it `replaces`
    the old row, which says so in `replaced_by`. `person_key` is a blind index of who comes;
    `booked_for` is there where that is not who booked. A `prepaid` one is confirmed once
    `payment_id` has paid for it.
    `version` rises with every change of state (a trigger counts), over the whole series.
    `wait_id` is the place in a waiting list to which the seat was offered.
    `access_id` is there where an outside system has a part in it; `upstream_ref` and
    `upstream_version` are that system's record.
    """

    id = fields.UUIDField(primary_key=True)
    series_id = fields.UUIDField()
    sequence = fields.IntField(default=0)
    version = fields.IntField(default=0)
    service_id = fields.CharField(max_length=64)
    slot_id = fields.UUIDField(db_index=True)
    booked_by = fields.UUIDField()
    booked_for = fields.UUIDField(null=True, db_index=True)
    person_key = fields.BinaryField(null=True)
    item_id = fields.CharField(max_length=64, default="")
    subject_sealed = fields.BinaryField(null=True)
    replaces = fields.UUIDField(null=True)
    wait_id = fields.UUIDField(null=True)
    seats = fields.SmallIntField(default=1)
    state = fields.CharField(max_length=16)
    # null: an outside system does not tell it
    fee_fen = fields.BigIntField(null=True)
    prepaid = fields.BooleanField(default=False)
    payment_id = fields.UUIDField(null=True)
    access_id = fields.UUIDField(null=True)
    upstream_ref = fields.CharField(max_length=128, null=True)
    upstream_version = fields.CharField(max_length=64, null=True)
    refusal_code = fields.CharField(max_length=64, null=True)
    replaced_by = fields.UUIDField(null=True)
    created_at = fields.DatetimeField()
    hold_expires_at = fields.DatetimeField(null=True)
    confirmed_at = fields.DatetimeField(null=True)
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "appointments_booking"
        indexes = (("booked_by", "id"),)


class LimitUse(Model):
    """One use of a person's limit: the unique key makes the database count.

    `person_key` is a blind index of who it is; `limit_key` what is limited ("slot:<id>");
    `ordinal` runs from 1 to how many are allowed.
    """

    id = fields.BigIntField(primary_key=True)
    person_key = fields.BinaryField()
    limit_key = fields.CharField(max_length=192)
    ordinal = fields.SmallIntField()
    booking_id = fields.UUIDField(db_index=True)

    class Meta:
        table = "appointments_limit_use"
        unique_together = (("person_key", "limit_key", "ordinal"),)


class Companion(Model):
    """Another person who comes along and is named in the booking."""

    id = fields.UUIDField(primary_key=True)
    booking_id = fields.UUIDField(db_index=True)
    name_sealed = fields.BinaryField()
    resident_sealed = fields.BinaryField()

    class Meta:
        table = "appointments_companion"


class Wait(Model):
    """A place in the waiting list of a resource on a day; the earliest is promoted first.

    Once a seat was offered `booking_id` is its hold, kept until `offered_until`.
    """

    id = fields.UUIDField(primary_key=True)
    service_id = fields.CharField(max_length=64)
    resource_id = fields.UUIDField()
    day_on = fields.DateField()
    person_id = fields.UUIDField()
    booked_for = fields.UUIDField(null=True, db_index=True)
    person_key = fields.BinaryField()
    item_id = fields.CharField(max_length=64)
    subject_sealed = fields.BinaryField(null=True)
    subject_key = fields.BinaryField(null=True)
    state = fields.CharField(max_length=16)
    booking_id = fields.UUIDField(null=True)
    offered_until = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)

    class Meta:
        table = "appointments_wait"
        indexes = (("person_id", "id"),)


class Release(Model):
    """One release of slots with a queue before it, and the lot that ordered the queue.

    `admitted` is the last position that was admitted. `seed_hash` is published when the queue
    opens, `seed` after the draw: anybody can check that the order was not made up afterwards.
    """

    id = fields.UUIDField(primary_key=True)
    resource_id = fields.UUIDField()
    releases_at = fields.DatetimeField()
    draw = fields.BooleanField()
    seed = fields.BinaryField()
    seed_hash = fields.BinaryField()
    drawn_at = fields.DatetimeField(null=True)
    admitted = fields.IntField(default=0)

    class Meta:
        table = "appointments_release"
        unique_together = (("resource_id", "releases_at"),)


class Ticket(Model):
    """One person's place in the queue of a release: one each, however often they tap."""

    id = fields.UUIDField(primary_key=True)
    release_id = fields.UUIDField()
    person_id = fields.UUIDField()
    person_key = fields.BinaryField()
    joined_at = fields.DatetimeField()
    position = fields.IntField(null=True)
    admitted_until = fields.DatetimeField(null=True)

    class Meta:
        table = "appointments_ticket"
        unique_together = (("release_id", "person_key"),)
        indexes = (("release_id", "position"),)
