"""Service 22: look at hospital bills and deposits, pay the self-pay part, top a deposit up."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import cast
from uuid import UUID

from core.clock import ensure_utc
from core.context.app import App
from core.context.call import Call
from core.context.commands import claim_key, recall_key
from core.database import transaction
from core.deadline import Deadline
from core.errors import InvalidInput, NotFound, Unavailable
from core.money import format_yuan
from core.people.consents import kept_under
from core.people.personal_read import Access, Purpose, open_access, personal_read
from core.refusal_texts import NOT_FOUND, UPSTREAM_UNAVAILABLE
from core.upstream.client import UpstreamError
from core.upstream.readings import Reading, ReadStatus
from kinds.payment import open_cashier
from modules.health import texts
from modules.health.billing import domain, refunds, store, upstream
from modules.health.billing.domain import (
    MEDICAL_PAYMENT,
    TOP_UP_MAX_FEN,
    TOP_UP_MIN_FEN,
    HospitalBill,
    InpatientAccount,
)
from modules.health.hospitals.everywhere import ask_each
from modules.health.models import HospitalPayment, HospitalRefund
from modules.health.policy import hospitals_of
from payments import api as payments
from payments.api import ANYHOW, Wish

PURPOSE = Purpose(
    id="health.medical-payment",
    upstream=upstream.BILLING.name,
    fields=("bills", "insurance_split", "inpatient_account"),
    text=texts.MEDICAL_CONSENT,
    text_version="2026-12",
)
_MAX_STALE = timedelta(days=1)
_ASKING_SHARE = 0.7
"""Of a request's time: what a hospital does not answer by then is told as unavailable."""
_LOOK_AGAIN = timedelta(seconds=30)


Reply = tuple[Sequence[HospitalBill], Sequence[InpatientAccount]]
"""A hospital's answer: bills and deposits."""


@dataclass(frozen=True, slots=True)
class Books:
    """What a hospital's books hold of a person; `ids` are ours, by bill number."""

    bills: Sequence[HospitalBill]
    ids: Mapping[str, UUID]
    inpatient: Sequence[InpatientAccount]


@dataclass(frozen=True, slots=True)
class AtHospital:
    """One hospital's answer."""

    hospital_ref: str
    reading: Reading[Books]


@dataclass(frozen=True, slots=True)
class Trail:
    """A payment, the hospital that booked it, and what came back."""

    payment: payments.Payment
    booked: HospitalPayment | None
    refunds: Sequence[tuple[HospitalRefund, str]]
    """Each with its reason."""
    is_live: bool


async def read_bills(call: Call) -> Reading[Sequence[AtHospital]]:
    """The subject's bills and deposits at every connected hospital, asked at the same time.

    A hospital that does not answer is shown as it was last, and says so. Raises LoginRequired
    below level 2 and Forbidden without consent.
    """

    async def fetch(access: Access) -> Sequence[AtHospital]:
        asked_at = ensure_utc(call.app.clock.now())
        answers = await ask_each(call.app, call.deadline, partial(_ask, call.app, access))
        replies = {
            ref: found for ref, found in answers.items() if not isinstance(found, UpstreamError)
        }
        ids = await _note(access, replies, asked_at)
        live = {
            ref: Books(bills, ids[ref], inpatient) for ref, (bills, inpatient) in replies.items()
        }
        return [
            AtHospital(
                ref,
                _last(call, access, ref, found)
                if isinstance(found, UpstreamError)
                else Reading(ReadStatus.LIVE, live[ref], asked_at, None),
            )
            for ref, found in answers.items()
        ]

    return await personal_read(
        call, service=MEDICAL_PAYMENT, purpose=PURPOSE, fetch=fetch, max_stale=_MAX_STALE
    )


async def _ask(app: App, access: Access, until: Deadline, hospital_ref: str) -> Reply:
    return await asyncio.gather(
        upstream.list_bills(app, until, access, hospital_ref),
        upstream.list_inpatient(app, until, access, hospital_ref),
    )


async def _note(
    access: Access, replies: Mapping[str, Reply], asked_at: datetime
) -> Mapping[str, Mapping[str, UUID]]:
    """Keep what hospitals told; returns our ids by hospital and bill number."""
    async with transaction() as tx:
        return {
            ref: await store.note_bills(tx, access.person.id, ref, bills, asked_at)
            for ref, (bills, _) in replies.items()
        }


def _last(call: Call, access: Access, hospital_ref: str, error: UpstreamError) -> Reading[Books]:
    """What a silent hospital said last, at most a day ago."""
    kept = call.app.last_good.find(kept_under(access.person.id, PURPOSE.id))
    for last in cast(Sequence[AtHospital], kept[0]) if kept else ():
        as_of = last.reading.as_of
        is_young = as_of is not None and as_of >= call.app.clock.now() - _MAX_STALE
        if last.hospital_ref == hospital_ref and is_young:
            return Reading(ReadStatus.STALE, last.reading.value, as_of, error.reason)
    return Reading(ReadStatus.UNAVAILABLE, None, None, error.reason)


