"""The tables of mobility."""

from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import DELETED, Deleted, PersonalTable, Sealed, section

PLATE = "mobility.plate"


class Plate(Model):
    """A number plate that a citizen has linked; `verified_at` says that the car is theirs."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField()
    plate_sealed = fields.BinaryField()
    plate_index = fields.BinaryField()
    linked_at = fields.DatetimeField()
    verified_at = fields.DatetimeField(null=True)

    class Meta:
        table = "mobility_plate"
        unique_together = (("citizen_id", "plate_index"),)


PLATES = PersonalTable(
    Plate,
    owner="citizen_id",
    exported=section("plates", "linked_at", "verified_at", plate="plate_sealed"),
    sealed=(Sealed("plate_sealed", PLATE),),
    erased=DELETED,
)


class ParkingCharge(Model):
    """What a stay owes beyond what was paid before; it grows until it is paid.

    A stay that goes on after a payment owes a new charge, so each is paid once.
    """

    id = fields.UUIDField(primary_key=True)
    session_ref = fields.CharField(max_length=64)
    paid_before_fen = fields.BigIntField()
    plate_index = fields.BinaryField()
    entered_at = fields.DatetimeField()
    amount_fen = fields.BigIntField()
    quote_holds_until = fields.DatetimeField()
    seen_at = fields.DatetimeField()
    intent_id = fields.UUIDField(null=True)
    """The last payment that was begun for it."""
    exit_by = fields.DatetimeField(null=True)

    class Meta:
        table = "mobility_parking_charge"
        unique_together = (("session_ref", "paid_before_fen"),)


class Fine(Model):
    """A violation of a citizen's car, and the order to pay its fine once it is accepted.

    Whose it is follows what the traffic police say last.
    """

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField(db_index=True)
    violation_no = fields.CharField(max_length=64, unique=True)
    order_no = fields.CharField(max_length=64, null=True)
    offence_zh = fields.CharField(max_length=64)
    offence_en = fields.CharField(max_length=64)
    total_fen = fields.BigIntField(null=True)
    status = fields.CharField(max_length=16)
    seen_at = fields.DatetimeField()
    intent_id = fields.UUIDField(null=True)
    """The last payment that was begun for it."""
    receipt_no = fields.CharField(max_length=64, null=True)
    """The electronic non-tax receipt's number."""

    class Meta:
        table = "mobility_fine"


FINES = PersonalTable(
    Fine,
    owner="citizen_id",
    exported=section(
        "fines",
        *("violation_no", "order_no", "total_fen", "status", "receipt_no"),
        offence="offence_zh",
    ),
    erased=Deleted(unless="intent_id"),  # what was paid stays with its payment's voucher
)


class Trip(Model):
    """A trip that was unpaid when its rider looked; no other trip is kept here."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField(db_index=True)
    trip_no = fields.CharField(max_length=64, unique=True)
    mode = fields.CharField(max_length=8)
    entered_at = fields.DatetimeField()
    fare_fen = fields.BigIntField()
    status = fields.CharField(max_length=8)
    seen_at = fields.DatetimeField()
    intent_id = fields.UUIDField(null=True)
    """The last payment that was begun for it."""

    class Meta:
        table = "mobility_trip"


TRIPS = PersonalTable(
    Trip,
    owner="citizen_id",
    exported=section("trips", "trip_no", "entered_at", "fare_fen", "status"),
    erased=Deleted(unless="intent_id"),  # what was paid stays with its payment's voucher
)

PERSONAL = PersonalData("mobility", (PLATES, FINES, TRIPS))
