"""Reports, the card and the queue against the sandbox's hospitals: consent, labels, silence."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from fhir.resources.R4B.bundle import Bundle

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database.models import AccessLog
from core.deadline import Deadline
from core.errors import Conflict, Forbidden, InvalidInput, NotFound, Unavailable
from core.ids import new_id
from core.people.mandates import act_for
from core.people.personal_read import Verifier, grant_consent, open_access, withdraw_consent
from core.security.authentication import Viewer
from core.settings import Settings
from core.upstream.readings import ReadStatus
from core.upstream.records import Records
from modules.health.card import desk
from modules.health.card import service as card
from modules.health.models import HealthCardRow, HealthCardUse, QueueWatch
from modules.health.queue import service as queue
from modules.health.queue.domain import QueueTicket
from modules.health.record.export import make_summary
from modules.health.record.graphql import Query as RecordQuery
from modules.health.records.lookup import PURPOSE, RECORD_SERVICE, REPORTS, load_file
from modules.health.records.view import sees_restricted
from modules.health.reports.graphql import MedicalReports
from modules.health.reports.graphql import Query as ReportQuery
from modules.identity.models import Citizen
from notifications.messages.models import Message
from tests.kinds.booking.people import guardian_of
from tests.sandbox.serving import Client as Sandbox

pytestmark = pytest.mark.xdist_group("lookups")

MakeCall = Callable[..., Call]


@pytest.fixture
def settings(settings: Settings, sandbox_port: int) -> Settings:
    """Settings with which the App finds that sandbox."""
    return settings.model_copy(update={"sandbox_port": sandbox_port})


@pytest.fixture
async def mine(citizen: Callable[..., Awaitable[Viewer]], sandbox: Sandbox, call: MakeCall) -> Call:
    """A call of somebody whom every hospital knows, with all consents of health."""
    number = (await sandbox.person("citizen_dotted"))["resident_id"]
    viewer = await citizen(number=number)
    made = call(user_id=viewer.user_id, level=2)
    for purpose in (PURPOSE, card.PURPOSE, queue.PURPOSE):
        await grant_consent(made, purpose.id, purpose.text_version)
    return made


def again(mine: Call, call: MakeCall) -> Call:
    """Another request of theirs."""
    return call(user_id=mine.subject_id, level=2)


async def reports(call: Call, **arguments: Any) -> MedicalReports:
    info: Any = SimpleNamespace(context=call)
    found: MedicalReports = await ReportQuery().medical_reports(info, **arguments)
    return found


async def test_a_silent_hospital_is_shown_as_it_was_and_said_to_be_missing(
    mine: Call, call: MakeCall, sandbox: Sandbox, clock: ManualClock
) -> None:
    first = await reports(mine)
    assert [one.status for one in first.sources] == [ReadStatus.LIVE] * 5
    answered_at = clock.now()
    clock.move(timedelta(minutes=5))
    await sandbox.put("/_control/faults/hospital_records_h1", {"error_rate": 1})
    second = await reports(again(mine, call))
    states = {one.hospital.hospital_ref: (one.status, one.as_of) for one in second.sources}
    assert states["h1"] == (ReadStatus.STALE, answered_at)
    assert states["h2"] == (ReadStatus.LIVE, clock.now())
    assert [edge.node.id for edge in second.edges] == [edge.node.id for edge in first.edges]
    clock.move(timedelta(days=2))
    third = await reports(again(mine, call))
    lost = next(one for one in third.sources if one.hospital.hospital_ref == "h1")
    assert (lost.status, bool(lost.reason)) == (ReadStatus.UNAVAILABLE, True)
    shown = {edge.node.hospital.hospital_ref for edge in third.edges}
    assert "h1" not in shown and shown


async def test_what_is_under_a_label_is_shown_to_its_person_alone_and_only_on_demand(
    mine: Call, call: MakeCall
) -> None:
    plain, every = await reports(mine), await reports(again(mine, call), include_restricted=True)
    hidden = {e.node.name for e in every.edges} - {e.node.name for e in plain.edges}
    assert (hidden, plain.hidden_count, every.hidden_count) == ({"HIV抗体筛查"}, 1, 0)
    info: Any = SimpleNamespace(context=again(mine, call))
    record = await RecordQuery().health_record(info, first=100)
    assert record.hidden_count == 2 and "心理门诊" not in {e.node.title for e in record.edges}
    for mandate in (object(), None):
        actor: Any = SimpleNamespace(mandate=mandate)
        assert sees_restricted(actor, True) == (mandate is None)


async def test_pages_join_without_a_gap_and_each_view_is_logged(mine: Call, call: MakeCall) -> None:
    whole = [edge.node.id for edge in (await reports(mine)).edges]
    pages, after = [], None
    while True:
        page = await reports(again(mine, call), first=3, after=after)
        pages += [edge.node.id for edge in page.edges]
        after = page.page_info.end_cursor
        if not page.page_info.has_next_page:
            break
    assert pages == whole and len(whole) > 3
    rows = await AccessLog.filter(subject_id=mine.subject_id, service="medical-report")
    assert len(rows) == 1 + -(-len(whole) // 3)
    with pytest.raises(InvalidInput):
        await reports(again(mine, call), after="x")


async def test_files_open_by_their_links_where_they_are_and_inside_a_report(
    app: App, mine: Call
) -> None:
    found = await REPORTS.read(mine)
    assert found.value is not None
    access = await open_access(mine, service="medical-report", purpose=PURPOSE)
    every = [f for sent in found.value.received for one in sent.reports for f in one.files]
    types = [(await load_file(app, mine.deadline, access, f.ref)).media_type for f in every]
    assert sorted(types) == ["application/pdf", "application/pdf", "image/png"]
    with pytest.raises(NotFound):
        await load_file(app, mine.deadline, access, "h1|inline:0")


async def test_the_export_is_a_fhir_document_whose_values_keep_their_digits(
    app: App, mine: Call
) -> None:
    access = await open_access(mine, service=RECORD_SERVICE, purpose=PURPOSE)
    text = await make_summary(app, mine.deadline, access, restricted=False)
    assert b'"value":19.00' in text and b"7917-8" not in text
    bundle = Bundle.model_validate_json(text)
    first = bundle.entry[0].resource
    assert (bundle.type, first.get_resource_type()) == ("document", "Composition")
    codes = [section.code.coding[0].code for section in first.section]
    assert codes[:3] == ["11450-4", "48765-2", "10160-0"]
    urls = {entry["fullUrl"] for entry in orjson.loads(text)["entry"]}
    assert {one.reference for s in first.section for one in s.entry or ()} <= urls
    every = await make_summary(app, mine.deadline, access, restricted=True)
    assert b"7917-8" in every


async def test_a_card_is_given_once_and_its_code_opens_once(
    app: App, mine: Call, call: MakeCall, clock: ManualClock, sandbox: Sandbox
) -> None:
    with pytest.raises(NotFound):
        await card.issue(mine)
    keys = ("key-one-one", "key-two-two", "key-one-one")
    given = await asyncio.gather(*(card.apply(again(mine, call), key) for key in keys))
    assert given[0] == given[1] == given[2]
    assert await HealthCardRow.filter(citizen_id=mine.subject_id).count() == 1
    code = await card.issue(mine)
    assert (await card.take(app, code.text, "h1")).citizen_id == mine.subject_id
    for hospital in ("h1", "h2"):
        with pytest.raises(Conflict, match="HEALTH_CODE_USED"):
            await card.take(app, code.text, hospital)
    assert await HealthCardUse.all().count() == 1
    rush = await card.issue(mine)
    tries = [card.take(app, rush.text, f"h{n % 5 + 1}") for n in range(10)]
    ends = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(end, Conflict) for end in ends) == 9
    late = await card.issue(mine)
    clock.move(timedelta(seconds=60))
    with pytest.raises(Conflict, match="HEALTH_CODE_EXPIRED"):
        await card.take(app, late.text, "h1")
    early = await card.issue(mine)
    clock.move(timedelta(seconds=-31))
    with pytest.raises(Conflict, match="HEALTH_CODE_CLOCK_SKEW"):
        await card.take(app, early.text, "h1")
    with pytest.raises(InvalidInput):
        await card.take(app, f"{late.text}x", "h1")
    assert await HealthCardUse.all().count() == 2
    number = (await sandbox.person("citizen_dotted"))["resident_id"]
    await sandbox.post(
        "/_control/ehealth-card/state", {"resident_id": number, "state": "SUSPENDED"}
    )
    await card.CARD.read(mine)
    await sandbox.post("/_control/ehealth-card/state", {"resident_id": number, "state": "ACTIVE"})
    with pytest.raises(Conflict, match="NOT_ACTIVE"):
        await card.issue(mine)


async def test_without_consent_there_is_no_card(mine: Call) -> None:
    await withdraw_consent(mine, card.PURPOSE.id)
    with pytest.raises(Forbidden):
        await card.apply(mine, "a-key-for-a-card")
    assert await HealthCardRow.all().count() == 0


async def test_merged_numbers_stand_with_the_one_that_remains(mine: Call) -> None:
    links = {at.hospital_ref: at.reading.items for at in (await card.LINKS.read(mine)).items}
    assert len(links["h1"]) == 2 and links["h1"][1] == f"{links['h1'][0]}-0"
    assert [len(links[ref]) for ref in ("h2", "h3", "h4", "h5")] == [1, 1, 1, 1]


async def _ticket(sandbox: Sandbox, room: int) -> str:
    number = (await sandbox.person("citizen_dotted"))["resident_id"]
    _, made = await sandbox.post(
        "/_control/hospital-queue/h2/tickets", {"resident_id": number, "room": room}
    )
    ticket_no: str = made["ticket_no"]
    return ticket_no


async def _call_next(sandbox: Sandbox, room: int, times: int) -> None:
    for _ in range(times):
        await sandbox.post("/_control/hospital-queue/h2/next", {"room": room})


async def test_who_watches_a_number_is_told_once_when_it_is_next(
    app: App, mine: Call, call: MakeCall, sandbox: Sandbox
) -> None:
    ticket_no = await _ticket(sandbox, 1)
    with pytest.raises(NotFound):
        await queue.watch(mine, "h2", "HQ0", "a-key-for-nothing", enabled=True)
    for key in ("first-first", "first-first", "second-second"):
        await queue.watch(again(mine, call), "h2", ticket_no, key, enabled=True)
    assert await QueueWatch.all().count() == 1
    await _call_next(sandbox, 1, 2)
    await queue.watch_queues(app)
    assert await Message.all().count() == 0
    await _call_next(sandbox, 1, 1)
    for _ in range(2):
        await queue.watch_queues(app)
    assert await Message.filter(person_id=mine.subject_id).count() == 1
    assert await QueueWatch.all().count() == 0


async def test_a_number_that_cannot_be_read_now_is_not_forgotten(
    app: App, mine: Call, call: MakeCall, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket_no = await _ticket(sandbox, 1)
    await queue.watch(mine, "h2", ticket_no, "watch-the-first", enabled=True)

    async def unreadable(*_: object) -> Records[QueueTicket]:
        return Records((), unreadable=1)

    with monkeypatch.context() as broken:
        broken.setattr(queue, "list_tickets", unreadable)
        await queue.watch_queues(app)
        with pytest.raises(Unavailable):
            await queue.watch(again(mine, call), "h2", ticket_no, "watch-it-again", enabled=True)
        await queue.watch(again(mine, call), "h2", ticket_no, "watch-the-first", enabled=True)
    await _call_next(sandbox, 1, 3)
    await queue.watch_queues(app)
    assert await Message.filter(person_id=mine.subject_id).count() == 1


async def test_who_watches_no_more_or_takes_the_consent_back_is_told_nothing(
    app: App, mine: Call, call: MakeCall, sandbox: Sandbox
) -> None:
    one, two = await _ticket(sandbox, 2), await _ticket(sandbox, 2)
    await queue.watch(mine, "h2", one, "watch-the-first", enabled=True)
    await queue.watch(mine, "h2", one, "watch-no-more", enabled=False)
    assert await QueueWatch.all().count() == 0
    await queue.watch(again(mine, call), "h2", two, "watch-the-other", enabled=True)
    await withdraw_consent(mine, queue.PURPOSE.id)
    await _call_next(sandbox, 2, 3)
    await queue.watch_queues(app)
    assert (await QueueWatch.all().count(), await Message.all().count()) == (0, 0)


async def test_a_queue_is_followed_until_the_consent_ends(
    mine: Call, call: MakeCall, sandbox: Sandbox
) -> None:
    ticket_no = await _ticket(sandbox, 0)
    async with aclosing(queue.follow(mine, every_s=0.1)) as moves:

        async def ahead() -> int | None:
            placed = await anext(moves)
            return next(p.ticket.ahead for p in placed if p.ticket.ticket_no == ticket_no)

        before = await ahead()
        await _call_next(sandbox, 0, 1)
        assert before is not None and await ahead() == before - 1
        await withdraw_consent(again(mine, call), queue.PURPOSE.id)
        await _call_next(sandbox, 0, 1)
        with pytest.raises(Forbidden):
            await anext(moves)
    assert await AccessLog.filter(subject_id=mine.subject_id, service=queue.SERVICE).count() == 1


async def test_a_report_of_a_child_without_a_phone_is_told_to_its_guardians(
    app: App, mine: Call, citizen: Callable[..., Awaitable[Viewer]], call: MakeCall
) -> None:
    child_id = (await citizen()).user_id
    await Citizen.filter(id=child_id).update(phone_index=None, phone_sealed=None)
    other = call(user_id=(await citizen()).user_id, level=2)
    for guardian in (mine, other):
        await guardian_of(app, guardian, child_id)
    acting = await act_for(again(mine, call), child_id)
    await grant_consent(acting, PURPOSE.id, PURPOSE.text_version)
    row = await HealthCardRow.create(
        id=new_id(), citizen_id=child_id, state="ACTIVE", applied_at=app.clock.now()
    )
    asking = desk.Desk(app, Deadline.after(5), "h1", Verifier(new_id(), "医院"))
    for _ in range(2):
        await desk._report_ready(asking, {"card": row.id.hex, "reportNo": "R-1"})
    told = await Message.filter(template="health.report_ready").values_list("person_id", flat=True)
    assert sorted(told) == sorted([mine.subject_id, other.subject_id])


async def test_what_a_hospital_asks_by_is_a_text(app: App) -> None:
    deep = orjson.loads("[" * 1_000 + "]" * 1_000)  # too deep to be written out
    asking = desk.Desk(app, Deadline.after(1), "h1", Verifier(new_id(), "医院"))
    for value in (deep, 7, None):
        for serve, body in (
            (desk._check, {"code": value}),
            (desk._report_ready, {"reportNo": value}),
            (desk._report_ready, {"reportNo": "1", "card": value}),
        ):
            with pytest.raises(InvalidInput):
                await serve(asking, body)
