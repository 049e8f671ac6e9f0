"""Role × operation × whose it is: passes, and fails when any one check is taken away."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from bff.schema.build import build_schema
from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import transaction
from core.deadline import Deadline
from core.graphql import guards
from core.ids import new_id
from core.people.directory import get_person
from core.security import authorization, mandate
from core.security.authentication import Viewer
from core.settings import Settings
from kinds.application import versions
from kinds.application.engine import SYSTEM
from kinds.application.models import Task
from kinds.application.opening import Opening, open_in
from kinds.booking.models import Booking, Resource, Slot
from modules.affairs.models import LicencePresentation
from modules.health.models import HospitalBill
from modules.identity import families
from modules.identity.models import PHONE, TOTP, Mandate, Passkey, Session, Staff
from modules.identity.openid.models import OpenidGrant
from modules.identity.upstream import REGISTRY
from modules.mobility.models import Fine, ParkingCharge, Plate, Trip
from modules.mobility.parking.upstream import OPERATOR
from modules.mobility.transit.upstream import CLEARING
from modules.utilities.accounts.models import AccountLink
from modules.utilities.autopay.models import Autopay
from modules.utilities.outages.models import OutageWatch
from modules.utilities.reminders.models import Reminder
from modules.welfare.housing_fund.upstream import CENTRE
from notifications.channels.gateways import GATEWAY
from notifications.messages.models import Message
from payments.contracts import begin_contract
from payments.models import Intent
from tests.asgi import Client
from tests.conftest import NOON
from tests.fakes import FakeHousingFund, FakePolice, FakeSms
from tests.modules.identity.matrix import CASE_FIELDS, TASK_FIELDS, Matrix, Objects
from tests.modules.mobility.fakes import FakeFare, FakeParking
from tests.tree import modules_named
from tests.upstreams import by_operation

MakeCitizen = Callable[..., Awaitable[Viewer]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A walk asks more in a minute than a person may."""
    return settings.model_copy(update={"rate_person": 0, "rate_device": 0, "rate_address": 0})


@pytest.fixture
def upstreams(clock: ManualClock) -> Mapping[Any, Any]:
    """Systems in memory."""
    return {
        **by_operation(FakeSms(), GATEWAY),
        **by_operation(FakePolice(), REGISTRY),
        **by_operation(FakeHousingFund(), CENTRE),
        **by_operation(FakeParking(clock), OPERATOR),
        **by_operation(FakeFare(clock), CLEARING),
    }


async def _session(app: App, viewer: Viewer) -> UUID:
    now = app.clock.now()
    row = await Session.create(
        id=new_id(),
        citizen_id=viewer.user_id,
        device_hash=b"device",
        device_name="phone",
        rotated_at=now,
        authenticated_at=now,
        last_used_at=now,
    )
    return row.id


async def _passkey(app: App, viewer: Viewer) -> UUID:
    row = await Passkey.create(
        id=new_id(),
        citizen_id=viewer.user_id,
        credential_id=new_id().hex,
        public_key=b"",
        name="",
        created_at=app.clock.now(),
    )
    return row.id


async def _app_grant(app: App, viewer: Viewer) -> UUID:
    now = app.clock.now()
    row = await OpenidGrant.create(
        id=new_id(),
        citizen_id=viewer.user_id,
        client_id=new_id(),
        scopes=["openid"],
        level=2,
        authenticated_at=now,
        granted_at=now,
    )
    return row.id


async def _mandate(app: App, kind: str, actor: UUID, subject: UUID) -> UUID:
    now = app.clock.now()
    row = await Mandate.create(
        id=new_id(),
        kind=kind,
        actor_id=actor,
        subject_id=subject,
        state="active",
        services=None if kind == "guardian" else ["housing-fund-query"],
        proposed_at=now,
        confirmed_at=now,
        ends_at=now.replace(year=now.year + 1),
    )
    return row.id


async def _message(app: App, viewer: Viewer) -> UUID:
    row = await Message.create(
        id=new_id(),
        person_id=viewer.user_id,
        key=f"matrix:{new_id()}",
        template="t",
        version=1,
        about="service",
        position=new_id(),
        title_sealed=app.vault.encrypt("t", "notifications.title"),
        body_sealed=app.vault.encrypt("b", "notifications.body"),
        created_at=app.clock.now(),
    )
    return row.id


