"""What people are told of cases: the citizen of each step of the city, the officers of limits."""

from uuid import UUID

from core.bus import bus
from core.context.app import App
from core.database import Transaction, transaction
from core.people.directory import find_person
from core.queue.jobs import NewJob, job
from core.texts import Locale
from kinds.application import store, texts, versions
from kinds.application.definition import Turn
from kinds.application.models import Case
from notifications import api as notifications


def topic(citizen_id: UUID) -> str:
    """The bus topic on which changes of a citizen's cases are told."""
    return f"applications:{citizen_id}"


async def tell_later(tx: Transaction, case: Case, event: str) -> NewJob:
    """Tell the citizen of a step on open screens when `tx` commits, and in the inbox by the job
    that it returns."""
    await show(tx, case)
    return news(case, event)


async def show(tx: Transaction, case: Case) -> None:
    """Tell the citizen's open screens that a case has changed when `tx` commits."""
    await bus.publish_after(tx, topic(case.citizen_id), str(case.id))


def news(case: Case, event: str) -> NewJob:
    """What tells the citizen in the inbox what has just happened to a case."""
    return tell.later(case.id, case.sequence, event, case.state)


@job("applications.tell")
async def tell(app: App, case_id: UUID, sequence: int, event: str, state: str) -> None:
    """The job behind `news`; the message's key makes it repeat-safe.

    Where the case waits for the citizen, and still does, it goes by SMS too.
    """
    case = await store.find_case(case_id)
    assert case is not None
    definition = await versions.get_stored(app, case.definition_id)
    person = await find_person(app, case.citizen_id)
    if person is None:
        return
    locale = Locale(person.locale)
    is_turn = case.state == state and case.turn == Turn.CITIZEN
    async with transaction() as tx:
        await notifications.notify(
            app,
            tx,
            person=person,
            template="applications.turn" if is_turn else "applications.news",
            values={
                "service": definition.title.say(locale),
                "no": case.no,
                "event": texts.title_of(definition, event).say(locale),
                "state": definition.by_name[state].title.say(locale),
                "due_on": case.due_on.isoformat() if case.due_on else "",
            },
            key=f"case:{case_id}:{sequence}",
            deep_link=app.city.deep_link.format(id=case.service_id),
        )


async def remind_officers(app: App, tx: Transaction, case: Case, event: str, once: str) -> None:
    """Tell the officers who have a case of an event when `tx` commits; of none, who acted last.

    Each is told once of an event with the same `once`.
    """
    tasks = await store.list_open_tasks(tx, case.id)
    officers = {task.assignee_id for task in tasks if task.assignee_id is not None}
    if not tasks and (last := await store.find_last_officer(tx, case.id)):
        officers = {last}
    for officer_id in sorted(officers):
        await remind_officer.enqueue(app, tx, case.id, officer_id, event, once)


@job("applications.remind_officer")
async def remind_officer(app: App, case_id: UUID, officer_id: UUID, event: str, day: str) -> None:
    """Tell an officer of a limit or of news. Repeat-safe by what `day` names: a day, an event."""
    case = await store.find_case(case_id)
    assert case is not None
    definition = await versions.get_stored(app, case.definition_id)
    person = await find_person(app, officer_id)
    if person is None:
        return
    locale = Locale(person.locale)
    async with transaction() as tx:
        await notifications.notify(
            app,
            tx,
            person=person,
            template="applications.work",
            values={
                "service": definition.title.say(locale),
                "no": case.no,
                "event": texts.title_of(definition, event).say(locale),
            },
            key=f"case-work:{case_id}:{officer_id}:{event}:{day}",
        )
