"""What every lookup promises, for each that the wings declare, against the sandbox city.

A lookup is found by its type and asked without arguments; nothing of this is written again for it.
All are asked in one test after another, so that a further one costs no database and no process.
"""

import sys
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from typing import Any, TypeAlias

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database.models import AccessLog
from core.errors import Forbidden, InvalidInput, LoginRequired
from core.id_documents import Document, DocumentKind
from core.manifest import discover
from core.people.consents import documents_of
from core.people.personal_read import Purpose, grant_consent, withdraw_consent
from core.security.authentication import Viewer
from core.settings import Settings
from core.telemetry.call_counts import tallying
from core.upstream.operation import System
from core.upstream.readings import Reading, ReadStatus
from kinds.lookup import CITY_LOOKUPS, PERSONAL_LOOKUPS, CityLookup, PersonalLookup, page_of
from tests.sandbox.serving import Client as Sandbox

pytestmark = pytest.mark.xdist_group("lookups")

Lookup: TypeAlias = PersonalLookup[..., Any] | CityLookup[..., Any]
MakeCall: TypeAlias = Callable[..., Call]

MANIFESTS = discover(examples=True)
PERSONAL = PERSONAL_LOOKUPS.of(MANIFESTS)
ALL: list[Lookup] = [*PERSONAL, *CITY_LOOKUPS.of(MANIFESTS)]
SYSTEMS = {lookup.purpose.upstream for lookup in PERSONAL} | {
    system.name
    for lookup in CITY_LOOKUPS.of(MANIFESTS)
    for system in vars(sys.modules[getattr(lookup.ask, "make", lookup.ask).__module__]).values()
    if isinstance(system, System)
}
"""Those that the lookups ask: of a city's lookup, what stands in the file of its question."""
PERMITS = (
    Document(DocumentKind.HK_MACAO_PERMIT, "H12345678", date(1990, 12, 31)),
    Document(DocumentKind.HK_MACAO_PERMIT, "M12345678", date(1990, 12, 31)),
    Document(DocumentKind.TAIWAN_PERMIT, "12345678", date(1990, 12, 31)),
    Document(DocumentKind.FOREIGN_RESIDENT, "KAZ110090123105", date(1990, 12, 31)),
)
ERROR, SILENCE, GARBAGE = {"error_rate": 1}, {"hang": True}, {"garbage": True}


@pytest.fixture
def settings(settings: Settings, sandbox_port: int) -> Settings:
    """Settings with which the App finds that sandbox."""
    return settings.model_copy(update={"sandbox_port": sandbox_port})


@pytest.fixture
async def person(citizen: Callable[..., Awaitable[Viewer]], sandbox: Sandbox) -> Viewer:
    """Somebody verified, whom every system of the sandbox knows."""
    return await citizen(number=(await sandbox.person("citizen"))["resident_id"])


@pytest.fixture
def mine(call: MakeCall, person: Viewer) -> Call:
    """A call of theirs, with time for all lookups one after another."""
    return call(user_id=person.user_id, level=2, deadline_s=60)


async def _break(sandbox: Sandbox, fault: dict[str, Any]) -> None:
    for system in SYSTEMS:
        status, _ = await sandbox.put(f"/_control/faults/{system}", fault)
        assert status == 200, system


async def _consent(call: Call, lookup: Lookup) -> None:
    if isinstance(lookup, PersonalLookup):
        await grant_consent(call, lookup.purpose.id, lookup.purpose.text_version)


async def _traces() -> list[AccessLog]:
    return await AccessLog.all().order_by("id")


def _name(lookup: Lookup) -> str:
    return f"{lookup.service} {lookup.part}".strip()


def _is_unavailable(reading: Reading[Any]) -> bool:
    return (reading.status, reading.value, reading.as_of, bool(reading.reason)) == (
        ReadStatus.UNAVAILABLE,
        None,
        None,
        True,
    )