async def _proposal(app: App, actor: Viewer, subject: Viewer) -> UUID:
    phone = (await get_person(app, subject.user_id)).phone
    now = app.clock.now()
    row = await Mandate.create(
        id=new_id(),
        kind="proxy",
        actor_id=actor.user_id,
        phone_index=app.vault.blind_index(phone, PHONE),
        services=["housing-fund-query"],
        state="proposed",
        proposed_at=now,
        ends_at=now.replace(year=now.year + 1),
    )
    return row.id


async def _payment(app: App, viewer: Viewer, kind: str = "bill:WATER") -> UUID:
    now = app.clock.now()
    row = await Intent.create(
        id=new_id(),
        payer_id=viewer.user_id,
        kind=kind,
        subject_ref=str(new_id()),
        payee="water",
        title_zh="水费",
        title_en="Water",
        amount_fen=100,
        psp="wechatpay",
        client_address="127.0.0.1",
        state="created",
        created_at=now,
        expires_at=now,
    )
    return row.id


async def _link(app: App, viewer: Viewer) -> UUID:
    row = await AccountLink.create(
        id=new_id(),
        citizen_id=viewer.user_id,
        kind="water",
        account_no=new_id().hex[-10:],
        label="",
        holder_masked="*",
        address_masked="*",
        linked_at=app.clock.now(),
    )
    return row.id


async def _reminder(app: App, viewer: Viewer) -> UUID:
    """An account whose bills the viewer is reminded of."""
    link_id = await _link(app, viewer)
    await Reminder.create(
        id=new_id(),
        link_id=link_id,
        citizen_id=viewer.user_id,
        days_before=3,
        min_amount_fen=0,
        sms=False,
        created_at=app.clock.now(),
    )
    return link_id


async def _plate(app: App, viewer: Viewer) -> UUID:
    index = new_id().bytes
    row = await Plate.create(
        id=new_id(),
        citizen_id=viewer.user_id,
        plate_sealed=app.vault.encrypt("鲁A00000", "mobility.plate"),
        plate_index=index,
        linked_at=app.clock.now(),
    )
    return row.id


async def _watch(app: App, viewer: Viewer) -> UUID:
    row = await OutageWatch.create(
        id=new_id(),
        citizen_id=viewer.user_id,
        label="",
        kinds="WATER",
        cell="3660:11700",
        spot_sealed=app.vault.encrypt("[36.6, 117.0]", "bills.outage_watch"),
        created_at=app.clock.now(),
    )
    return row.id


async def _charge(app: App, viewer: Viewer) -> UUID:
    now, plate = app.clock.now(), await Plate.get(id=await _plate(app, viewer))
    row = await ParkingCharge.create(
        id=new_id(),
        session_ref=new_id().hex,
        paid_before_fen=0,
        plate_index=plate.plate_index,
        entered_at=now,
        amount_fen=0,
        quote_holds_until=now,
        seen_at=now,
    )
    return row.id


async def _autopay(app: App, viewer: Viewer) -> UUID:
    async with transaction() as tx:
        contract_id = await begin_contract(app, tx, viewer.user_id, "water")
    row = await Autopay.create(
        id=new_id(),
        link_id=new_id(),
        citizen_id=viewer.user_id,
        contract_id=contract_id,
        bill_ceiling_fen=1,
        month_ceiling_fen=1,
        text_version="2026-11",
        state="signing",
        agreed_at=app.clock.now(),
    )
    return row.id


async def _fine(app: App, viewer: Viewer) -> UUID:
    row = await Fine.create(
        id=new_id(),
        citizen_id=viewer.user_id,
        violation_no=new_id().hex,
        offence_zh="违停",
        offence_en="Parking",
        status="UNCONFIRMED",
        seen_at=app.clock.now(),
    )
    return row.id


async def _trip(app: App, viewer: Viewer) -> UUID:
    row = await Trip.create(
        id=new_id(),
        citizen_id=viewer.user_id,
        trip_no=new_id().hex,
        mode="BUS",
        entered_at=app.clock.now(),
        fare_fen=200,
        status="PAID",
        seen_at=app.clock.now(),
    )
    return row.id


