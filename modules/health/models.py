"""The tables of health: bills as paying needs them, queues as long as they last; nothing of what
was treated."""

from datetime import timedelta

from tortoise import fields
from tortoise.models import Model

from core.people.data_rights import PersonalData
from core.people.personal_table import (
    DELETED,
    Cleared,
    Held,
    PersonalTable,
    Sealed,
    Stays,
    Through,
    section,
)
from modules.health import texts

REASON = "health.refund_reason"
REFUNDABLE = timedelta(days=180)
"""How long a hospital may still give back a part of what was paid."""


class HospitalBill(Model):
    """A bill as its hospital last told it; whose it is goes when the person leaves."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField(null=True, db_index=True)
    hospital_ref = fields.CharField(max_length=16)
    bill_no = fields.CharField(max_length=64)
    self_pay_fen = fields.BigIntField()
    status = fields.CharField(max_length=16)
    seen_at = fields.DatetimeField()

    class Meta:
        table = "health_bill"
        unique_together = (("hospital_ref", "bill_no"),)


BILLS = PersonalTable(
    HospitalBill,
    owner="citizen_id",
    exported=section(
        "hospital_bills", "bill_no", "self_pay_fen", "status", hospital="hospital_ref"
    ),
    erased=Cleared({"citizen_id": None}),  # a payment under way still finds its hospital
)


class TopUp(Model):
    """An amount that is to be paid into an inpatient's deposit."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField(null=True, db_index=True)
    hospital_ref = fields.CharField(max_length=16)
    account_no = fields.CharField(max_length=64)
    amount_fen = fields.BigIntField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "health_top_up"


TOP_UPS = PersonalTable(
    TopUp,
    owner="citizen_id",
    exported=section("top_ups", "account_no", "amount_fen", "created_at", hospital="hospital_ref"),
    erased=Cleared({"citizen_id": None}),
)


class HospitalPayment(Model):
    """A payment that a hospital has booked; asked for refunds until `look_at` is null."""

    intent_id = fields.UUIDField(primary_key=True)
    payer_id = fields.UUIDField(db_index=True)
    hospital_ref = fields.CharField(max_length=16)
    booked_at = fields.DatetimeField()
    looked_at = fields.DatetimeField(null=True)
    look_at = fields.DatetimeField(null=True, db_index=True)

    class Meta:
        table = "health_payment"


PAYMENTS = PersonalTable(
    HospitalPayment,
    owner="payer_id",
    exported=section("hospital_payments", payment_id="intent_id", hospital="hospital_ref"),
    erased=Held(
        "hospital payments",
        texts.HOLD_REFUNDS,
        since="booked_at",
        until=lambda booked_on: booked_on + REFUNDABLE,
    ),
)


class HospitalRefund(Model):
    """What a hospital gives back of a payment, from its decision to its books."""

    id = fields.UUIDField(primary_key=True)
    intent_id = fields.UUIDField(db_index=True)
    hospital_ref = fields.CharField(max_length=16)
    refund_no = fields.CharField(max_length=64)
    amount_fen = fields.BigIntField()
    reason_sealed = fields.BinaryField()
    decided_at = fields.DatetimeField()
    refund_id = fields.UUIDField(null=True, unique=True)
    """Our refund; null where the hospital returned the money by itself."""
    returned_at = fields.DatetimeField(null=True)
    settled_at = fields.DatetimeField(null=True)

    class Meta:
        table = "health_refund"
        unique_together = (("hospital_ref", "refund_no"),)


REFUNDS = PersonalTable(
    HospitalRefund,
    owner=Through("intent_id", PAYMENTS),
    exported=section(
        "hospital_refunds",
        "amount_fen",
        "decided_at",
        payment_id="intent_id",
        reason="reason_sealed",
    ),
    sealed=(Sealed("reason_sealed", REASON),),
    erased=Stays("as long as its payment"),
)


class QueueWatch(Model):
    """A number in a hospital's queue whose owner is told when it is next; gone after that."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField(db_index=True)
    hospital_ref = fields.CharField(max_length=16)
    ticket_no = fields.CharField(max_length=64)
    access_id = fields.UUIDField()
    """The access under which the hospital is asked again."""
    until_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "health_queue_watch"
        unique_together = (("citizen_id", "hospital_ref", "ticket_no"),)


QUEUE_WATCHES = PersonalTable(
    QueueWatch,
    owner="citizen_id",
    exported=section("watched_queues", "ticket_no", "until_at", hospital="hospital_ref"),
    erased=DELETED,
)


class HealthCardRow(Model):
    """Somebody's e-health card: its id is the pseudonym that its codes carry."""

    id = fields.UUIDField(primary_key=True)
    citizen_id = fields.UUIDField(unique=True)
    state = fields.CharField(max_length=16)
    applied_at = fields.DatetimeField()

    class Meta:
        table = "health_card"


CARDS = PersonalTable(
    HealthCardRow,
    owner="citizen_id",
    exported=section("health_card", "state", "applied_at"),
    erased=DELETED,
)


class HealthCardUse(Model):
    """A code of a card that a hospital has read: it opens nothing more. Gone after a day."""

    number = fields.CharField(max_length=64, primary_key=True)
    card_id = fields.UUIDField()
    hospital_ref = fields.CharField(max_length=16)
    used_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "health_card_use"


CARD_USES = PersonalTable(
    HealthCardUse,
    owner=Through("card_id", CARDS),
    exported=section("health_card_uses", "used_at", hospital="hospital_ref"),
    erased=Stays("a day, so that no code opens twice; of a card that is gone it names nobody"),
)

PERSONAL = PersonalData(
    "health", (BILLS, TOP_UPS, PAYMENTS, REFUNDS, QUEUE_WATCHES, CARDS, CARD_USES)
)