def test_every_lookup_is_of_a_living_service_and_asks_for_consent_in_both_languages() -> None:
    living = {s.id for m in MANIFESTS for s in m.services if s.status == "LIVE"}
    assert PERSONAL
    for lookup in ALL:
        assert lookup.service in living, _name(lookup)
    for lookup in PERSONAL:
        purpose: Purpose = lookup.purpose
        assert purpose.fields and purpose.text.zh and purpose.text.en, _name(lookup)


async def test_without_consent_nothing_is_asked_and_no_trace_is_left(mine: Call) -> None:
    for lookup in PERSONAL:
        with tallying() as tally, pytest.raises(Forbidden) as refused:
            await lookup.read(mine)
        assert (refused.value.code, tally.upstream) == ("CONSENT_REQUIRED", 0), _name(lookup)
    assert await _traces() == []


async def test_below_level_two_nothing_is_asked_and_no_trace_is_left(
    call: MakeCall, mine: Call
) -> None:
    for lookup in PERSONAL:
        await _consent(mine, lookup)
        for stranger in (call(), call(user_id=mine.subject_id, level=1)):
            with tallying() as tally, pytest.raises(LoginRequired):
                await lookup.read(stranger)
            assert tally.upstream == 0, _name(lookup)
    assert await _traces() == []


async def test_an_answer_is_live_and_its_trace_names_what_was_read(
    mine: Call, clock: ManualClock
) -> None:
    for lookup in ALL:
        await _consent(mine, lookup)
        before = len(await _traces())
        reading = await lookup.read(mine)
        assert (reading.status, reading.as_of, reading.reason) == (
            ReadStatus.LIVE,
            clock.now(),
            None,
        ), _name(lookup)
        traces = (await _traces())[before:]
        if isinstance(lookup, CityLookup):
            assert traces == [], _name(lookup)
            continue
        (row,) = traces
        purpose = lookup.purpose
        assert (row.service, row.purpose, row.upstream, tuple(row.fields_read)) == (
            lookup.service,
            purpose.id,
            purpose.upstream,
            tuple(purpose.fields),
        )
        assert (row.subject_id, row.actor_id) == (mine.subject_id, mine.subject_id)


@pytest.mark.parametrize("document", PERMITS, ids=lambda document: document.number)
async def test_the_holder_of_a_permit_is_answered_wherever_the_office_takes_it(
    call: MakeCall,
    citizen: Callable[..., Awaitable[Viewer]],
    sandbox: Sandbox,
    document: Document,
) -> None:
    await sandbox.issue(document)
    viewer = await citizen(name="陳大文", document=document)
    mine = call(user_id=viewer.user_id, level=2, deadline_s=60)
    known = set()
    for lookup in PERSONAL:
        await _consent(mine, lookup)
        if document.kind not in documents_of(mine.app, lookup.purpose).kinds:
            with pytest.raises(Forbidden) as refused:
                await lookup.read(mine)
            assert refused.value.code == "DOCUMENT_NOT_TAKEN", _name(lookup)
            continue
        reading = await lookup.read(mine)
        assert reading.status is ReadStatus.LIVE, (_name(lookup), reading.reason)
        if reading.value is not None:
            known.add(lookup.service)
    assert {"medical-insurance-query", "e-licence", "health-record", "real-estate-query"} <= known
    if document.number.startswith("M"):  # who has worked here, by chance of the number
        assert {"pension-insurance-query", "housing-fund-query"} <= known


