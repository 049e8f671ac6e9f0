"""Death as the registry tells it: what ends, what is given back, who is told, and a mistake."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import date, timedelta
from typing import Any

import pytest

from core.clock import ManualClock, civil_date
from core.context.app import App
from core.context.call import Call
from core.database import transaction
from core.id_documents import Document, DocumentKind
from core.ids import new_id
from core.people.directory import find_person, get_person
from core.security.authentication import Viewer
from core.security.authorization import Scope
from core.upstream.client import UpstreamFailed
from core.upstream.exchange import Response
from core.upstream.records import Log
from kinds.booking import service as booking
from kinds.booking import waiting
from kinds.booking.models import Booking, Wait
from modules.identity import children, deaths, staff
from modules.identity.erasure import service as erasure
from modules.identity.models import BIRTH_CERTIFICATE, Citizen, Death, DeathGap, Mandate
from modules.identity.real_name import confirm_document, confirm_identity
from modules.identity.upstream import DeathRecord, list_deaths
from modules.utilities.autopay.models import Autopay
from notifications.messages.models import Message
from tests.jobs import run_due
from tests.kinds.booking.engine import book, offer, people, refusal, used
from tests.kinds.booking.people import guardian_of, resident_id
from tests.kinds.booking.test_offers import wait_for
from tests.modules.identity.test_documents import DOCUMENTS
from tests.modules.identity.test_signed_out import session_of, told
from tests.people import new_key

MakeCitizen = Callable[..., Awaitable[Viewer]]
MakeCall = Callable[..., Call]
DAY = timedelta(days=1)


class Registry:
    """The registry's deaths: records to hand out, or silence."""

    def __init__(self) -> None:
        self.records: list[DeathRecord] = []
        self.bad: dict[int, DeathRecord] = {}
        """What stands on the wire instead of a record, by its number."""
        self.is_silent = False

    async def list_deaths(self, after_no: int) -> Log[DeathRecord]:
        """Two at a time, so that there are pages; read as they are from the wire."""
        if self.is_silent:
            raise UpstreamFailed("police", "list_deaths", "status 503")
        page = [record for record in self.records if record.record_no > after_no][:2]
        wire = [asdict(self.bad.get(record.record_no, record)) for record in page]
        body = json.dumps({"deaths": wire}, default=str).encode()
        response = Response("police", "list_deaths", 200, {}, body)
        return list_deaths.answers.read(response)

    def record(self, app: App, number: int, withdraws: int | None = None) -> None:
        """Record the death of a test citizen."""
        today = civil_date(app.clock.now())
        new = DeathRecord(
            len(self.records) + 1, resident_id(number), today, withdraws, DocumentKind.RESIDENT_ID
        )
        self.records.append(new)

    def record_by(self, app: App, kind: str, number: str, withdraws: int | None = None) -> None:
        """Record the death of somebody who is known by another document."""
        today = civil_date(app.clock.now())
        self.records.append(DeathRecord(len(self.records) + 1, number, today, withdraws, kind))


@pytest.fixture
def registry() -> Registry:
    """The registry."""
    return Registry()


@pytest.fixture
def upstreams(registry: Registry) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return {list_deaths: registry.list_deaths}


async def _tell(app: App, *told: Call, died: Call) -> None:
    for person in told:
        await deaths.tell(app, person.subject_id, died.subject_id)


async def test_an_account_is_closed_and_what_was_under_way_ends(
    app: App, call: MakeCall, registry: Registry
) -> None:
    elder, son, other = await people(app, call, 3)
    mandate = await guardian_of(app, son, elder.subject_id)
    await Mandate.filter(id=mandate.id).update(kind="proxy", services=["gov-hall-appointment"])
    slot, full = await offer(app, 2 * DAY, 3 * DAY)
    mine, taken = await book(elder, slot), await book(other, full)
    wait = await wait_for(elder, full)
    for number in (7, 1, 8):  # two whom nobody here knows, and the elder
        registry.record(app, number)
    for _ in range(2):
        await deaths.read_deaths(app)
    assert await find_person(app, elder.subject_id) is None
    assert (await Booking.get(id=mine.id)).state == "cancelled" and await used(slot) == 0
    assert (await Wait.get(id=wait.id)).state == "lapsed"
    assert (await Mandate.get(id=mandate.id)).state == "ended"
    await booking.cancel(other, taken.id, "cancel-01")
    await waiting.sweep(app)
    assert await used(full) == 0, "nobody is offered a seat who has died"
    await _tell(app, son, elder, died=elder)
    rows = await Message.filter(template="identity.person_died")
    assert [row.person_id for row in rows] == [son.subject_id]
    assert await Death.filter(ended_at=None).count() == 0
    row = await Citizen.get(id=elder.subject_id)
    assert (row.phone_index, row.phone_sealed, row.resident_index) == (None, None, None)
    assert row.name_sealed is not None, "for the next of kin"


