"""Service 22 in GraphQL."""

from datetime import datetime
from typing import Annotated

import strawberry

from core.context.call import Call
from core.graphql import (
    Fen,
    IdempotencyKey,
    Info,
    Refused,
    parse_id,
    service_mutation,
    service_query,
)
from core.texts import Locale
from core.upstream.readings import ReadStatus
from modules.health.billing import domain, service
from modules.health.billing.domain import MEDICAL_PAYMENT
from modules.health.policy import hospital_name
from payments.api import Payment

strawberry.enum(
    domain.BillStatus,
    name="MedicalBillStatus",
    description="OPEN: the self-pay part is to be paid. PAID: settled. CANCELLED: by the hospital.",
)
strawberry.enum(
    domain.RefundState,
    name="MedicalRefundState",
    description=(
        "RETURNING: the hospital has decided, the money is on its way. RETURNED: it is back with "
        "the payer. SETTLED: the hospital has it in its books too."
    ),
)


@strawberry.type(description="One line of a hospital bill.")
class MedicalBillItem:
    """A line."""

    name: str = strawberry.field(description="What it is for.")
    amount: Fen = strawberry.field(description="What it costs.")


@strawberry.type(description="The bill of a visit, split between insurance and patient.")
class MedicalBill:
    """A bill as its hospital tells it."""

    id: strawberry.ID = strawberry.field(description="The bill's id, for payMedicalBill.")
    bill_no: str = strawberry.field(description="The hospital's number.")
    department: str = strawberry.field(description="Where the visit was.")
    items: list[MedicalBillItem] = strawberry.field(description="What it consists of.")
    total: Fen = strawberry.field(description="All of it: the sum of the three parts.")
    insurance_fund: Fen = strawberry.field(description="What the pooled insurance fund pays.")
    insurance_account: Fen = strawberry.field(
        description="What comes out of the personal insurance account."
    )
    self_pay: Fen = strawberry.field(description="What is left for the patient: this is paid here.")
    issued_at: datetime = strawberry.field(description="When the bill was made.")
    status: domain.BillStatus = strawberry.field(description="Open, paid or cancelled.")


@strawberry.type(description="The deposit account of an inpatient.")
class InpatientAccount:
    """A deposit."""

    account_no: str = strawberry.field(description="Its number, for topUpHospitalAccount.")
    patient: str = strawberry.field(description="Whose it is, masked by the hospital.")
    ward: str = strawberry.field(description="The ward.")
    deposited: Fen = strawberry.field(description="What has been paid in.")
    charged: Fen = strawberry.field(description="What treatment has cost so far.")
    balance: Fen = strawberry.field(description="What is left; below zero is owed.")


