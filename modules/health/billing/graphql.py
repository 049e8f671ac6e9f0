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
    mutation,
    of_service,
    parse_id,
    query,
    view,
)
from core.texts import Locale
from core.upstream.readings import ReadStatus
from modules.health.billing import domain, service
from modules.health.billing.domain import MEDICAL_PAYMENT
from modules.health.policy import hospital_name
from payments.api import Channel, Method, Payment, wish_of

view(domain.BillStatus, name="MedicalBillStatus")
view(domain.RefundState, name="MedicalRefundState")


view(domain.BillItem, name="MedicalBillItem", hidden=("name_zh", "name_en"))
view(
    domain.InpatientAccount,
    names={"patient_masked": "patient"},
    hidden=("ward_zh", "ward_en"),
)


@strawberry.type(description="The bill of a visit, split between insurance and patient.")
class MedicalBill:
    id: strawberry.ID = strawberry.field(description="The bill's id, for payMedicalBill.")
    bill_no: str = strawberry.field(description="The hospital's number.")
    department: str = strawberry.field(description="Where the visit was.")
    items: list[domain.BillItem] = strawberry.field(description="What it consists of.")
    total: Fen = strawberry.field(description="All of it: the sum of the three parts.")
    insurance_fund: Fen = strawberry.field(description="What the pooled insurance fund pays.")
    insurance_account: Fen = strawberry.field(
        description="What comes out of the personal insurance account."
    )
    self_pay: Fen = strawberry.field(description="What is left for the patient: this is paid here.")
    issued_at: datetime = strawberry.field(description="When the bill was made.")
    status: domain.BillStatus = strawberry.field(description="Open, paid or cancelled.")


@strawberry.type(description="What one hospital's books hold, and how fresh that is.")
class HospitalBooks:
    hospital_id: strawberry.ID = strawberry.field(description="The hospital's code.")
    hospital: str = strawberry.field(description="Its name.")
    status: ReadStatus = strawberry.field(description="Where its answer comes from.")
    as_of: datetime | None = strawberry.field(description="When it was true.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    bills: list[MedicalBill] = strawberry.field(description="The bills, newest first.")
    inpatient_accounts: list[domain.InpatientAccount] = strawberry.field(
        description="The deposits; empty for who does not lie there."
    )


@strawberry.type(description="Bills and deposits at all connected hospitals.")
class MedicalBills:
    status: ReadStatus = strawberry.field(description="UNAVAILABLE only when all are silent.")
    as_of: datetime | None = strawberry.field(description="When it was asked for.")
    reason: str | None = strawberry.field(description="Why it is not LIVE, a stable code.")
    items: list[HospitalBooks] = strawberry.field(description="Each hospital by itself.")


@strawberry.type(description="A step of money coming back from a hospital.")
class MedicalRefund:
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
    payment: Payment = strawberry.field(description="The payment and its state.")
    hospital: str | None = strawberry.field(description="The hospital, once it has booked it.")
    status: ReadStatus = strawberry.field(
        description="LIVE, or STALE where the hospital could not be asked for refunds now."
    )
    as_of: datetime | None = strawberry.field(description="When it was last asked.")
    refunds: list[MedicalRefund] = strawberry.field(description="In the order of decision.")


@strawberry.type(description="The payment has begun.")
class MedicalPaymentStarted:
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

    @query(
        of_service(MEDICAL_PAYMENT, for_others=True),
        description="Hospital bills and deposits; needs the consent `health.medical-payment`.",
    )
    async def medical_bills(self, info: Info) -> MedicalBills:
        """Of the viewer, or of whom they act for."""
        reading = await service.read_bills(info.context)
        return MedicalBills(
            **reading.freshness,
            items=[_hospital(info.context, found) for found in reading.items],
        )

    @query(of_service(MEDICAL_PAYMENT), description="One of the viewer's payments to a hospital.")
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

    @mutation(
        of_service(MEDICAL_PAYMENT, for_others=True),
        description="Pay the self-pay part of a bill; the viewer pays, whosever bill it is.",
    )
    async def pay_medical_bill(
        self,
        info: Info,
        bill_id: Annotated[strawberry.ID, strawberry.argument(description="The bill's id.")],
        idempotency_key: IdempotencyKey,
        method: Method = None,
        channel: Channel = None,
    ) -> PayMedicalBillResult:
        """Opens the cashier; how it goes on is told by `medicalPayment` and `paymentChanged`."""
        wish = wish_of(method, channel)
        payment = await service.pay_bill(info.context, parse_id(bill_id), idempotency_key, wish)
        return MedicalPaymentStarted(payment=payment)

    @mutation(
        of_service(MEDICAL_PAYMENT, for_others=True),
        description="Pay into an inpatient's deposit; the viewer pays, whosever deposit it is.",
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
        method: Method = None,
        channel: Channel = None,
    ) -> TopUpHospitalAccountResult:
        """Opens the cashier."""
        call, wish = info.context, wish_of(method, channel)
        payment = await service.top_up(call, hospital_id, account_no, amount, idempotency_key, wish)
        return MedicalPaymentStarted(payment=payment)


def _hospital(call: Call, found: service.AtHospital) -> HospitalBooks:
    books = found.reading.value
    return HospitalBooks(
        hospital_id=strawberry.ID(found.hospital_ref),
        hospital=hospital_name(call.app, found.hospital_ref).say(call.locale),
        **found.reading.freshness,
        bills=[
            _bill(call.locale, strawberry.ID(str(books.ids[bill.bill_no])), bill)
            for bill in books.bills
        ]
        if books
        else [],
        inpatient_accounts=list(books.inpatient) if books else [],
    )


def _bill(locale: Locale, bill_id: strawberry.ID, bill: domain.HospitalBill) -> MedicalBill:
    zh = locale is Locale.ZH
    return MedicalBill(
        id=bill_id,
        bill_no=bill.bill_no,
        department=bill.department_zh if zh else bill.department_en,
        items=list(bill.items),
        total=Fen(bill.total_fen),
        insurance_fund=Fen(bill.insurance_fund_fen),
        insurance_account=Fen(bill.insurance_account_fen),
        self_pay=Fen(bill.self_pay_fen),
        issued_at=bill.issued_at,
        status=bill.status,
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