async def test_who_acted_for_somebody_long_ago_hears_nothing(
    app: App, call: MakeCall, clock: ManualClock, registry: Registry
) -> None:
    elder, once, now = await people(app, call, 3)
    await guardian_of(app, once, elder.subject_id)
    clock.move(2 * 366 * DAY)
    await guardian_of(app, now, elder.subject_id)
    registry.record(app, 1)
    await deaths.read_deaths(app)
    await run_due(app, "identity.tell_death")
    rows = await Message.filter(template="identity.person_died")
    assert [row.person_id for row in rows] == [now.subject_id]


BAD = {
    "a day that is none": {"died_on": "2026-02-30"},
    "no number of a document": {"number": ""},
    "no number of its own": {"record_no": None},
    "a number that no table holds": {"record_no": 2**70},
    "a record to withdraw that no table holds": {"withdraws": 2**70},
}


async def _alive(app: App, people: Sequence[Call]) -> list[bool]:
    return [await find_person(app, one.subject_id) is not None for one in people]


@pytest.mark.parametrize("wrong", BAD)
@pytest.mark.parametrize("at", [0, 1, 2, 3, 4])
async def test_a_record_that_cannot_be_read_waits_and_holds_up_none_after_it(
    app: App, call: MakeCall, registry: Registry, at: int, wrong: str
) -> None:
    everybody = await people(app, call, 5)
    for number in range(1, 6):
        registry.record(app, number)
    good: Any = registry.records[at]
    changed: Any = BAD[wrong]
    registry.bad[good.record_no] = replace(good, **changed)
    for _ in range(2):
        await deaths.read_deaths(app)
        assert await _alive(app, everybody) == [number == at for number in range(5)]
        (gap,) = await DeathGap.all()
        known = None if "record_no" in changed else good.record_no
        assert (gap.after_no, gap.record_no) == (good.record_no - 1, known)
        assert await deaths.GAPS.read(app) == {"police": 1.0}
    registry.bad.clear()
    await deaths.read_deaths(app)
    assert await _alive(app, everybody) == [False] * 5
    assert await DeathGap.all().count() == 0 and await Death.all().count() == 5


async def test_records_of_which_none_can_be_read_hold_up_none_after_them(
    app: App, call: MakeCall, registry: Registry
) -> None:
    everybody = await people(app, call, 6)
    bad: Any = {"died_on": "soon"}
    for number in range(1, 7):
        registry.record(app, number)
    for record in registry.records[:5]:  # two pages of them, and one that begins so
        registry.bad[record.record_no] = replace(record, **bad)
    await deaths.read_deaths(app)
    assert await _alive(app, everybody) == [True] * 5 + [False]
    for mended in (4, 1, 3):
        del registry.bad[mended]
        await deaths.read_deaths(app)
        assert not (await _alive(app, everybody))[mended - 1]
    assert [gap.record_no for gap in await DeathGap.all().order_by("after_no")] == [2, 5]


async def test_a_record_that_is_gone_is_not_asked_for_any_more(
    app: App, call: MakeCall, registry: Registry
) -> None:
    bad: Any = {"died_on": "soon"}
    for number in (1, 2):
        registry.record(app, number)
        registry.bad[number] = replace(registry.records[-1], **bad)
    await deaths.read_deaths(app)
    registry.records.clear()
    await deaths.read_deaths(app)
    assert await DeathGap.all().count() == 0 and await Death.all().count() == 0


async def test_a_mistake_that_is_read_late_closes_no_account(
    app: App, call: MakeCall, registry: Registry
) -> None:
    (viewer,) = await people(app, call, 1)
    registry.record(app, 1)
    bad: Any = {"died_on": "2026-02-30"}
    registry.bad[1] = replace(registry.records[0], **bad)
    registry.record(app, 1, withdraws=1)
    await deaths.read_deaths(app)
    registry.bad.clear()
    await deaths.read_deaths(app)
    assert await Death.all().count() == 2 and await DeathGap.all().count() == 0
    assert await find_person(app, viewer.subject_id) is not None


async def test_all_that_was_recorded_can_be_read_once_more(
    app: App, call: MakeCall, registry: Registry
) -> None:
    """What was passed over when no gaps were kept left no trace, and the record after it counts."""
    everybody = await people(app, call, 2)
    bad: Any = {"died_on": "2026-02-30"}
    for number in (1, 2):
        registry.record(app, number)
    registry.record(app, 2, withdraws=2)
    registry.bad[1] = replace(registry.records[0], **bad)
    await deaths.read_deaths(app)
    registry.bad.clear()
    await DeathGap.all().delete()
    await Death.all().update(withdraws=None)
    await deaths.read_deaths(app)
    assert await _alive(app, everybody) == [True, True]
    await deaths.read_deaths(app, 0)
    assert await _alive(app, everybody) == [False, True]
    assert (await Death.get(record_no=3)).withdraws == 2