async def test_the_last_good_answer_is_stale_and_not_shown_when_it_is_old(
    call: MakeCall, mine: Call, sandbox: Sandbox, clock: ManualClock
) -> None:
    answered_at, live = clock.now(), {}
    for lookup in ALL:
        await _consent(mine, lookup)
        live[_name(lookup)] = await lookup.read(mine)
    await _break(sandbox, ERROR)
    for lookup in ALL:
        fresh = lookup.fresh if isinstance(lookup, CityLookup) else timedelta()
        clock.move(answered_at + max(fresh, timedelta(minutes=14)) - clock.now())
        stale = await lookup.read(call(user_id=mine.subject_id, level=2))
        assert (stale.status, stale.as_of) == (ReadStatus.STALE, answered_at), _name(lookup)
        assert stale.value == live[_name(lookup)].value
        assert stale.reason, _name(lookup)
    for lookup in ALL:
        clock.move(answered_at + lookup.max_stale + timedelta(seconds=1) - clock.now())
        old = await lookup.read(call(user_id=mine.subject_id, level=2))
        assert _is_unavailable(old), _name(lookup)


@pytest.mark.parametrize("fault", [ERROR, GARBAGE], ids=["error", "garbage"])
async def test_a_system_that_never_answered_well_is_unavailable(
    call: MakeCall, mine: Call, sandbox: Sandbox, fault: dict[str, Any]
) -> None:
    await _break(sandbox, fault)
    for lookup in ALL:
        await _consent(mine, lookup)
        reading = await lookup.read(call(user_id=mine.subject_id, level=2))
        assert _is_unavailable(reading), _name(lookup)


async def test_a_silent_system_is_unavailable_within_the_deadline(
    call: MakeCall, mine: Call, sandbox: Sandbox
) -> None:
    await _break(sandbox, SILENCE)
    for lookup in ALL:
        await _consent(mine, lookup)
        reading = await lookup.read(call(user_id=mine.subject_id, level=2, deadline_s=0.2))
        assert _is_unavailable(reading), _name(lookup)
        assert reading.reason == "TIMEOUT", _name(lookup)


async def test_what_was_kept_is_not_shown_without_consent_nor_to_somebody_else(
    app: App,
    call: MakeCall,
    mine: Call,
    citizen: Callable[..., Awaitable[Viewer]],
    sandbox: Sandbox,
) -> None:
    for lookup in PERSONAL:
        await _consent(mine, lookup)
        await lookup.read(mine)
    await _break(sandbox, ERROR)
    other = call(user_id=(await citizen()).user_id, level=2)
    for lookup in PERSONAL:
        await _consent(other, lookup)
        assert _is_unavailable(await lookup.read(other)), _name(lookup)
    for lookup in PERSONAL:
        await withdraw_consent(mine, lookup.purpose.id)
    for lookup in PERSONAL:
        with pytest.raises(Forbidden):
            await lookup.read(mine)
    for lookup in PERSONAL:
        await _consent(mine, lookup)
        assert _is_unavailable(await lookup.read(mine)), _name(lookup)


def test_a_page_of_what_cannot_be_read_now_says_so_and_blames_no_cursor(clock: ManualClock) -> None:
    down: Reading[list[str]] = Reading(ReadStatus.UNAVAILABLE, None, None, "TIMEOUT")
    page = page_of(down, 5, "b", str)
    assert (page.edges, page.total_count, page.page_info.has_next_page) == ([], None, False)
    assert (page.status, page.reason) == (ReadStatus.UNAVAILABLE, "TIMEOUT")
    live = Reading(ReadStatus.LIVE, ["a", "b", "c"], clock.now(), None)
    assert [edge.node for edge in page_of(live, 5, "b", str).edges] == ["c"]
    with pytest.raises(InvalidInput):
        page_of(live, 5, "z", str)


def test_a_page_goes_on_behind_what_its_system_tells_twice(clock: ManualClock) -> None:
    live = Reading(ReadStatus.LIVE, ["a", "b", "b", "c"], clock.now(), None)
    seen, after = [], None
    for _ in range(3):
        page = page_of(live, 1, after, str)
        seen += [edge.node for edge in page.edges]
        after = page.page_info.end_cursor
    assert (seen, page.page_info.has_next_page, page.total_count) == (["a", "b", "c"], False, 3)