async def _presentation(app: App, viewer: Viewer) -> UUID:
    now = app.clock.now()
    row = await LicencePresentation.create(
        id=new_id(),
        citizen_id=viewer.user_id,
        licence_id="el-1",
        fields_shown=["name"],
        state="issued",
        issued_at=now,
        expires_at=now + timedelta(minutes=1),
    )
    return row.id


async def _hospital_bill(viewer: Viewer) -> UUID:
    row = await HospitalBill.create(
        id=new_id(),
        citizen_id=viewer.user_id,
        hospital_ref="h1",
        bill_no=new_id().hex,
        self_pay_fen=100,
        status="OPEN",
        seen_at=NOON,
    )
    return row.id


async def _booking(app: App, viewer: Viewer, service_id: str, place: str) -> UUID:
    now = app.clock.now()
    names = {f"{part}_{language}": "x" for part in ("place", "name") for language in ("zh", "en")}
    resource = await Resource.create(
        id=new_id(), service_id=service_id, ref=place, limit_group=place, **names
    )
    slot = await Slot.create(
        id=new_id(),
        resource_id=resource.id,
        service_id=service_id,
        ref=place,
        starts_at=now + timedelta(days=9),
        ends_at=now + timedelta(days=9, hours=1),
        capacity=9,
        used=1,
    )
    booking_id = new_id()
    await Booking.create(
        id=booking_id,
        series_id=booking_id,
        service_id=service_id,
        slot_id=slot.id,
        booked_by=viewer.user_id,
        state="held",
        created_at=now,
        hold_expires_at=now + timedelta(minutes=10),
    )
    return booking_id


async def _cases_of(app: App, who: Viewer) -> dict[str, UUID]:
    """A hotline request of somebody's; its task is their own unit's where they are staff."""
    definition = await versions.find_current(
        Call(app, Deadline.after(5), "matrix"), "hotline-12345"
    )
    assert definition is not None
    stored = await versions.store(app, definition)
    opening = Opening(definition, stored, who.user_id, "HELP", {})
    async with transaction() as tx:
        case = await open_in(app, tx, new_id(), opening, SYSTEM)
    (task,) = await Task.filter(case_id=case.id)
    if not await Staff.exists(citizen_id=who.user_id):
        await Task.filter(id=task.id).update(unit="police")
    return {
        "case.id": case.id,
        "staffCase.caseId": case.id,
        "removeCaseFile.fileId": new_id(),
        **{f"{name}.caseId": case.id for name in CASE_FIELDS},
        **{f"{name}.taskId": task.id for name in TASK_FIELDS},
    }


async def _bills_of(app: App, who: Viewer) -> dict[str, UUID]:
    """What hangs on accounts, bills and their payments."""
    return {
        "unlinkBillAccount.accountId": await _link(app, who),
        "setBillReminder.accountId": await _link(app, who),
        "removeBillReminder.accountId": await _reminder(app, who),
        "agreeAutopay.accountId": await _link(app, who),
        "endAutopay.autopayId": await _autopay(app, who),
        "unwatchOutages.watchId": await _watch(app, who),
        "billInvoice.paymentId": await _payment(app, who),
        "requestBillInvoice.paymentId": await _payment(app, who, "bills.water"),
        "billInvoiceReissues.paymentId": await _payment(app, who),
        "reissueBillInvoice.paymentId": await _payment(app, who, "bills.water"),
        "medicalPayment.paymentId": await _payment(app, who),
        "payMedicalBill.billId": await _hospital_bill(who),
    }


