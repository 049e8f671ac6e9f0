"""What the workflow engine promises, for each service that runs on it.

A service is tried with the samples in `tests/modules/<module>/applications.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from core.city import load_city
from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import transaction
from core.errors import Conflict, LoginRequired, NotFound
from core.ids import new_id
from core.manifest import discover
from core.people.personal_read import grant_consent
from core.security.authentication import Viewer
from core.settings import Settings
from core.texts import Named
from core.upstream.records import Records
from kinds.application import attachments, desk, service, versions
from kinds.application.definition import Actor, Definition, Turn
from kinds.application.engine import SYSTEM
from kinds.application.form import FormIncomplete
from kinds.application.models import Case
from kinds.application.opening import Opening, open_in
from kinds.application.soundness import check
from kinds.application.versions import APPLICATIONS
from modules.affairs.registry.upstream import REGISTRY_SYSTEM
from modules.mobility.fines.domain import FineStatus
from modules.mobility.fines.upstream import POLICE
from modules.welfare.housing_fund.upstream import CENTRE
from tests.conftest import ROOT
from tests.kinds.application.driver import Sample, drive, paths, way_out
from tests.kinds.application.papers import pdf
from tests.kinds.application.town import Town, find, key
from tests.modules.affairs.registry import FakeItems
from tests.modules.mobility.applications import VIOLATION_NO
from tests.modules.mobility.police import FakePolice, violation
from tests.modules.welfare.centre import FakeCentre
from tests.tree import modules_named
from tests.upstreams import by_operation

SAMPLES: list[Sample] = [
    sample for module in modules_named("applications") for sample in module.SAMPLES
]
CITY = load_city(ROOT / "cities/jinan.toml")
SETTINGS = Settings(city_file=ROOT / "cities/jinan.toml")


@pytest.fixture
def upstreams() -> Mapping[Any, Any]:
    """The registry of items, the housing fund centre and the traffic police."""
    police = FakePolice()
    police.violations = Records([violation(VIOLATION_NO, FineStatus.UNCONFIRMED)])
    return {
        **by_operation(FakeItems(), REGISTRY_SYSTEM),
        **by_operation(FakeCentre(), CENTRE),
        **by_operation(police, POLICE),
    }


@pytest.fixture(params=SAMPLES, ids=lambda sample: f"{sample.service}{sample.item[-4:]}")
def sample(request: pytest.FixtureRequest) -> Sample:
    """Each service in turn."""
    found: Sample = request.param
    return found


@pytest.fixture
async def definition(me: Call, sample: Sample) -> Definition:
    """The service's definition, as the city has decided."""
    found = await versions.find_current(me, sample.service, sample.item)
    assert found is not None
    return found


@pytest.fixture
def town(app: App, call: Callable[..., Call]) -> Town:
    """The people."""
    return Town(app, call)


@pytest.fixture
async def me(
    citizen: Callable[..., Awaitable[Viewer]], call: Callable[..., Call], sample: Sample
) -> Call:
    """A citizen with a real name, who has consented to what the service asks."""
    viewer = await citizen(number=sample.answers.get("resident_id"))
    mine = call(user_id=viewer.user_id, level=2)
    if sample.consent is not None:
        await grant_consent(mine, sample.consent.id, sample.consent.text_version)
    return mine


async def _open(me: Call, sample: Sample, one: str | None = None) -> Case:
    if versions.is_opened_elsewhere(me.app, sample.service):
        return await _open_elsewhere(me, sample)
    case = await service.open_case(
        me,
        sample.service,
        sample.answers,
        one or key(),
        item=sample.item,
        category=sample.category,
    )
    if one is None:
        for paper in sample.papers:
            await attachments.attach(me, case, paper, f"{paper}.pdf", pdf(), key())
    return case


async def _open_elsewhere(me: Call, sample: Sample) -> Case:
    """What a poor rating opens, or a command of the service's own."""
    definition = await versions.find_current(me, sample.service, sample.item)
    assert definition is not None
    definition_id = await versions.store(me.app, definition)
    opening = Opening(definition, definition_id, me.subject_id, sample.category, sample.answers)
    async with transaction() as tx:
        return await open_in(me.app, tx, new_id(), opening, SYSTEM)


def _skip_opened_elsewhere(app: App, sample: Sample) -> None:
    if versions.is_opened_elsewhere(app, sample.service):
        pytest.skip("it is not opened by openCase")


def test_every_application_of_the_house_is_tried_here() -> None:
    declared = {application.service for application in APPLICATIONS.of(discover())}
    assert {sample.service for sample in SAMPLES} == declared


