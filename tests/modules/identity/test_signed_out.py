"""Signed out by somebody else than one's own device: the owner is told once, and why."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import transaction
from core.ids import new_id
from core.people.directory import get_person
from core.security.authentication import Viewer
from modules.identity import alarm, domain, recovery, service, staff
from modules.identity.domain import Ending
from modules.identity.erasure import service as erasure
from modules.identity.models import Session
from modules.identity.personal_data import end_access
from notifications.messages.models import Delivery, Message
from notifications.templates.domain import Channel
from tests.jobs import run_due
from tests.modules.identity.conftest import Phone
from tests.modules.identity.recoveries import approve
from tests.people import new_key

MakeCitizen = Callable[..., Awaitable[Viewer]]
MakeCall = Callable[..., Call]

SILENT = {
    Ending.OWN_DEVICE: "it was their own wish",
    Ending.REUSED: "told by identity.reused_token (test_sessions.py)",
    Ending.PLATFORM_ENDED: "told by identity.mini_programme_unlinked (test_revocations.py)",
    Ending.ACCOUNT_CLOSED: "nobody is left to be told",
}


async def told(app: App, person_id: object) -> list[str]:
    """What the owner finds in the inbox of sessions that ended."""
    await run_due(app, "identity.tell_signed_out", "identity.alarm")
    rows = await Message.filter(person_id=person_id, template="identity.signed_out")
    decrypt = app.vault.decrypt
    return [decrypt(bytes(row.body_sealed), "notifications.body") for row in rows]


async def session_of(
    app: App, person_id: object, device: str, *, is_staff: bool = False
) -> Session:
    now = app.clock.now()
    return await Session.create(
        id=new_id(),
        citizen_id=person_id,
        device_hash=app.vault.blind_index(device, service.DEVICE),
        device_name=f"phone {device}",
        is_staff=is_staff,
        opened_at=now,
        rotated_at=now,
        authenticated_at=now,
        last_used_at=now,
    )


@pytest.fixture
async def devices(app: App, citizen: MakeCitizen, call: MakeCall) -> list[Call]:
    """Three sessions of one person, the first two of one device."""
    viewer = await citizen(name="罗思远")
    rows = [await session_of(app, viewer.user_id, device) for device in ("one", "one", "two")]
    return [call(user_id=viewer.user_id, level=2, session_id=row.id) for row in rows]


def _session(call: Call) -> object:
    return call.require_viewer().session_id


def test_each_ending_is_told_or_says_why_not() -> None:
    assert alarm.SIGNED_OUT_BY.keys() | SILENT.keys() == set(Ending)
    assert not alarm.SIGNED_OUT_BY.keys() & SILENT.keys()
    for reason in alarm.SIGNED_OUT_BY.values():
        assert reason.zh != reason.en and reason.zh and reason.en


async def test_one_device_ends_another_and_its_own(devices: list[Call], app: App) -> None:
    first, same, other = devices
    for ended in (same, same, first):
        await service.revoke_session(first, ended.require_viewer().session_id)
    assert await told(app, first.subject_id) == []
    again = await session_of(app, first.subject_id, "three")
    mine = replace(first, viewer=replace(first.require_viewer(), session_id=again.id))
    for _ in range(2):
        await service.revoke_session(mine, other.require_viewer().session_id)
    (text,) = await told(app, first.subject_id)
    assert "phone two: another device of yours" in text


async def test_ending_all_is_one_message_without_the_own_device(
    devices: list[Call], app: App
) -> None:
    first = devices[0]
    await session_of(app, first.subject_id, "three")
    for _ in range(2):
        await service.revoke_all_sessions(first, "all-but-mine", keep_this=True)
    (text,) = await told(app, first.subject_id)
    assert "phone two" in text and "phone three" in text and "phone one" not in text


async def test_ending_all_again_leaves_what_was_begun_since(devices: list[Call], app: App) -> None:
    first = devices[0]
    ended = await service.revoke_all_sessions(first, "all-but-mine", keep_this=True)
    later = await session_of(app, first.subject_id, "four")
    again = await service.revoke_all_sessions(first, "all-but-mine", keep_this=True)
    await later.refresh_from_db()
    assert (again, later.revoked_at) == (ended, None)


async def test_the_oldest_session_that_made_room_is_told(phone: Phone, clock: ManualClock) -> None:
    for number in range(domain.SESSIONS_MAX + 1):
        clock.move(timedelta(minutes=15))
        name = f"phone {number:02d}"
        await replace(phone, device={"id": f"device-1{number:03d}", "name": name}).sign_in()
    (account,) = {row.citizen_id for row in await Session.all()}
    (text,) = await told(phone.client.app, account)
    assert "phone 00" in text


async def test_a_thief_hears_nothing_of_a_recovery_and_the_owner_does(
    devices: list[Call], app: App, call: MakeCall, clock: ManualClock
) -> None:
    person_id = devices[0].subject_id
    before = await get_person(app, person_id)
    assert before.resident_id is not None
    roles = frozenset({"department_officer"})
    first, second = call(level=1, roles=roles), call(level=1, roles=roles)
    asked = ("罗思远", before.resident_id, "13700000077")
    row = await recovery.propose(first, *asked, "key-00000001")
    await approve(second, row)
    clock.move(recovery.COOLING_OFF)
    for _ in range(2):
        await recovery.recover(app)
    (text,) = await told(app, person_id)
    assert "given back to its owner" in text and "13700000077" not in text
    (message,) = await Message.filter(template="identity.signed_out")
    assert not await Delivery.filter(message_id=message.id, channel=Channel.SMS).exists()
    assert not await Session.filter(citizen_id=person_id, revoked_at=None).exists()


async def test_staff_who_are_suspended_are_told(devices: list[Call], app: App) -> None:
    person_id = devices[0].subject_id
    phone = (await get_person(app, person_id)).phone
    await staff.Staff.create(
        citizen_id=person_id,
        roles=["operator"],
        department="d",
        totp_sealed=b"",
        created_at=app.clock.now(),
    )
    assert await staff.suspend(app, phone)
    (text,) = await told(app, person_id)
    assert "suspended" in text


async def test_nobody_is_told_when_the_account_goes(devices: list[Call], app: App) -> None:
    person_id = devices[0].subject_id
    await erasure.ask_erasure(devices[0], new_key())
    async with transaction() as tx:
        await end_access(app, tx, person_id)
    assert await told(app, person_id) == []
    assert not await Session.filter(citizen_id=person_id, revoked_at=None).exists()