async def pay_bill(call: Call, bill_id: UUID, key: str, wish: Wish = ANYHOW) -> payments.Payment:
    """Begin to pay the self-pay part of one of the subject's bills and open the cashier.

    The same key gives the same payment. Raises NotFound, Forbidden without consent, Conflict
    (paid, cancelled, nothing due, PAYMENT_OPEN, KEY_REUSED), Unavailable when the hospital cannot
    tell what is due.
    """
    bill = await store.find_bill(bill_id)
    if bill is None or bill.citizen_id != call.subject_id:
        raise NotFound(NOT_FOUND)
    await _refresh(call, bill.hospital_ref)
    async with transaction() as tx:
        intent_id = await payments.create_intent(
            call, tx, kind=domain.BILL_KIND, subject_ref=str(bill_id), key=key, wish=wish
        )
    return await open_cashier(call, intent_id)


async def _refresh(call: Call, hospital_ref: str) -> None:
    """Ask the hospital what is due now; without an answer the quote decides by what is known."""
    access = await open_access(call, service=MEDICAL_PAYMENT, purpose=PURPOSE)
    deadline, asked_at = call.deadline.share(fraction=0.5), ensure_utc(call.app.clock.now())
    try:
        bills = await upstream.list_bills(call.app, deadline, access, hospital_ref)
    except UpstreamError:
        return
    await _note(access, {hospital_ref: (bills, ())}, asked_at)


async def top_up(
    call: Call, hospital_ref: str, account_no: str, amount_fen: int, key: str, wish: Wish = ANYHOW
) -> payments.Payment:
    """Begin to pay into the subject's deposit at a hospital and open the cashier.

    The same key gives the same payment. Raises InvalidInput, NotFound for an account that is not
    the subject's, Forbidden without consent, Conflict, Unavailable when the hospital is silent.
    """
    if hospital_ref not in hospitals_of(call.app):
        raise NotFound(NOT_FOUND)
    if not TOP_UP_MIN_FEN <= amount_fen <= TOP_UP_MAX_FEN:
        raise InvalidInput(
            texts.TOP_UP_RANGE,
            "amount",
            least=format_yuan(TOP_UP_MIN_FEN),
            most=format_yuan(TOP_UP_MAX_FEN),
        )
    command = {"hospital": hospital_ref, "account_no": account_no, "amount_fen": amount_fen}
    if await recall_key(call, "topUpHospitalAccount", key, command) is None:
        await _require_account(call, hospital_ref, account_no)
    async with transaction() as tx:
        claim = await claim_key(call, tx, "topUpHospitalAccount", key, command)
        if not claim.replayed:
            now = call.app.clock.now()
            await store.insert_top_up(
                tx, claim.effect_id, call.subject_id, hospital_ref, account_no, amount_fen, now
            )
        intent_id = await payments.create_intent(
            call, tx, kind=domain.TOP_UP_KIND, subject_ref=str(claim.effect_id), key=key, wish=wish
        )
    return await open_cashier(call, intent_id)


async def _require_account(call: Call, hospital_ref: str, account_no: str) -> None:
    """Raise NotFound unless the subject lies in the hospital under this account."""
    access = await open_access(call, service=MEDICAL_PAYMENT, purpose=PURPOSE)
    try:
        accounts = await upstream.list_inpatient(
            call.app, call.deadline.share(fraction=0.5), access, hospital_ref
        )
    except UpstreamError:
        raise Unavailable(UPSTREAM_UNAVAILABLE, upstream=texts.HOSPITALS) from None
    if account_no not in {account.account_no for account in accounts}:
        raise NotFound(NOT_FOUND)


async def get_trail(call: Call, intent_id: UUID) -> Trail:
    """One of the viewer's hospital payments with its refunds, asked for now.

    A hospital that does not answer leaves what it said last. Raises NotFound for any other payment.
    """
    intent = await payments.get_payment(call, intent_id)
    if intent.kind not in (domain.BILL_KIND, domain.TOP_UP_KIND):
        raise NotFound(NOT_FOUND)
    is_live = await _look(call, await store.find_payment(intent_id))
    intent = await payments.get_payment(call, intent_id)
    found = await store.list_refunds(intent_id)
    return Trail(
        payments.to_payment(intent, call.locale),
        await store.find_payment(intent_id),
        [(row, refunds.reason_of(call.app, row)) for row in found],
        is_live,
    )


async def _look(call: Call, booked: HospitalPayment | None) -> bool:
    """Ask the hospital for refunds unless it was just asked; False where it did not answer."""
    if booked is None:
        return True
    now = call.app.clock.now()
    if booked.looked_at is not None and now - booked.looked_at < _LOOK_AGAIN:
        return True
    try:
        deadline = call.deadline.share(fraction=_ASKING_SHARE)
        await refunds.look(call.app, booked.intent_id, deadline)
    except UpstreamError:
        return False
    return True