async def test_its_definition_is_sound_and_speaks_both_languages(definition: Definition) -> None:
    check(definition, CITY.departments)
    # the registry names its items in Chinese alone
    titles: list[Named] = [] if definition.item else [definition.title]
    for some in (definition.states, definition.steps, definition.form, definition.categories):
        titles += [one.title for one in some]
    for field in definition.form:
        titles += [option.title for option in field.options]
    for title in titles:
        assert title.zh and title.en and title.zh != title.en
        assert title.en.isascii(), title


async def test_a_case_has_its_number_and_its_promise_at_once(
    me: Call, sample: Sample, definition: Definition
) -> None:
    case = await _open(me, sample)
    assert case.no.startswith(f"{definition.number.prefix}20261123")
    assert case.promise_days == definition.promise[sample.category]
    if definition.states[0].turn is Turn.UNIT:
        assert case.promise_due_on is not None and case.due_on is not None


async def test_one_key_is_one_case(me: Call, sample: Sample, town: Town) -> None:
    _skip_opened_elsewhere(me.app, sample)
    one = key()
    cases = await asyncio.gather(*(_open(me, sample, one) for _ in range(4)))
    assert len({case.id for case in cases}) == 1
    assert len(await town.rows("SELECT id FROM applications_case")) == 1
    other = {name: f"{answer} " for name, answer in sample.answers.items()}
    with pytest.raises(Conflict, match="KEY_REUSED"):
        await service.open_case(
            me, sample.service, other, one, item=sample.item, category=sample.category
        )


async def test_an_empty_form_hears_everything_that_it_lacks(
    me: Call, sample: Sample, town: Town, definition: Definition
) -> None:
    _skip_opened_elsewhere(me.app, sample)
    with pytest.raises(FormIncomplete) as refused:
        case = await service.open_case(
            me, sample.service, {}, key(), item=sample.item, category=sample.category
        )
        (submit,) = [s for s in definition.steps if s.fills and case.state in s.states]
        await town.step(me, case, submit.event)
    assert [problem.name for problem in refused.value.problems] == list(sample.missing)
    if definition.states[0].turn is Turn.UNIT:
        assert await town.rows("SELECT id FROM applications_case") == []


async def test_a_stranger_is_refused_and_finds_nothing(
    me: Call, sample: Sample, town: Town, call: Callable[..., Call]
) -> None:
    case = await _open(me, sample)
    if not versions.is_opened_elsewhere(me.app, sample.service):
        with pytest.raises(LoginRequired):
            await _open(call(), sample)
    with pytest.raises(NotFound):
        await service.get_case(call(user_id=new_id(), level=2), case.id)
    with pytest.raises(NotFound):
        await desk.open_case(await town.officer("culture_tourism"), case.id)


_LICENCE_DUE = """SELECT 1 FROM pgqueuer
 WHERE entrypoint = 'applications.LicenceGranted>affairs.issue'
   AND convert_from(payload, 'UTF8')::jsonb ->> 'case_id' = $1"""


async def test_every_step_can_be_taken_and_every_case_ends(
    me: Call,
    call: Callable[..., Call],
    sample: Sample,
    town: Town,
    clock: ManualClock,
    definition: Definition,
) -> None:
    await town.staffed(*CITY.departments)
    for path in paths(definition):
        me = call(user_id=me.subject_id, level=2)  # days have passed: signed in anew
        case = await _open(me, sample)
        for step in path:
            assert case.state in step.states
            case = await drive(town, clock, me, case, step)
            assert (case.state, case.turn) == (step.target, definition.by_name[step.target].turn)
        for step in way_out(definition, case.state):
            case = await drive(town, clock, me, case, step)
        case = await find(case.id)
        assert case.ended_at is not None and await town.tasks(case) == []
        grants = definition.grants
        due = await town.rows(_LICENCE_DUE, str(case.id))
        assert len(due) == (grants is not None and grants.state == case.state)


def test_what_an_officer_finds_out_by_hand_may_be_each_thing_that_a_system_outside_says() -> None:
    """Of who has died no system may be asked: an officer who can note its yes can note its no."""
    lacking, seen = [], 0
    for application in APPLICATIONS.of(discover()):
        definition = application.definition
        for state in definition.states:
            officers = definition.steps_from(state.name, Actor.OFFICER)
            by_hand = {step.target for step in officers if step.event.endswith("_by_hand")}
            if not (by_hand and state.outside):
                continue
            seen += 1
            said = {definition.find_step(state.name, event).target for event in state.outside}
            lacking += [(definition.service, state.name, end) for end in said - by_hand]
    assert seen >= 2 and lacking == []
