"""Hospital bills: the split, who may see and pay them, and money that always arrives or returns."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from bff.trusted.documents import documents_of
from core.assurance import Assurance
from core.database import connection, fetch_all, transaction
from core.errors import Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from core.ids import new_id
from core.people.consents import withdraw_consent
from core.people.data_rights import erase_person, export_person, find_holds
from core.people.directory import get_person
from core.people.personal_read import grant_consent
from core.security.authentication import Viewer
from core.security.mandate import Mandate, MandateKind
from core.upstream.readings import ReadStatus
from modules.health.billing import jobs, refunds, service
from modules.health.billing.domain import BillStatus, RefundState, next_look, state_of
from modules.health.models import HospitalBill, HospitalPayment, HospitalRefund, TopUp
from notifications.messages.models import Message
from payments.models import Intent, Refund
from tests.asgi import Client
from tests.modules.health.conftest import Ward


async def _traces() -> int:
    return len(await fetch_all(connection(), "SELECT id FROM core_access_log"))


async def _balance(code: str) -> int:
    rows = await fetch_all(
        connection(),
        """SELECT coalesce(sum(b.credit_fen - b.debit_fen), 0)::bigint AS fen
             FROM payments_balance b JOIN payments_account a ON a.id = b.account_id
            WHERE a.code = $1""",
        code,
    )
    return int(rows[0]["fen"])


async def test_every_hospital_shows_the_split_and_one_trace_is_left(ward: Ward) -> None:
    call, me = await ward.patient()
    bill_no = ward.hospitals.issue("h2", me, 2500)
    ward.hospitals.issue("h2", "11010519491231002X")
    account_no = ward.hospitals.admit("h1", me)
    reading = await service.read_bills(call)
    assert reading.status is ReadStatus.LIVE
    at = {found.hospital_ref: found.reading.value for found in reading.value or ()}
    assert list(at) == ["h1", "h2", "h3", "h4", "h5"]
    assert at["h1"] is not None and at["h2"] is not None
    assert [account.account_no for account in at["h1"].inpatient] == [account_no]
    (bill,) = at["h2"].bills
    assert (bill.bill_no, bill.total_fen) == (bill_no, 10_100)
    parts = (bill.insurance_fund_fen, bill.insurance_account_fen, bill.self_pay_fen)
    assert parts == (5000, 2600, 2500)
    assert await _traces() == 1


async def test_a_bill_that_is_told_twice_is_one_bill(ward: Ward) -> None:
    call, me = await ward.patient()
    bill_no = ward.hospitals.issue("h2", me, 2500)
    ward.hospitals.times = 2
    bill_id = await ward.bill_id(call, bill_no)
    rows = await fetch_all(connection(), "SELECT id FROM health_bill")
    assert [row["id"] for row in rows] == [bill_id]


async def test_nobody_sees_or_pays_without_level_consent_and_fresh_proof(
    ward: Ward, client: Client
) -> None:
    call, me = await ward.patient(consents=False)
    assert call.viewer is not None
    ward.hospitals.issue("h1", me)
    known = call.viewer
    young, session = known.authenticated_at, known.session_id
    viewers = (
        (None, "LOGIN_REQUIRED"),
        (Viewer(known.user_id, session, 1, frozenset(), young), "LEVEL_REQUIRED"),
        (replace(known, assurance=Assurance.TYPED), "PROOF_REQUIRED"),
        (replace(known, authenticated_at=young - timedelta(minutes=15)), "FRESH_AUTH_REQUIRED"),
        (known, "CONSENT_REQUIRED"),
    )
    for viewer, code in viewers:
        answer = await client.run("{ medicalBills { status } }", viewer=viewer)
        assert answer.codes == [code]
    assert ward.hospitals.asked == []
    assert (await _traces(), await HospitalBill.all().count()) == (0, 0)


async def test_the_document_runs_and_a_withdrawn_consent_ends_it(
    ward: Ward, client: Client
) -> None:
    call, me = await ward.patient()
    ward.hospitals.issue("h1", me, 2500)
    source = documents_of(client.app.manifests).by_name["medical-payment"].source
    body = source[: source.index("mutation PayMedicalBill")]
    told = (await client.data(body, viewer=call.viewer))["medicalBills"]
    (bill,) = told["items"][0]["bills"]
    assert (told["status"], told["items"][0]["hospital"]) == ("LIVE", "City Central Hospital")
    assert (bill["total"], bill["selfPay"], bill["status"]) == (10_100, 2500, "OPEN")
    assert bill["items"] == [{"name": "Complete blood count", "amount": 10_100}]
    await withdraw_consent(call, service.PURPOSE.id)
    assert (await client.run(body, viewer=call.viewer)).codes == ["CONSENT_REQUIRED"]
    with pytest.raises(Forbidden):
        await service.pay_bill(call, UUID(bill["id"]), "the-first-key")
    assert await Intent.all().count() == 0


async def test_only_the_self_pay_part_goes_through_payments(ward: Ward) -> None:
    call, me = await ward.patient()
    bill_no = ward.hospitals.issue("h1", me, 2500)
    intent_id = await ward.paid(call, bill_no)
    intent = await Intent.get(id=intent_id)
    assert (intent.state, intent.amount_fen, intent.payee) == ("fulfilled", 2500, "hospital:h1")
    assert await _balance("payee:hospital:h1") == 2500
    assert ward.hospitals.bills["h1", bill_no][1].status is BillStatus.PAID
    assert (await HospitalBill.get(bill_no=bill_no)).status == "PAID"
    trail = await service.get_trail(call, intent_id)
    assert (trail.payment.status, trail.refunds, trail.is_live) == ("SUCCEEDED", [], True)
    (message,) = await Message.filter(template="health.paid")
    body = ward.app.vault.decrypt(bytes(message.body_sealed), "notifications.body")
    assert "25.00" in body and "blood" not in body


async def test_the_same_key_is_the_same_payment(ward: Ward) -> None:
    call, me = await ward.patient()
    bill_id = await ward.bill_id(call, ward.hospitals.issue("h1", me))
    first = await service.pay_bill(call, bill_id, "the-first-key")
    assert (await service.pay_bill(call, bill_id, "the-first-key")).id == first.id
    assert await Intent.all().count() == 1


@pytest.mark.parametrize(
    ("status", "self_pay_fen", "code"),
    [
        (BillStatus.PAID, 2500, "MEDICAL_BILL_PAID"),
        (BillStatus.CANCELLED, 2500, "MEDICAL_BILL_CANCELLED"),
        (BillStatus.OPEN, 0, "MEDICAL_NOTHING_DUE"),
    ],
)
async def test_what_is_not_due_is_not_paid(
    ward: Ward, status: BillStatus, self_pay_fen: int, code: str
) -> None:
    call, me = await ward.patient()
    bill_no = ward.hospitals.issue("h1", me, self_pay_fen)
    bill_id = await ward.bill_id(call, bill_no)
    ward.hospitals._mark("h1", bill_no, status)
    with pytest.raises(Conflict) as refused:
        await service.pay_bill(call, bill_id, "the-first-key")
    assert refused.value.code == code
    assert await Intent.all().count() == 0


async def test_somebody_elses_bill_is_not_found(ward: Ward) -> None:
    owner, me = await ward.patient()
    stranger, _ = await ward.patient()
    bill_id = await ward.bill_id(owner, ward.hospitals.issue("h1", me))
    account_no = ward.hospitals.admit("h1", me)
    intent_id = await ward.paid(owner, ward.hospitals.issue("h1", me))
    for refused in (
        service.pay_bill(stranger, bill_id, "the-first-key"),
        service.pay_bill(stranger, new_id(), "the-first-key"),
        service.top_up(stranger, "h1", account_no, 1000, "the-first-key"),
        service.top_up(owner, "h9", account_no, 1000, "the-second-key"),
        service.top_up(owner, "h2", account_no, 1000, "the-second-key"),
        service.get_trail(stranger, intent_id),
    ):
        with pytest.raises(NotFound):
            await refused
    assert (await Intent.all().count(), await TopUp.all().count()) == (1, 0)


async def test_an_amount_of_yesterday_is_not_asked_for(ward: Ward) -> None:
    call, me = await ward.patient()
    bill_id = await ward.bill_id(call, ward.hospitals.issue("h1", me))
    ward.hospitals.silent.add("h1")
    ward.clock.move(timedelta(minutes=11))
    with pytest.raises(Unavailable):
        await service.pay_bill(call, bill_id, "the-first-key")
    assert await Intent.all().count() == 0


async def test_a_lost_answer_is_asked_for_and_paid_once(ward: Ward) -> None:
    call, me = await ward.patient()
    bill_no = ward.hospitals.issue("h1", me)
    bill_id = await ward.bill_id(call, bill_no)
    payment = await service.pay_bill(call, bill_id, "the-first-key")
    ward.hospitals.faults.queued.append("lost")
    await ward.pay_at_cashier(UUID(str(payment.id)))
    assert (await Intent.get(id=payment.id)).state == "fulfilment_unknown"
    await ward.queue.run_for(timedelta(minutes=1))
    assert (await Intent.get(id=payment.id)).state == "fulfilled"
    assert len(ward.hospitals.payments) == 1


async def test_a_bill_cancelled_meanwhile_gives_the_money_back(ward: Ward) -> None:
    call, me = await ward.patient()
    bill_no = ward.hospitals.issue("h1", me)
    payment = await service.pay_bill(call, await ward.bill_id(call, bill_no), "the-first-key")
    ward.hospitals.cancel("h1", bill_no)
    await ward.pay_at_cashier(UUID(str(payment.id)))
    await ward.call_back()
    intent = await Intent.get(id=payment.id)
    assert (intent.state, intent.refusal) == ("refunded", "BILL_CANCELLED")
    assert (await HospitalBill.get(bill_no=bill_no)).status == "CANCELLED"
    assert await _balance("payee:hospital:h1") == 0
    assert {m.template for m in await Message.all()} == {"health.refused", "health.refunded"}


async def test_a_deposit_is_topped_up_once(ward: Ward) -> None:
    call, me = await ward.patient()
    account_no = ward.hospitals.admit("h1", me)
    for amount_fen in (0, 99, 5_000_001):
        with pytest.raises(InvalidInput):
            await service.top_up(call, "h1", account_no, amount_fen, "the-first-key")
    assert (await Intent.all().count(), await TopUp.all().count()) == (0, 0)
    payment = await service.top_up(call, "h1", account_no, 20_000, "the-first-key")
    again = await service.top_up(call, "h1", account_no, 20_000, "the-first-key")
    assert again.id == payment.id
    ward.hospitals.silent.add("h1")
    again = await service.top_up(call, "h1", account_no, 20_000, "the-first-key")
    assert again.id == payment.id
    ward.hospitals.silent.clear()
    with pytest.raises(Conflict):
        await service.top_up(call, "h1", account_no, 30_000, "the-first-key")
    await ward.pay_at_cashier(UUID(str(payment.id)))
    assert ward.hospitals.inpatient["h1", account_no][1].balance_fen == 70_000
    assert (await Intent.get(id=payment.id)).state == "fulfilled"
    assert await TopUp.all().count() == 1


async def test_a_silent_hospital_asks_for_no_money(ward: Ward) -> None:
    call, me = await ward.patient()
    account_no = ward.hospitals.admit("h1", me)
    ward.hospitals.silent.add("h1")
    with pytest.raises(Unavailable):
        await service.top_up(call, "h1", account_no, 20_000, "the-first-key")
    assert await Intent.all().count() == 0


async def test_what_the_hospital_gives_back_returns_once_and_leaves_a_trail(ward: Ward) -> None:
    call, me = await ward.patient()
    intent_id = await ward.paid(call, ward.hospitals.issue("h1", me, 2500))
    first = ward.hospitals.decide("h1", intent_id.hex, 500)
    ward.clock.move(timedelta(minutes=5))
    for _ in range(3):
        await jobs.look_for_refunds(ward.app)
        ward.clock.move(timedelta(hours=1))
    assert [row.amount_fen for row in await Refund.all()] == [500]
    second = ward.hospitals.decide("h1", intent_id.hex, 700)
    trail = await service.get_trail(call, intent_id)
    assert [state_of(r.returned_at, r.settled_at) for r, _ in trail.refunds][1:] == [
        RefundState.RETURNING
    ]
    await ward.call_back()
    trail = await service.get_trail(call, intent_id)
    assert (trail.payment.status, trail.payment.refunded) == ("PARTLY_REFUNDED", 1200)
    told = [(r.refund_no, why, state_of(r.returned_at, r.settled_at)) for r, why in trail.refunds]
    assert told == [(first, "退药", RefundState.SETTLED), (second, "退药", RefundState.SETTLED)]
    assert set(ward.hospitals.settled) == {first, second}
    assert await _balance("payee:hospital:h1") == 1300


async def test_a_hospital_that_was_down_is_told_later(ward: Ward) -> None:
    call, me = await ward.patient()
    intent_id = await ward.paid(call, ward.hospitals.issue("h1", me, 2500))
    ward.hospitals.decide("h1", intent_id.hex, 500)
    await refunds.look(ward.app, intent_id, call.deadline)
    (row,) = await HospitalRefund.all()
    await ward.call_back()
    await HospitalRefund.all().update(settled_at=None)
    ward.hospitals.settled.clear()
    await jobs.look_for_refunds(ward.app)
    await ward.queue.run_due()
    assert ward.hospitals.settled == {row.refund_no: row.refund_id.hex}
    assert (await HospitalRefund.get(id=row.id)).settled_at is not None


async def test_more_than_was_paid_is_never_returned(ward: Ward) -> None:
    call, me = await ward.patient()
    intent_id = await ward.paid(call, ward.hospitals.issue("h1", me, 2500))
    ward.hospitals.decide("h1", intent_id.hex, 2501)
    await refunds.look(ward.app, intent_id, call.deadline)
    assert (await Refund.all().count(), await HospitalRefund.all().count()) == (0, 0)
    assert await _balance("payee:hospital:h1") == 2500


async def test_a_silent_hospital_is_shown_as_it_was_last(ward: Ward) -> None:
    call, me = await ward.patient()
    bill_no = ward.hospitals.issue("h1", me)
    await service.read_bills(call)
    ward.hospitals.silent.add("h1")
    ward.clock.move(timedelta(minutes=5))
    reading = await service.read_bills(call)
    first, second, *_ = [found.reading for found in reading.value or ()]
    assert reading.status is ReadStatus.LIVE
    assert (first.status, first.reason, second.status) == ("STALE", "TIMEOUT", "LIVE")
    assert first.value is not None and [b.bill_no for b in first.value.bills] == [bill_no]
    ward.clock.move(timedelta(days=1))
    reading = await service.read_bills(call)
    assert (reading.value or ())[0].reading.status is ReadStatus.UNAVAILABLE
    ward.hospitals.silent |= {"h2", "h3", "h4", "h5"}
    assert (await service.read_bills(call)).status is ReadStatus.STALE


async def test_a_parent_pays_the_childs_bill(ward: Ward) -> None:
    parent, _ = await ward.patient()
    child, childs_id = await ward.patient(consents=False)
    assert parent.viewer is not None and child.viewer is not None
    bill_no = ward.hospitals.issue("h4", childs_id, 1000)
    mandate = Mandate(new_id(), MandateKind.GUARDIAN, parent.viewer.user_id, child.viewer.user_id)
    await _register(ward, mandate)
    acting = parent.acting(mandate)
    await grant_consent(acting, service.PURPOSE.id, service.PURPOSE.text_version)
    intent_id = await ward.paid(acting, bill_no)
    assert (await Intent.get(id=intent_id)).payer_id == parent.viewer.user_id
    assert ward.hospitals.bills["h4", bill_no][1].status is BillStatus.PAID
    (row, *_) = await fetch_all(connection(), "SELECT * FROM core_access_log ORDER BY id")
    assert (row["subject_id"], row["actor_role"]) == (child.viewer.user_id, "guardian")
    with pytest.raises(NotFound):
        await service.pay_bill(parent, await ward.bill_id(acting, bill_no), "the-second-key")


async def _register(ward: Ward, mandate: Mandate) -> None:
    from modules.identity.models import Mandate as Row

    now = ward.clock.now()
    await Row.create(
        id=mandate.id, kind=mandate.kind.value, actor_id=mandate.actor_id,
        subject_id=mandate.subject_id, state="active", proposed_at=now, confirmed_at=now,
        ends_at=now.replace(year=now.year + 1),
    )  # fmt: skip


async def test_leaving_forgets_whose_bills_they_were(ward: Ward) -> None:
    call, me = await ward.patient()
    assert call.viewer is not None
    person_id = call.viewer.user_id
    intent_id = await ward.paid(call, ward.hospitals.issue("h1", me))
    ward.hospitals.decide("h1", intent_id.hex, 500)
    await refunds.look(ward.app, intent_id, call.deadline)
    exported = (await export_person(ward.app, person_id))["health"].data
    assert [row["self_pay_fen"] for row in exported["hospital_bills"]] == [2500]
    assert [row["reason"] for row in exported["hospital_refunds"]] == ["退药"]
    (hold,) = (await find_holds(ward.app, person_id))["health"]
    assert hold.until_on is not None and hold.until_on.isoformat() == "2027-05-22"
    async with transaction() as tx:
        await erase_person(ward.app, tx, person_id)
    assert await HospitalBill.filter(citizen_id=person_id).count() == 0
    ward.clock.move(timedelta(days=181))
    assert "health" not in await find_holds(ward.app, person_id)
    assert (await get_person(ward.app, person_id)).id == person_id


def test_old_payments_are_asked_for_seldom_and_at_last_never() -> None:
    from tests.conftest import NOON

    waits = [
        next_look(NOON, NOON + age)
        for age in (timedelta(0), timedelta(hours=2), timedelta(days=30), timedelta(days=181))
    ]
    assert waits == [timedelta(minutes=5), timedelta(minutes=30), timedelta(days=1), None]


async def test_a_payment_of_another_kind_is_no_hospital_payment(ward: Ward) -> None:
    call, _ = await ward.patient()
    assert call.viewer is not None
    now = ward.clock.now()
    other = await Intent.create(
        id=new_id(), payer_id=call.viewer.user_id, kind="bills.water", subject_ref=str(new_id()),
        payee="water", title_zh="水费", title_en="Water", amount_fen=100, psp="wechatpay",
        client_address="127.0.0.1", state="created", created_at=now, expires_at=now,
    )  # fmt: skip
    with pytest.raises(NotFound):
        await service.get_trail(call, other.id)
    assert await HospitalPayment.all().count() == 0