async def objects_of(app: App, who: Viewer, others: Viewer) -> dict[str, str]:
    """One object of each kind that belongs to somebody; `others` is the other side of mandates."""
    mandate = await _mandate(app, "proxy", new_id(), who.user_id)
    person = str(who.user_id)
    ids = {
        "revokeSession.sessionId": await _session(app, who),
        "removePasskey.passkeyId": await _passkey(app, who),
        "endAppGrant.grantId": await _app_grant(app, who),
        "markMessageRead.messageId": await _message(app, who),
        "confirmProxy.mandateId": await _proposal(app, others, who),
        "endMandate.mandateId": mandate,
        "payment.id": await _payment(app, who),
        "paymentChanged.id": await _payment(app, who),
        "cancelPayment.id": await _payment(app, who),
        "decideCorrection.id": str(new_id()),
        "renewTransfer.id": str(new_id()),
        "paymentReceipt.paymentId": await _payment(app, who),
        "parkingSessions.plateId": await _plate(app, who),
        "verifyPlate.plateId": await _plate(app, who),
        "unlinkPlate.plateId": await _plate(app, who),
        "payParking.chargeId": await _charge(app, who),
        "acceptTrafficViolation.fineId": await _fine(app, who),
        "payTrafficFine.fineId": await _fine(app, who),
        "payTransitTrip.tripId": await _trip(app, who),
        "cancelLicencePresentation.presentationId": await _presentation(app, who),
        **await _bills_of(app, who),
        **await _cases_of(app, who),
        "moveHospitalNumber.appointmentId": await _booking(
            app, who, "hospital-registration", f"h1/{new_id()}"
        ),
    } | {
        f"{field}": await _booking(app, who, "venue-booking", str(new_id()))
        for field in (
            "appointment.id",
            "confirmAppointment.appointmentId",
            "payAppointment.appointmentId",
            "cancelAppointment.appointmentId",
            "rescheduleAppointment.appointmentId",
        )
    }
    for module in modules_named("objects"):
        ids |= await module.objects_of(app, who)
    people = {"onBehalfOf": person}
    return {place: str(found) for place, found in ids.items()} | people


@pytest.fixture
async def matrix(app: App, client: Client, citizen: MakeCitizen) -> AsyncIterator[Matrix]:
    """A citizen with a child, a stranger, and one thing of each kind that each of them has."""
    me, child, foreign, third = [await citizen() for _ in range(4)]
    session_id = await _session(app, me)
    viewer = replace(me, session_id=session_id)
    await _mandate(app, "guardian", viewer.user_id, child.user_id)
    await Staff.create(
        citizen_id=me.user_id,
        roles=["department_officer"],
        department="hotline",
        totp_sealed=app.vault.encrypt("00", TOTP),
        created_at=app.clock.now(),
    )
    missing = dict.fromkeys(await objects_of(app, third, third), str(new_id()))
    objects: Objects = {
        "own": await objects_of(app, viewer, third),
        "linked": await objects_of(app, child, third),
        "foreign": await objects_of(app, foreign, third),
        "missing": missing,
    }
    schema = build_schema(app.manifests)._schema

    async def renew() -> None:
        """What one operation closed is open for the next: each is asked for itself."""
        from core.database import connection

        db = connection()
        await db.execute_query("UPDATE identity_session SET revoked_at = NULL")
        await db.execute_query("UPDATE identity_citizen SET closed_at = NULL")
        await db.execute_query("DELETE FROM core_session_revocation")
        await db.execute_query("DELETE FROM core_rate_counter")
        app.revocations._revoked.clear()

    elsewhere = await Booking.get(id=objects["foreign"]["appointment.id"])
    beside = {"rescheduleAppointment.slotId": str(elsewhere.slot_id)}
    yield Matrix(client, schema, viewer, objects, renew, beside)


async def test_every_caller_meets_every_rule(matrix: Matrix) -> None:
    violations = await matrix.walk()
    assert violations == [], "\n".join(violations)
    assert matrix.asked > 500


def _allow(*_: Any, **__: Any) -> None:
    return None


async def _act_without_mandate(call: Any, subject_id: UUID, *, service: str | None = None) -> Any:
    found = mandate.Mandate(new_id(), mandate.MandateKind.GUARDIAN, call.viewer.user_id, subject_id)
    return call.acting(found)


PLANTED = {
    "the one place that decides": (guards, "decide", _allow),
    "mandates at services": (guards, "act_for", _act_without_mandate),
    "levels": (authorization, "require", lambda viewer, _level=1: viewer),
    "the addressee of a proposal": (families, "_is_for", lambda *_: True),
}


@pytest.mark.parametrize("planted", PLANTED)
async def test_a_check_taken_away_is_noticed(
    matrix: Matrix, monkeypatch: pytest.MonkeyPatch, planted: str
) -> None:
    monkeypatch.setattr(*PLANTED[planted])
    assert await matrix.walk(to_the_first=True) != []
