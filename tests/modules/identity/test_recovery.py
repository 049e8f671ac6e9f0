"""An account got back at a counter: a lost phone, and an ID number that somebody else took."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.errors import AppError
from core.people.consents import grant_consent, list_consents
from core.people.directory import get_person
from core.security.authentication import Viewer
from modules.identity import recovery
from modules.identity.erasure import service as erasure
from modules.identity.models import PHONE, Citizen, Recovery
from notifications.channels.gateways import GATEWAY
from tests.fakes import FakeSms
from tests.messages import deliver_due
from tests.modules.identity.recoveries import approve
from tests.people import new_key
from tests.upstreams import by_operation

MakeCitizen = Callable[..., Awaitable[Viewer]]
MakeCall = Callable[..., Call]
NEW_PHONE = "13700000077"


@pytest.fixture
def upstreams(sms: FakeSms) -> Mapping[Any, Any]:
    """The gateway alone."""
    return by_operation(sms, GATEWAY)


@pytest.fixture
def officers(call: MakeCall) -> tuple[Call, Call]:
    """Two officers at a counter."""
    roles = frozenset({"department_officer"})
    return call(level=1, roles=roles), call(level=1, roles=roles)


async def _code(work: Awaitable[object]) -> str:
    with pytest.raises(AppError) as refused:
        await work
    return refused.value.code


async def test_two_officers_and_some_days_give_an_account_back(
    app: App,
    citizen: MakeCitizen,
    call: MakeCall,
    officers: tuple[Call, Call],
    sms: FakeSms,
    clock: ManualClock,
) -> None:
    viewer = await citizen(name="罗思远")
    thief = call(user_id=viewer.user_id, level=2)
    await grant_consent(thief, "identity.family", "2026-12")
    await erasure.ask_erasure(thief, new_key())
    before = await get_person(app, viewer.user_id)
    assert before.resident_id is not None
    first, second = officers
    asked = ("罗思远", before.resident_id, NEW_PHONE)
    assert await _code(recovery.propose(thief, *asked, "key-00000001")) == "NOT_ALLOWED"
    row = await recovery.propose(first, *asked, "key-00000002")
    assert (await recovery.propose(first, *asked, "key-00000002")).id == row.id
    for change in ((0, "罗思近"), (2, "13700137009")):
        other = [text if n != change[0] else change[1] for n, text in enumerate(asked)]
        assert await _code(recovery.propose(first, *other, "key-00000002")) == "KEY_REUSED"
    assert await Recovery.all().count() == 1
    assert await _code(approve(first, row)) == "NOT_ALLOWED", "four eyes"
    await approve(second, row)
    await approve(second, row)
    await deliver_due(app)
    assert [text for to, text in sms.sent.values() if to == before.phone]
    await recovery.recover(app)
    assert (await get_person(app, viewer.user_id)).phone == before.phone, "not before its time"
    clock.move(recovery.COOLING_OFF)
    await recovery.recover(app)
    assert (await get_person(app, viewer.user_id)).phone == NEW_PHONE
    assert (await list_consents(thief))[0].withdrawn_at == clock.now()
    kept = await Citizen.get(id=viewer.user_id)
    assert (kept.assurance, kept.level, kept.closes_at) == ("COUNTER", 2, None)
    await recovery.recover(app)


async def test_a_recovery_can_be_stopped(
    app: App, citizen: MakeCitizen, officers: tuple[Call, Call], clock: ManualClock
) -> None:
    viewer = await citizen(name="罗思远")
    before = await get_person(app, viewer.user_id)
    assert before.resident_id is not None
    first, second = officers
    stopped = await recovery.propose(first, "罗思远", before.resident_id, NEW_PHONE, "key-00000001")
    await approve(second, stopped)
    ended = await recovery.withdraw(first, stopped.id)
    assert await recovery.withdraw(first, stopped.id) == ended
    clock.move(recovery.COOLING_OFF)
    await recovery.recover(app)
    assert (await get_person(app, viewer.user_id)).phone == before.phone
    assert await _code(approve(second, stopped)) == "ILLEGAL_STATE"


async def test_a_phone_is_told_in_the_language_of_its_account(
    app: App, citizen: MakeCitizen, officers: tuple[Call, Call], sms: FakeSms
) -> None:
    """Of who may lose an account, and of who waits for one and has another already."""
    viewer, claimant = await citizen(name="罗思远"), await citizen(level=1)
    before, other = [await get_person(app, v.user_id) for v in (viewer, claimant)]
    await Citizen.filter(id__in=[viewer.user_id, claimant.user_id]).update(locale="en")
    assert before.resident_id is not None
    first, second = officers
    row = await recovery.propose(first, "罗思远", before.resident_id, other.phone, "key-00000001")
    await approve(second, row)
    await recovery.withdraw(first, row.id)
    await deliver_due(app)
    texts = [text for to, text in sms.sent.values() if to in (before.phone, other.phone)]
    assert len(texts) == 3 and all(text.startswith("[") for text in texts)


async def test_a_recovery_takes_nobody_elses_phone_and_that_is_said(
    app: App, citizen: MakeCitizen, officers: tuple[Call, Call], clock: ManualClock, sms: FakeSms
) -> None:
    viewer, other = await citizen(name="罗思远"), await citizen(name="冯军")
    before, taken = [await get_person(app, v.user_id) for v in (viewer, other)]
    assert before.resident_id is not None
    first, second = officers
    asked = ("罗思远", before.resident_id, taken.phone, "key-00000001")
    assert await _code(recovery.propose(first, *asked)) == "PHONE_IN_USE"
    assert await Recovery.all().count() == 0
    await Citizen.filter(id=other.user_id).update(phone_index=None)
    row = await recovery.propose(first, *asked)
    await approve(second, row)
    index = app.vault.blind_index(taken.phone, PHONE)
    await Citizen.filter(id=other.user_id).update(phone_index=index)  # theirs after all
    clock.move(recovery.COOLING_OFF)
    for _ in range(2):
        await recovery.recover(app)
    assert (await Recovery.get(id=row.id)).state == "withdrawn"
    for each in (before, taken):
        assert (await get_person(app, each.id)).phone == each.phone
    await deliver_due(app)
    (text,) = [text for to, text in sms.sent.values() if to == taken.phone]
    assert "this phone belongs to another verified account" in text


async def test_of_two_recoveries_the_later_decides(
    app: App, citizen: MakeCitizen, officers: tuple[Call, Call], clock: ManualClock, sms: FakeSms
) -> None:
    viewer = await citizen(name="罗思远")
    number = (await get_person(app, viewer.user_id)).resident_id
    assert number is not None
    rows = []
    for phone in ("13700000078", "13700000079", NEW_PHONE):
        key = f"key-{phone}"
        rows.append(await recovery.propose(officers[0], "罗思远", number, phone, key))
        clock.move(timedelta(hours=1))
    for each in rows[1:]:
        await approve(officers[1], each)
        clock.move(timedelta(hours=1))
    for phone, states in (
        ("13700000079", ["withdrawn", "done", "approved"]),
        (NEW_PHONE, ["withdrawn", "done", "done"]),
    ):
        due = [(await Recovery.get(id=one.id)).due_at for one in rows[1:]]
        clock.move(max(min(each for each in due if each) - clock.now(), timedelta()))
        if phone == NEW_PHONE:
            clock.move(timedelta(hours=1))
        await recovery.recover(app)
        assert [(await Recovery.get(id=one.id)).state for one in rows] == states
        assert (await get_person(app, viewer.user_id)).phone == phone
    await deliver_due(app)
    (text,) = [text for to, text in sms.sent.values() if to == "13700000078"]
    assert "其所有人已通过其他方式找回" in text


@pytest.mark.parametrize(
    "other",
    [{"name": "冯军"}, {"document_no": "370102199003077517"}, {"phone": "13700000078"}],
    ids=lambda other: next(iter(other)),
)
async def test_a_second_officer_who_reads_something_else_approves_nothing(
    app: App, citizen: MakeCitizen, officers: tuple[Call, Call], other: Mapping[str, str]
) -> None:
    first, second = officers
    before = await get_person(app, (await citizen(name="罗思远")).user_id)
    assert before.resident_id is not None
    row = await recovery.propose(first, "罗思远", before.resident_id, NEW_PHONE, "key-00000001")
    card = {"name": "罗思远", "document_no": before.resident_id, "phone": NEW_PHONE}
    assert await _code(recovery.approve(second, row.id, **card | other)) == "RECOVERY_MISMATCH"
    assert (await Recovery.get(id=row.id)).state == "proposed"
    assert (await recovery.approve(second, row.id, **card)).state == "approved"
