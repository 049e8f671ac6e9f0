"""Reading personal data: no consent, no question; no question without a trace."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from core.bus.bus import CHANNEL
from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_all, parse_url
from core.database.models import AccessLog, Consent
from core.errors import Conflict, Forbidden, LoginRequired, NotFound
from core.ids import new_id
from core.manifest import Manifest
from core.people.consents import CONSENTS_SHOWN
from core.people.directory import Directory, Person
from core.people.personal_read import (
    Access,
    Purpose,
    grant_consent,
    list_access,
    list_consents,
    open_access,
    personal_read,
    withdraw_consent,
)
from core.processes.embedded import DatabaseUrls
from core.processes.open_app import open_app
from core.settings import Settings
from core.telemetry.call_counts import tallying
from core.texts import Text
from core.upstream.exchange import UpstreamTimeout
from core.upstream.readings import Reading, ReadStatus

PURPOSE = Purpose(
    id="probe.read",
    upstream="registry",
    fields=("balance", "name"),
    text=Text("PROBE_CONSENT", "同意", "Agree"),
    text_version="2",
)
_OUTDATED = Purpose(PURPOSE.id, PURPOSE.upstream, PURPOSE.fields, PURPOSE.text, "1")


async def person_of(_app: App, row: Mapping[str, Any]) -> Person:
    """Whoever it is."""
    return Person(row["id"], "13800138000", "张三", "11010519491231002X", 2, "zh")


DIRECTORY = Directory("SELECT $1::uuid AS id", person_of)
"""In which everybody is known."""
WING = Manifest(name="people", package="tests.core.people", rooms=("test_personal_read",))


class Registry:
    """An upstream that counts how often it is asked, and looks who asks."""

    def __init__(self) -> None:
        self.asked: list[Access] = []
        self.fails = False

    async def read(self, access: Access) -> int:
        """Answer, with the access-log row already written."""
        assert await AccessLog.exists(id=access.access_id)
        return await self.tell(access)

    async def tell(self, access: Access) -> int:
        """Answer."""
        self.asked.append(access)
        if self.fails:
            raise UpstreamTimeout("registry", "read", "no answer in time")
        return 100


@pytest.fixture
async def app(
    settings: Settings, clock: ManualClock, manifests: tuple[Manifest, ...]
) -> AsyncIterator[App]:
    """An App whose people all exist."""
    (ground_floor,) = (manifest for manifest in manifests if manifest.name == "core")
    async with open_app(settings, clock=clock, manifests=(ground_floor, WING)) as opened:
        yield opened


async def _read(call: Call, registry: Registry) -> Reading[int]:
    return await personal_read(call, service="probe", purpose=PURPOSE, fetch=registry.read)


async def _access_rows() -> int:
    rows = await fetch_all(connection(), "SELECT id FROM core_access_log")
    return len(rows)


async def test_what_a_request_reads_at_once_is_asked_of_the_database_at_once(
    call: Callable[..., Call],
) -> None:
    citizen, registry = call(level=2), Registry()
    await grant_consent(citizen, PURPOSE.id, "2")

    async def read(purpose: Purpose) -> Reading[int]:
        return await personal_read(citizen, service="probe", purpose=purpose, fetch=registry.tell)

    with tallying() as one:
        await read(PURPOSE)
    with tallying() as three:
        purposes = (PURPOSE, _OUTDATED, PURPOSE)
        answers = await asyncio.gather(*map(read, purposes), return_exceptions=True)
    assert three.sql == one.sql == 2  # before and after the registry's answer
    assert [type(answer) for answer in answers] == [Reading, Forbidden, Reading]
    assert len({access.access_id for access in registry.asked}) == await _access_rows() == 3


async def test_with_consent_the_data_comes_and_the_trace_stands(
    call: Callable[..., Call], clock: ManualClock
) -> None:
    citizen, registry = call(level=2), Registry()
    consent = await grant_consent(citizen, PURPOSE.id, "2")
    reading = await _read(citizen, registry)
    assert (reading.status, reading.value) == (ReadStatus.LIVE, 100)
    (access,) = registry.asked
    assert access.consent_id == consent.id
    (row,) = await list_access(citizen, first=10)
    assert citizen.viewer is not None
    assert (row.id, row.subject_id, row.actor_id) == (
        access.access_id,
        citizen.viewer.user_id,
        citizen.viewer.user_id,
    )
    assert (row.service, row.upstream, row.purpose) == ("probe", "registry", "probe.read")
    assert row.fields_read == ["balance", "name"]
    assert (row.request_id, row.read_at) == ("test-request", clock.now())


async def test_without_consent_nothing_is_asked_logged_or_told(
    call: Callable[..., Call], database: DatabaseUrls
) -> None:
    registry, heard = Registry(), list[object]()
    ear = await asyncpg.connect(**parse_url(database.owner))
    await ear.add_listener(CHANNEL, lambda *news: heard.append(news[-1]))
    with pytest.raises(Forbidden) as refused:
        await _read(call(level=2), registry)
    await ear.execute("SELECT 1")  # what came until now has been read
    await ear.close()
    assert refused.value.code == "CONSENT_REQUIRED"
    assert (registry.asked, await _access_rows(), heard) == ([], 0, [])


@pytest.mark.parametrize(("level", "code"), [(0, "LOGIN_REQUIRED"), (1, "LEVEL_REQUIRED")])
async def test_below_level_two_nothing_is_asked_and_nothing_logged(
    call: Callable[..., Call], level: int, code: str
) -> None:
    registry = Registry()
    with pytest.raises(LoginRequired) as refused:
        await _read(call(level=level), registry)
    assert refused.value.code == code
    assert (registry.asked, await _access_rows()) == ([], 0)


async def test_a_withdrawn_consent_ends_reading_and_forgets_what_was_kept(
    call: Callable[..., Call],
) -> None:
    citizen, registry = call(level=2), Registry()
    await grant_consent(citizen, PURPOSE.id, "2")
    await _read(citizen, registry)
    assert await withdraw_consent(citizen, PURPOSE.id) == 1
    assert await withdraw_consent(citizen, PURPOSE.id) == 0
    with pytest.raises(Forbidden):
        await _read(citizen, registry)
    assert len(registry.asked) == await _access_rows() == 1
    await grant_consent(citizen, PURPOSE.id, "2")
    registry.fails = True
    reading = await _read(citizen, registry)
    assert (reading.status, reading.value) == (ReadStatus.UNAVAILABLE, None)
    consents = await list_consents(citizen)
    assert [consent.withdrawn_at is None for consent in consents].count(True) == 1
    assert len(consents) == 2


async def test_the_list_of_consents_ends_and_keeps_those_that_hold(
    call: Callable[..., Call], clock: ManualClock
) -> None:
    citizen = call(level=2)
    held = await grant_consent(citizen, PURPOSE.id, "2")
    now, day = clock.now(), timedelta(days=1)
    for number in range(CONSENTS_SHOWN):
        await Consent.create(
            id=new_id(),
            subject_id=citizen.subject_id,
            purpose="once",
            text_version="1",
            source="probe",
            recipient="city",
            fields_agreed=["name"],
            granted_by=citizen.subject_id,
            granted_at=now + number * day,
            withdrawn_at=now + number * day,
        )
    shown = await list_consents(citizen)
    assert [row.granted_at for row in shown] == [
        *(now + number * day for number in reversed(range(1, CONSENTS_SHOWN))),
        held.granted_at,
    ]


async def test_anothers_consent_serves_nobody_else(call: Callable[..., Call]) -> None:
    mine, theirs, registry = call(level=2), call(level=2), Registry()
    await grant_consent(mine, PURPOSE.id, "2")
    await _read(mine, registry)
    with pytest.raises(Forbidden):
        await _read(theirs, registry)
    assert await list_access(theirs, first=10) == []
    registry.fails = True
    await grant_consent(theirs, PURPOSE.id, "2")
    assert (await _read(theirs, registry)).value is None  # never my last good answer


async def test_a_silent_upstream_gives_the_last_good_answer_for_a_day(
    call: Callable[..., Call], clock: ManualClock
) -> None:
    citizen, registry = call(level=2), Registry()
    await grant_consent(citizen, PURPOSE.id, "2")
    then = clock.now()
    await _read(citizen, registry)
    registry.fails = True
    clock.move(timedelta(hours=23))
    stale = await _read(citizen, registry)
    assert (stale.status, stale.value, stale.as_of) == (ReadStatus.STALE, 100, then)
    assert stale.reason == "TIMEOUT"
    clock.move(timedelta(hours=2))
    gone = await _read(citizen, registry)
    assert (gone.status, gone.value, gone.as_of) == (ReadStatus.UNAVAILABLE, None, None)
    assert await _access_rows() == 3  # every question leaves its trace, answered or not


async def test_consent_is_to_the_text_that_was_shown(call: Callable[..., Call]) -> None:
    citizen = call(level=2)
    with pytest.raises(Conflict) as outdated:
        await grant_consent(citizen, PURPOSE.id, "1")
    assert outdated.value.code == "CONSENT_TEXT_CHANGED"
    with pytest.raises(NotFound):
        await grant_consent(citizen, "probe.unknown", "2")
    with pytest.raises(LoginRequired):
        await grant_consent(call(), PURPOSE.id, "2")
    assert await list_consents(citizen) == []
    await grant_consent(citizen, PURPOSE.id, "2")
    with pytest.raises(Forbidden):  # what was agreed to under another text does not count
        await open_access(citizen, service="probe", purpose=_OUTDATED)


async def test_two_taps_at_once_make_one_consent(call: Callable[..., Call]) -> None:
    citizen = call(level=1)
    given = await asyncio.gather(*(grant_consent(citizen, PURPOSE.id, "2") for _ in range(10)))
    assert len({consent.id for consent in given}) == 1
    assert len(await list_consents(citizen)) == 1


async def test_the_access_log_pages_from_the_newest(call: Callable[..., Call]) -> None:
    citizen, registry = call(level=2), Registry()
    await grant_consent(citizen, PURPOSE.id, "2")
    for _ in range(5):
        await _read(citizen, registry)
    newest = await list_access(citizen, first=2)
    older = await list_access(citizen, first=10, before=newest[-1].id)
    expected = [access.access_id for access in reversed(registry.asked)]
    assert {row.id for row in (*newest, *older)} == set(expected)
    assert len(newest) + len(older) == 5


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE core_access_log SET service = 'nothing'",
        "DELETE FROM core_access_log",
        "TRUNCATE core_access_log",
    ],
)
async def test_the_access_log_cannot_be_rewritten(
    call: Callable[..., Call], database: DatabaseUrls, statement: str
) -> None:
    citizen = call(level=2)
    await grant_consent(citizen, PURPOSE.id, "2")
    await _read(citizen, Registry())
    refusals = {
        database.app: asyncpg.InsufficientPrivilegeError,
        database.owner: asyncpg.RestrictViolationError,
    }
    for url, refusal in refusals.items():
        role = await asyncpg.connect(**parse_url(url))
        with pytest.raises(refusal):
            await role.execute(statement)
        await role.close()
    assert await _access_rows() == 1
