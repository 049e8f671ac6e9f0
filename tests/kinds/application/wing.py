"""A wing whose one service runs by whichever definition a test gives it, named as its item."""

from dataclasses import replace

from core.catalogue import Service, ServiceKind, ServiceStatus, Theme
from core.context.call import Call
from core.manifest import Manifest
from core.texts import Named
from kinds.application.definition import (
    Actor,
    Choice,
    Definition,
    Field,
    FieldType,
    Numbering,
    State,
    Step,
    Turn,
)
from kinds.application.versions import Application

SERVICE = "probe-permit"
DEFINITIONS: dict[str, Definition] = {}
"""What a test has declared, by item."""


def named(text: str) -> Named:
    """A name in both languages."""
    return Named(text, text)


PERMIT = Definition(
    service=SERVICE,
    title=named("permit"),
    number=Numbering("PROBE", digits=4),
    categories=(Choice("plain", named("plain")), Choice("hard", named("hard"))),
    form=(
        Field("why", named("why"), least=2, most=20),
        Field("size", named("size"), FieldType.NUMBER, required=False, least=1, most=9),
        Field("colour", named("colour"), FieldType.CHOICE,
              options=(Choice("red", named("red")), Choice("blue", named("blue")))),
        Field("phone", named("phone"), required=False, prefill="phone"),
    ),
    states=(
        State("draft", named("draft"), Turn.CITIZEN, lapse="forget"),
        State("desk", named("desk"), Turn.UNIT, unit="hotline"),
        State("review", named("review"), Turn.UNIT,
              branches=(("police", "housing_fund"), ("health",)),
              agreed="all_agree", refused="one_refuses"),
        State("paper", named("paper"), Turn.CITIZEN, lapse="give_up"),
        State("decision", named("decision"), Turn.UNIT),
        State("granted", named("granted"), Turn.NOBODY),
        State("denied", named("denied"), Turn.NOBODY),
        State("gone", named("gone"), Turn.NOBODY),
    ),
    steps=(
        Step("submit", ("draft",), "desk", Actor.CITIZEN, named("submit"), fills=True),
        Step("withdraw", ("draft", "desk", "review", "paper"), "gone", Actor.CITIZEN,
             named("withdraw")),
        Step("forget", ("draft",), "gone", Actor.SYSTEM, named("forget")),
        Step("accept", ("desk",), "review", Actor.OFFICER, named("accept"), classifies=True),
        Step("pass_on", ("desk",), "decision", Actor.OFFICER, named("pass on"), assigns=True),
        Step("ask", ("review", "decision"), "paper", Actor.OFFICER, named("ask"), note=True),
        Step("bring", ("paper",), "review", Actor.CITIZEN, named("bring"), note=True),
        Step("give_up", ("paper",), "gone", Actor.SYSTEM, named("give up")),
        Step("all_agree", ("review",), "decision", Actor.SYSTEM, named("all agree")),
        Step("one_refuses", ("review",), "denied", Actor.SYSTEM, named("one refuses")),
        Step("again", ("decision",), "review", Actor.OFFICER, named("again"), once=True,
             restarts=True),
        Step("grant", ("decision",), "granted", Actor.OFFICER, named("grant"), unlike="accept"),
    ),
    unit="hotline",
    escalates_to="big_data",
    promise={"plain": 5, "hard": 10},
    limits={"draft": 10, "desk": 2, "paper": 3},
    open_most=3,
)  # fmt: skip


async def _find(_call: Call, _base: Definition, item: str) -> Definition | None:
    return DEFINITIONS.get(item)


PROBE = Application(PERMIT, for_item=_find)

MANIFEST = Manifest(
    name="probe",
    rooms=("wing",),
    services=(
        Service(
            number=998,
            id=SERVICE,
            name_zh="试验",
            name_en="Probe",
            theme=Theme.GOVERNMENT,
            kind=ServiceKind.APPLICATION,
            department="police",
            identity_level=2,
            status=ServiceStatus.PLANNED,
        ),
    ),
    package="tests.kinds.application",
)


def declare(definition: Definition, item: str) -> Definition:
    """Let the probe's service take this definition as that of an item."""
    DEFINITIONS[item] = replace(definition, item=item)
    return DEFINITIONS[item]
