"""The clocks of a case: the city's promise, the limit of a turn, and what is due on a day.

All are in working days of the city's calendar, and end with a civil day: what is due on Monday is
late from Tuesday on. The promise runs while it is a unit's turn and stands still while the city
waits for the citizen; the day on which a clock starts is not counted.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from core.city import Calendar
from core.states import Edge, StateMachine
from kinds.application.definition import Definition, State, Turn

_DAY = timedelta(days=1)


class TaskStatus(StrEnum):
    """A piece of work of one unit. OPEN. DONE: the case moved on by it. AGREED, REFUSED: what the
    unit said of its branch. DROPPED: the case moved on without it.
    """

    OPEN = "OPEN"
    DONE = "DONE"
    AGREED = "AGREED"
    REFUSED = "REFUSED"
    DROPPED = "DROPPED"


class TaskKind(StrEnum):
    """WORK: the case itself. SUPERVISE: a limit is over, see to it that the work is done."""

    WORK = "WORK"
    SUPERVISE = "SUPERVISE"


TASK = StateMachine(
    name="task of a case",
    table="applications_task",
    column="status",
    initial=[TaskStatus.OPEN],
    edges=[
        Edge(TaskStatus.OPEN, "finish", TaskStatus.DONE),
        Edge(TaskStatus.OPEN, "agree", TaskStatus.AGREED),
        Edge(TaskStatus.OPEN, "refuse", TaskStatus.REFUSED),
        Edge(TaskStatus.OPEN, "drop", TaskStatus.DROPPED),
    ],
)


class Promise(StrEnum):
    """Whether the city keeps what it promised. NOT_YET: it has not begun. RUNNING. SUSPENDED: the
    city waits for the citizen. KEPT. BROKEN: the day is over, or was when the city did its part.
    """

    NOT_YET = "NOT_YET"
    RUNNING = "RUNNING"
    SUSPENDED = "SUSPENDED"
    KEPT = "KEPT"
    BROKEN = "BROKEN"


class Due(StrEnum):
    """What a clock asks for. LAPSE: the limit's step. BREAK: the promise is broken. ESCALATE: the
    limit of the unit's turn is over. WARN: it will be soon.
    """

    LAPSE = "LAPSE"
    BREAK = "BREAK"
    ESCALATE = "ESCALATE"
    WARN = "WARN"


@dataclass(frozen=True, slots=True)
class Clocks:
    """The clocks of a case. Before its first turn of a unit the promise has not begun."""

    promise_days: int
    promise_used: int | None = None
    """Working days of the promise that turns of units took before the present one; None before the
    first of them."""
    promise_from_on: date | None = None
    """Since when it runs; None while it stands still."""
    promise_due_on: date | None = None
    promise_broken_on: date | None = None
    due_on: date | None = None
    """The last day of the present turn."""
    warn_on: date | None = None
    is_warned: bool = False
    is_escalated: bool = False
    look_on: date | None = None
    """The next day on which to look whether something is due; no later than the first on which it
    will be."""
    is_provisional: bool = False
    """A day was counted by a calendar that is not published yet."""


def enter(
    clocks: Clocks,
    definition: Definition,
    state: State,
    calendar: Calendar,
    today: date,
    *,
    restarts: bool = False,
) -> Clocks:
    """The clocks when a case enters a state.

    A look that was planned for an earlier day stays: where nothing is due then the next is planned,
    and the indexes of the case need not follow on every step.
    """
    used = _used(clocks, calendar, today)
    broken_on = clocks.promise_broken_on
    if broken_on is None and clocks.promise_due_on is not None and today > clocks.promise_due_on:
        broken_on = today
    runs = state.turn is Turn.UNIT
    entered = Clocks(
        clocks.promise_days,
        promise_used=0 if restarts or (runs and used is None) else used,
        promise_from_on=today if runs else None,
        promise_broken_on=broken_on,
    )
    entered = count(entered, definition, state, calendar, today)
    planned, needed = clocks.look_on, entered.look_on
    if planned is not None and needed is not None and today < planned < needed:
        return replace(entered, look_on=planned)
    return entered


def count(
    clocks: Clocks, definition: Definition, state: State, calendar: Calendar, turn_from_on: date
) -> Clocks:
    """The days on which a turn that began then is due: at its beginning, or by a newer calendar."""
    promise_due_on = None
    if clocks.promise_from_on is not None:
        left = max(clocks.promise_days - (clocks.promise_used or 0), 0)
        promise_due_on = calendar.add_working_days(clocks.promise_from_on, left)
    dues = [promise_due_on] if promise_due_on and not state.lapse else []
    if state.name in definition.limits:
        dues.append(calendar.add_working_days(turn_from_on, definition.limits[state.name]))
    due_on = min(dues, default=None)
    last_on = max([*dues, promise_due_on or turn_from_on])
    warn_on = calendar.working_days_before(due_on, definition.warn_days) if due_on else None
    counted = replace(
        clocks,
        promise_due_on=promise_due_on,
        due_on=due_on,
        warn_on=warn_on if warn_on and warn_on > turn_from_on else None,
        is_provisional=any(map(calendar.is_provisional, (turn_from_on, last_on))),
    )
    return replace(counted, look_on=next_look(counted, state))


def reclassify(clocks: Clocks, promise_days: int) -> Clocks:
    """The clocks of a case whose category, and so whose promise, has changed."""
    return replace(clocks, promise_days=promise_days)


def next_look(clocks: Clocks, state: State) -> date | None:
    """The first day on which something will be due."""
    return min(_days(clocks, state), default=None)


def list_due(clocks: Clocks, state: State, today: date) -> list[Due]:
    """What is due on a day, in the order in which it is to be done; after LAPSE nothing is."""
    over = clocks.due_on is not None and today > clocks.due_on
    if over and state.lapse:
        return [Due.LAPSE]
    due = []
    if _may_break(clocks) and clocks.promise_due_on and today > clocks.promise_due_on:
        due.append(Due.BREAK)
    if over and not clocks.is_escalated and state.turn is Turn.UNIT:
        due.append(Due.ESCALATE)
    elif clocks.warn_on is not None and today >= clocks.warn_on and not clocks.is_warned:
        due.append(Due.WARN)
    return due


def after(clocks: Clocks, state: State, due: list[Due], today: date) -> Clocks:
    """The clocks once what was due has been done."""
    done = replace(
        clocks,
        is_warned=clocks.is_warned or bool({Due.WARN, Due.ESCALATE} & set(due)),
        is_escalated=clocks.is_escalated or Due.ESCALATE in due,
        promise_broken_on=today if Due.BREAK in due else clocks.promise_broken_on,
    )
    return replace(done, look_on=next_look(done, state))


def promise_of(clocks: Clocks, turn: Turn) -> Promise:
    """How the promise stands."""
    if clocks.promise_broken_on is not None:
        return Promise.BROKEN
    if clocks.promise_from_on is not None:
        return Promise.RUNNING
    if clocks.promise_used is None:
        return Promise.NOT_YET
    return Promise.KEPT if turn is Turn.NOBODY else Promise.SUSPENDED


def days_left(clocks: Clocks, calendar: Calendar, today: date) -> int | None:
    """Working days until the present turn is due: 0 on its last day, negative when it is late."""
    if clocks.due_on is None:
        return None
    if today <= clocks.due_on:
        return calendar.count_working_days(today, clocks.due_on)
    return -calendar.count_working_days(clocks.due_on, today)


def next_group(branches: Sequence[Sequence[str]], agreed: Collection[str]) -> Mapping[str, str]:
    """Who is to be asked now, by branch: of the first group that has not wholly agreed.

    A branch is named by its group and its unit, which may be asked in several groups.
    """
    for number, group in enumerate(branches, 1):
        named = {f"{number}/{unit}": unit for unit in group}
        waiting = {branch: unit for branch, unit in named.items() if branch not in agreed}
        if waiting:
            return waiting
    return {}


def _used(clocks: Clocks, calendar: Calendar, today: date) -> int | None:
    if clocks.promise_used is None or clocks.promise_from_on is None:
        return clocks.promise_used
    return clocks.promise_used + calendar.count_working_days(clocks.promise_from_on, today)


def _may_break(clocks: Clocks) -> bool:
    return clocks.promise_broken_on is None and clocks.promise_from_on is not None


def _days(clocks: Clocks, state: State) -> Iterator[date]:
    if clocks.due_on is not None:
        acts = state.lapse or (state.turn is Turn.UNIT and not clocks.is_escalated)
        if acts:
            yield clocks.due_on + _DAY
        if not clocks.is_warned and clocks.warn_on is not None:
            yield clocks.warn_on
    if _may_break(clocks) and clocks.promise_due_on is not None:
        yield clocks.promise_due_on + _DAY