@strawberry.type(description="What one hospital's books hold, and how fresh that is.")
class HospitalBooks:
    """One hospital."""

    hospital_id: strawberry.ID = strawberry.field(description="The hospital's code.")
    hospital: str = strawberry.field(description="Its name.")
    status: ReadStatus = strawberry.field(description="Where its answer comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    bills: list[MedicalBill] = strawberry.field(description="The bills, newest first.")
    inpatient_accounts: list[InpatientAccount] = strawberry.field(
        description="The deposits; empty for who does not lie there."
    )


@strawberry.type(description="Bills and deposits at all connected hospitals.")
class MedicalBills:
    """What medicalBills answers."""

    status: ReadStatus = strawberry.field(description="UNAVAILABLE only when all are silent.")
    as_of: datetime | None = strawberry.field(description="When it was asked for.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    hospitals: list[HospitalBooks] = strawberry.field(description="Each hospital by itself.")


@strawberry.type(description="A step of money coming back from a hospital.")
class MedicalRefund:
    """A refund."""

    refund_no: str = strawberry.field(description="The hospital's number for it.")
    amount: Fen = strawberry.field(description="How much.")
    reason: str = strawberry.field(description="Why, in the hospital's words.")
    state: domain.RefundState = strawberry.field(description="How far it has come.")
    decided_at: datetime = strawberry.field(description="When the hospital decided.")
    returned_at: datetime | None = strawberry.field(description="When the money was back.")
    settled_at: datetime | None = strawberry.field(
        description="When the hospital had it in its books."
    )


@strawberry.type(description="A payment to a hospital with the trail of its refunds.")
class MedicalPayment:
    """What medicalPayment answers."""

    payment: Payment = strawberry.field(description="The payment and its state.")
    hospital: str | None = strawberry.field(description="The hospital, once it has booked it.")
    status: ReadStatus = strawberry.field(
        description="LIVE, or STALE where the hospital could not be asked for refunds now."
    )
    as_of: datetime | None = strawberry.field(description="When it was last asked.")
    refunds: list[MedicalRefund] = strawberry.field(description="In the order of decision.")


@strawberry.type(description="The payment has begun.")
class MedicalPaymentStarted:
    """What payMedicalBill and topUpHospitalAccount answer."""

    payment: Payment = strawberry.field(
        description="The payment; without a cashier yet where the PSP is slow: follow it."
    )


PayMedicalBillResult = Annotated[
    MedicalPaymentStarted | Refused, strawberry.union("PayMedicalBillResult")
]
TopUpHospitalAccountResult = Annotated[
    MedicalPaymentStarted | Refused, strawberry.union("TopUpHospitalAccountResult")
]


@strawberry.type
class Query:
    """The query fields of service 22."""

    @service_query(
        MEDICAL_PAYMENT,
        description="Hospital bills and deposits; needs the consent `health.medical-payment`.",
        for_others=True,
    )
    async def medical_bills(self, info: Info) -> MedicalBills:
        """Of the viewer, or of whom they act for."""
        reading = await service.read_bills(info.context)
        return MedicalBills(
            status=reading.status,
            as_of=reading.as_of,
            reason=reading.reason,
            hospitals=[_hospital(info.context, found) for found in reading.value or ()],
        )

    @service_query(MEDICAL_PAYMENT, description="One of the viewer's payments to a hospital.")
    async def medical_payment(
        self,
        info: Info,
        payment_id: Annotated[strawberry.ID, strawberry.argument(description="The payment's id.")],
    ) -> MedicalPayment:
        """Asks the hospital for refunds at most twice a minute."""
        trail = await service.get_trail(info.context, parse_id(payment_id))
        return _trail(info.context, trail)


@strawberry.type
class Mutation:
    """The mutation fields of service 22."""

    @service_mutation(
        MEDICAL_PAYMENT,
        description="Pay the self-pay part of a bill; the viewer pays, whosever bill it is.",
        for_others=True,
    )
    async def pay_medical_bill(
        self,
        info: Info,
        bill_id: Annotated[strawberry.ID, strawberry.argument(description="The bill's id.")],
        idempotency_key: IdempotencyKey,
    ) -> PayMedicalBillResult:
        """Opens the cashier; how it goes on is told by `medicalPayment` and `paymentChanged`."""
        payment = await service.pay_bill(info.context, parse_id(bill_id), idempotency_key)
        return MedicalPaymentStarted(payment=payment)

    @service_mutation(
        MEDICAL_PAYMENT,
        description="Pay into an inpatient's deposit; the viewer pays, whosever deposit it is.",
        for_others=True,
    )
    async def top_up_hospital_account(
        self,
        info: Info,
        hospital_id: Annotated[
            strawberry.ID, strawberry.argument(description="The hospital's code.")
        ],
        account_no: Annotated[str, strawberry.argument(description="The deposit's number.")],
        amount: Annotated[
            Fen, strawberry.argument(description="How much, 1 to 50,000 yuan in fen.")
        ],
        idempotency_key: IdempotencyKey,
    ) -> TopUpHospitalAccountResult:
        """Opens the cashier."""
        payment = await service.top_up(
            info.context, hospital_id, account_no, amount, idempotency_key
        )
        return MedicalPaymentStarted(payment=payment)


def _hospital(call: Call, found: service.AtHospital) -> HospitalBooks:
    books = found.reading.value
    return HospitalBooks(
        hospital_id=strawberry.ID(found.hospital_ref),
        hospital=hospital_name(call.app, found.hospital_ref).say(call.locale),
        status=found.reading.status,
        as_of=found.reading.as_of,
        reason=found.reading.reason,
        bills=[
            _bill(call.locale, strawberry.ID(str(books.ids[bill.bill_no])), bill)
            for bill in books.bills
        ]
        if books
        else [],
        inpatient_accounts=[
            _account(call.locale, account) for account in (books.inpatient if books else ())
        ],
    )


def _bill(locale: Locale, bill_id: strawberry.ID, bill: domain.HospitalBill) -> MedicalBill:
    zh = locale is Locale.ZH
    return MedicalBill(
        id=bill_id,
        bill_no=bill.bill_no,
        department=bill.department_zh if zh else bill.department_en,
        items=[
            MedicalBillItem(name=item.name_zh if zh else item.name_en, amount=Fen(item.amount_fen))
            for item in bill.items
        ],
        total=Fen(bill.total_fen),
        insurance_fund=Fen(bill.insurance_fund_fen),
        insurance_account=Fen(bill.insurance_account_fen),
        self_pay=Fen(bill.self_pay_fen),
        issued_at=bill.issued_at,
        status=bill.status,
    )


def _account(locale: Locale, account: domain.InpatientAccount) -> InpatientAccount:
    return InpatientAccount(
        account_no=account.account_no,
        patient=account.patient_masked,
        ward=account.ward_zh if locale is Locale.ZH else account.ward_en,
        deposited=Fen(account.deposited_fen),
        charged=Fen(account.charged_fen),
        balance=Fen(account.balance_fen),
    )


def _trail(call: Call, trail: service.Trail) -> MedicalPayment:
    booked = trail.booked
    return MedicalPayment(
        payment=trail.payment,
        hospital=hospital_name(call.app, booked.hospital_ref).say(call.locale) if booked else None,
        status=ReadStatus.LIVE if trail.is_live else ReadStatus.STALE,
        as_of=booked.looked_at if booked else None,
        refunds=[
            MedicalRefund(
                refund_no=row.refund_no,
                amount=Fen(row.amount_fen),
                reason=reason,
                state=domain.state_of(row.returned_at, row.settled_at),
                decided_at=row.decided_at,
                returned_at=row.returned_at,
                settled_at=row.settled_at,
            )
            for row, reason in trail.refunds
        ],
    )