async def test_who_has_died_is_no_officer_any_more(
    app: App, call: MakeCall, registry: Registry
) -> None:
    (viewer,) = await people(app, call, 1)
    phone = (await get_person(app, viewer.subject_id)).phone
    async with transaction() as tx:
        await staff.enrol(
            *(app, tx),
            phone=phone,
            roles=["department_officer"],
            department="police",
            secret=bytes(20),
        )
    asked: Any = (app, ["police"], Scope.ACCOUNTS_RECOVER)
    (officer,) = await staff.list_officers(*asked)
    assert officer.id == viewer.subject_id
    registry.record(app, 1)
    await deaths.read_deaths(app)
    assert await staff.list_officers(*asked) == []
    assert await staff.find_officers(app, [viewer.subject_id]) == []


async def test_nobody_takes_the_name_of_who_has_died(
    app: App, call: MakeCall, registry: Registry
) -> None:
    (viewer,) = await people(app, call, 1)
    registry.record(app, 2)  # without an account here
    await deaths.read_deaths(app)
    access: Any = None  # nobody is asked
    work = confirm_identity(viewer, access, "甄示范", resident_id(2))
    assert await refusal(work) == "REAL_NAME_MISMATCH"


async def test_a_record_that_is_withdrawn_opens_the_account_again(
    app: App, call: MakeCall, registry: Registry
) -> None:
    (viewer,) = await people(app, call, 1)
    await erasure.ask_erasure(viewer, new_key())
    await session_of(app, viewer.subject_id, "one")
    registry.record(app, 1)
    await deaths.read_deaths(app)
    assert await told(app, viewer.subject_id) == [], "nobody is left to be told"
    registry.record(app, 1, withdraws=1)
    for _ in range(2):
        await deaths.read_deaths(app)
    (text,) = await told(app, viewer.subject_id)
    assert "phone one: the population registry had made a mistake" in text
    person = await find_person(app, viewer.subject_id)
    assert person is not None and person.resident_id == resident_id(1)
    assert not person.has_phone, "the phone comes back at a counter"
    row = await Citizen.get(id=viewer.subject_id)
    assert (row.died_on, row.closes_at) == (None, None), "and nothing closes it again"


async def test_an_account_stays_closed_while_another_record_stands(
    app: App, call: MakeCall, registry: Registry, clock: ManualClock
) -> None:
    (viewer,) = await people(app, call, 1)
    registry.record(app, 1)
    await deaths.read_deaths(app)
    clock.move(DAY)
    for withdraws in (None, 1):  # the date is corrected: recorded anew, then the first withdrawn
        registry.record(app, 1, withdraws=withdraws)
        await deaths.read_deaths(app)
        await deaths.read_deaths(app)
    assert await find_person(app, viewer.subject_id) is None
    row = await Citizen.get(id=viewer.subject_id)
    assert (row.died_on, row.resident_index) == (civil_date(clock.now()), None)
    assert row.closed_at is not None
    registry.record(app, 1, withdraws=2)
    await deaths.read_deaths(app)
    person = await find_person(app, viewer.subject_id)
    assert person is not None and person.resident_id == resident_id(1)


async def test_an_account_that_cannot_be_opened_holds_up_no_record_after_it(
    app: App, call: MakeCall, citizen: MakeCitizen, registry: Registry
) -> None:
    viewer, other = await people(app, call, 2)
    registry.record(app, 1)
    await deaths.read_deaths(app)
    holder = await citizen(number=resident_id(1))  # with a phone: it may be somebody else
    registry.record(app, 1, withdraws=1)
    registry.record(app, 2)
    await deaths.read_deaths(app)
    assert await find_person(app, other.subject_id) is None, "the record after it is read"
    row = await Citizen.get(id=viewer.subject_id)
    assert row.died_on is not None and row.closed_at is not None and row.resident_index is None
    held = await find_person(app, holder.user_id)
    assert held is not None and held.resident_id == resident_id(1)
    await Citizen.filter(id=holder.user_id).update(resident_index=None, level=1)
    await deaths.read_deaths(app)
    assert await find_person(app, viewer.subject_id) is not None, "as soon as the number is free"


async def test_a_silent_registry_loses_nothing_and_one_failure_stops_no_other(
    app: App, call: MakeCall, registry: Registry
) -> None:
    first, second = await people(app, call, 2)
    registry.record(app, 1)
    registry.is_silent = True
    await deaths.read_deaths(app)
    assert await Death.all().count() == 0
    registry.is_silent = False
    registry.record(app, 2)
    await deaths.read_deaths(app)
    for one in (first, second):
        assert await find_person(app, one.subject_id) is None


