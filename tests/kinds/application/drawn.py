"""Definitions drawn at random: sound ones, as a service might declare them."""

from hypothesis import strategies as st

from core.texts import Named
from kinds.application.definition import (
    Actor,
    Definition,
    Numbering,
    State,
    Step,
    Turn,
)
from tests.kinds.application.wing import SERVICE

UNITS = ("hotline", "police", "health", "water", "gas")
NAME = Named("名", "name")
_ENDS = ("granted", "denied")


@st.composite
def definitions(draw: st.DrawFn) -> Definition:
    """A definition of two to five open states and two ends, which `check` passes.

    From each open state a way leads on; further steps go anywhere, backwards too.
    """
    names = [f"s{n}" for n in range(draw(st.integers(2, 5)))]
    states, steps, limits = [], [], {}
    for place, name in enumerate(names):
        onward = names[place + 1] if place + 1 < len(names) else draw(st.sampled_from(_ENDS))
        anywhere = st.sampled_from([*names, *_ENDS])
        kind = draw(st.sampled_from(["citizen", "unit", "branches"]))
        if kind == "citizen":
            states.append(State(name, NAME, Turn.CITIZEN, lapse=f"lapse_{name}"))
            steps.append(_step(f"go_{name}", name, onward, Actor.CITIZEN))
            steps.append(_step(f"lapse_{name}", name, draw(anywhere), Actor.SYSTEM))
            limits[name] = draw(st.integers(1, 5))
        elif kind == "unit":
            unit = draw(st.sampled_from(["", *UNITS]))
            states.append(State(name, NAME, Turn.UNIT, unit=unit))
            restarts = draw(st.booleans())
            steps.append(_step(f"go_{name}", name, onward, Actor.OFFICER, assigns=not unit,
                               restarts=restarts))  # fmt: skip
            if draw(st.booleans()):
                limits[name] = draw(st.integers(1, 3))
        else:
            asked = draw(st.lists(st.sampled_from(UNITS), min_size=1, max_size=4, unique=True))
            cut = draw(st.integers(1, len(asked)))
            groups = tuple(tuple(group) for group in (asked[:cut], asked[cut:]) if group)
            states.append(State(name, NAME, Turn.UNIT, branches=groups, agreed=f"all_{name}",
                                refused=f"no_{name}"))  # fmt: skip
            steps.append(_step(f"all_{name}", name, onward, Actor.SYSTEM))
            steps.append(_step(f"no_{name}", name, draw(st.sampled_from(_ENDS)), Actor.SYSTEM))
        if draw(st.booleans()):
            officers = [] if kind == "citizen" else [Actor.OFFICER]
            by = draw(st.sampled_from([Actor.CITIZEN, *officers]))
            steps.append(_step(f"jump_{name}", name, draw(anywhere), by, once=draw(st.booleans())))
    states += [State(end, NAME, Turn.NOBODY) for end in _ENDS]
    return Definition(
        SERVICE,
        NAME,
        _reached(states, steps),
        _kept(states, steps),
        Numbering("DRAWN", digits=6),
        unit="hotline",
        escalates_to="big_data",
        promise={"": draw(st.integers(1, 12))},
        limits={n: d for n, d in limits.items() if n in {s.name for s in _reached(states, steps)}},
        warn_days=draw(st.integers(0, 2)),
        open_most=10_000,
    )


def _step(event: str, state: str, target: str, by: Actor, **more: bool) -> Step:
    return Step(event, (state,), target, by, NAME, **more)


def _reached(states: list[State], steps: list[Step]) -> list[State]:
    reached, grown = {states[0].name}, True
    while grown:
        new = {step.target for step in steps if set(step.states) & reached} - reached
        reached |= new
        grown = bool(new)
    return [state for state in states if state.name in reached]


def _kept(states: list[State], steps: list[Step]) -> list[Step]:
    reached = {state.name for state in _reached(states, steps)}
    return [step for step in steps if set(step.states) & reached]
