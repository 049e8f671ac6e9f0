"""What makes a definition unsound is named, all of it, before a case could be opened under it."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from core.city import load_city
from core.errors import StartError
from core.settings import Settings
from core.texts import Named
from kinds.application import definition as definition_module
from kinds.application import versions
from kinds.application.definition import (
    Actor,
    Definition,
    Material,
    State,
    Step,
    Turn,
)
from kinds.application.soundness import DefinitionInvalid, check
from modules.community.hotline.definition import HOTLINE
from tests.conftest import ROOT
from tests.kinds.application.wing import PERMIT

UNITS = frozenset(load_city(ROOT / "cities/jinan.toml").departments)
NAME = Named("名", "name")


def _state(name: str, **changes: object) -> Definition:
    states = [replace(state, **changes) if state.name == name else state for state in PERMIT.states]
    return replace(PERMIT, states=states)


def _step(event: str, **changes: object) -> Definition:
    steps = [replace(step, **changes) if step.event == event else step for step in PERMIT.steps]
    return replace(PERMIT, steps=steps)


def _more(*, state: State | None = None, step: Step | None = None) -> Definition:
    states = [*PERMIT.states, *([state] if state else [])]
    return replace(PERMIT, states=states, steps=[*PERMIT.steps, *([step] if step else [])])


def test_a_sound_definition_passes() -> None:
    check(PERMIT, UNITS)


@pytest.mark.parametrize(
    ("definition", "fault"),
    [
        (_more(state=State("limbo", NAME, Turn.UNIT)), "no step leads to limbo"),
        (
            _more(
                state=State("limbo", NAME, Turn.UNIT),
                step=Step("sink", ("desk",), "limbo", Actor.OFFICER, NAME),
            ),
            "limbo is a dead end",
        ),
        (_step("accept", target="nowhere"), "names no state: nowhere"),
        (_step("accept", states=("desk", "nowhere")), "names no state: nowhere"),
        (_state("desk", unit="ministry"), "no unit 'ministry'"),
        (_state("review", branches=(("police", "ministry"),)), "no unit 'ministry'"),
        (replace(PERMIT, escalates_to=""), "no unit ''"),
        (_state("review", branches=(("police", "police"),)), "or names a unit twice"),
        (_state("review", branches=((),)), "a group of branches is empty"),
        (_state("review", agreed=""), "review: branches need a step"),
        (_state("review", agreed="grant"), "review names no step of the system: grant"),
        (_state("paper", lapse=""), "nothing takes the step give_up"),
        (_state("paper", lapse="", unit="police"), "units work where it is not their turn"),
        (replace(PERMIT, limits={"draft": 1}), "paper lapses, and has no limit"),
        (replace(PERMIT, limits={**PERMIT.limits, "attic": 1}), "a limit for no state: attic"),
        (replace(PERMIT, limits={**PERMIT.limits, "desk": 0}), "1 to 365 working days"),
        (replace(PERMIT, promise={"plain": 5}), "the promise names other categories"),
        (_step("grant", unlike="submit"), "unlike no officer's step: submit"),
        (_step("submit", assigns=True), "only officers assign"),
        (replace(PERMIT, steps=[*PERMIT.steps, PERMIT.steps[0]]), "twice there, step"),
        (replace(PERMIT, states=[*PERMIT.states, PERMIT.states[0]]), "twice there, state"),
        (
            _more(step=Step("revive", ("granted",), "desk", Actor.OFFICER, NAME)),
            "a step leaves granted",
        ),
        (_more(step=Step("agree", ("desk",), "review", Actor.OFFICER, NAME)), "no step"),
        (replace(PERMIT, states=()), "it has no state"),
    ],
)
def test_a_fault_is_named(definition: Definition, fault: str) -> None:
    with pytest.raises(DefinitionInvalid) as refused:
        check(definition, UNITS)
    assert fault in str(refused.value)
    assert str(refused.value).startswith("probe-permit: ")


def test_the_handbooks_page_is_a_sound_definition() -> None:
    page = (ROOT / "docs/workflow.md").read_text(encoding="utf-8")
    code, decisions = (
        page.split(f"```{language}\n")[1].split("```")[0] for language in ("python", "toml")
    )
    names = {**vars(definition_module), "Named": Named, "Application": versions.Application}
    exec(code, names)
    application = names["BENCH"]
    check(versions.complete(application.definition, tomllib.loads(decisions)), UNITS)


def test_what_hides_a_person_is_a_flag_beside_which_no_paper_tells_who_it_is() -> None:
    for application, fault in (
        (versions.Application(PERMIT, hides_person="nowhere"), "the form has no flag 'nowhere'"),
        (versions.Application(PERMIT, hides_person="why"), "the form has no flag 'why'"),
        (replace(HOTLINE, definition=replace(HOTLINE.definition, materials=[Material("x", NAME)])),
         "its papers would tell who 'confidential' hides"),
    ):  # fmt: skip
        with pytest.raises(StartError, match=fault):
            versions.check_secret(application)
    versions.check_secret(HOTLINE)


def test_a_service_without_the_citys_decisions_does_not_start(tmp_path: Path) -> None:
    city = tmp_path / "city.toml"
    with pytest.raises(StartError, match=r"applications/hotline-12345.toml"):
        versions.read_rules(Settings(city_file=city), "hotline-12345")
    with pytest.raises(StartError, match="decides nothing named mood"):
        versions.complete(PERMIT, {"mood": 1})