async def test_one_thing_that_cannot_be_ended_keeps_nothing_else_under_way(
    app: App, call: MakeCall, registry: Registry
) -> None:
    (elder,) = await people(app, call, 1)
    slots = await offer(app, 2 * DAY, 3 * DAY)
    mine, odd = [await book(elder, slot) for slot in slots]
    await Booking.filter(id=odd.id).update(service_id="a-service-of-before")
    agreed = {"bill_ceiling_fen": 1, "month_ceiling_fen": 1, "agreed_at": app.clock.now()}
    await Autopay.create(
        id=new_id(), link_id=new_id(), citizen_id=elder.subject_id, contract_id=new_id(),
        text_version="1", state="signing", **agreed,
    )  # fmt: skip
    registry.record(app, 1)
    for _ in range(2):
        await deaths.read_deaths(app)
    assert (await Booking.get(id=mine.id)).state == "cancelled"
    assert [await used(slot) for slot in slots] == [0, 1]
    assert await Death.filter(ended_at=None).count() == 1, "the next pass tries again"


async def test_the_name_is_kept_for_the_next_of_kin_and_then_forgotten(
    app: App, call: MakeCall, clock: ManualClock, registry: Registry
) -> None:
    (viewer,) = await people(app, call, 1)
    registry.record(app, 1)
    await deaths.read_deaths(app)
    for days, is_kept in ((1, True), (3 * 366 - 1, True), (1, False)):
        clock.move(timedelta(days=days))
        await erasure.finish_erasures(app)
        row = await Citizen.get(id=viewer.subject_id)
        assert (row.name_sealed is not None) is is_kept


WRITTEN = {
    DocumentKind.RESIDENT_ID: "110101199012310013",
    DocumentKind.FOREIGN_RESIDENT: "kaz 110090123105",
    DocumentKind.HK_MACAO_PERMIT: "H1234567801",
    DocumentKind.TAIWAN_PERMIT: "1234567801(B)",
}
"""As the registry may write those of `test_documents.py`: with blanks, with how often renewed."""


@pytest.mark.parametrize("kind", WRITTEN)
async def test_a_death_is_known_by_each_document(
    app: App, citizen: MakeCitizen, call: MakeCall, registry: Registry, kind: DocumentKind
) -> None:
    document = Document(kind, DOCUMENTS[kind], date(1990, 12, 31))
    if kind is DocumentKind.RESIDENT_ID:
        viewer = await citizen(number=document.number)
    else:
        viewer = await citizen(document=document)
    registry.record_by(app, "PASSPORT", "E12345678")  # known here to nobody
    registry.record_by(app, kind, WRITTEN[kind])
    await deaths.read_deaths(app)
    assert await find_person(app, viewer.user_id) is None
    assert await Death.all().count() == 2 and not await Death.exists(ended_at=None)
    access: Any = None  # nobody is asked
    work = confirm_document(call(), access, "甄示范", document)
    assert await refusal(work) == "REAL_NAME_MISMATCH"
    registry.record_by(app, kind, WRITTEN[kind], withdraws=2)
    await deaths.read_deaths(app)
    person = await find_person(app, viewer.user_id)
    assert person is not None and person.document_no == document.number


async def test_a_newborn_without_a_number_is_known_by_its_certificate(
    app: App, citizen: MakeCitizen, call: MakeCall, registry: Registry
) -> None:
    parent, child = await citizen(), await citizen()
    number, vault = "X370000001", app.vault
    await Citizen.filter(id=child.user_id).update(
        phone_index=None,
        phone_sealed=None,
        resident_index=None,
        resident_sealed=None,
        birth_index=vault.blind_index(number, BIRTH_CERTIFICATE),
        birth_sealed=vault.encrypt(number, BIRTH_CERTIFICATE),
        born_on=date(2026, 11, 20),
    )
    mother = call(user_id=parent.user_id, level=2)
    await guardian_of(app, mother, child.user_id)
    registry.record_by(app, DocumentKind.BIRTH_CERTIFICATE, "x370 000001")
    await deaths.read_deaths(app)
    assert await find_person(app, child.user_id) is None
    assert not await Mandate.exists(subject_id=child.user_id, state="active")
    assert await refusal(children.add_newborn(mother, number, new_key())) == "NOT_YOUR_NEWBORN"
    registry.record_by(app, DocumentKind.BIRTH_CERTIFICATE, number, withdraws=1)
    await deaths.read_deaths(app)
    again = await find_person(app, child.user_id)
    assert again is not None and again.birth_certificate_no == number


def test_every_kind_of_document_is_tried_here() -> None:
    assert {*WRITTEN, DocumentKind.BIRTH_CERTIFICATE} == set(DocumentKind)
