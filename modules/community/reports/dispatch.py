"""A report's own row kept in step with its case, its followers told, its grid's workers first."""

from collections.abc import Collection, Sequence
from functools import partial
from uuid import UUID

from core.clock import civil_date
from core.context.app import App
from core.context.sweep import WHOLE, Part, sweep_pages
from core.database import Transaction, transaction
from core.errors import Conflict
from core.people.directory import find_person
from core.queue.jobs import job
from core.texts import Locale
from kinds.application import texts as engine_texts
from kinds.application import versions
from kinds.application.models import Case
from modules.community.reports import store, texts
from modules.community.reports.categories import categories_of
from modules.community.reports.domain import DONE_STATES, OPEN_STATES
from modules.community.reports.models import Report, ReportFollow
from notifications import api as notifications


async def follow_case(app: App, tx: Transaction, case: Case, event: str, note: str) -> None:
    """Bring the row of a report to where its case stands, and tell its followers.

    Raises Conflict OTHERS_MERGED where it is withdrawn and others go on as it.
    """
    now = app.clock.now()
    report_id = await store.update_by_case(
        tx,
        case,
        is_open=case.state in OPEN_STATES,
        fixed_on=civil_date(now) if case.state in DONE_STATES else None,
        now=now,
    )
    if report_id is None:
        return
    if event == "withdraw" and await store.has_merged(tx, report_id):
        raise Conflict(texts.OTHERS_MERGED)
    await store.insert_update(
        tx,
        {
            "report_id": report_id,
            "sequence": case.sequence,
            "event": event,
            "state": case.state,
            "unit": case.unit,
            "note": note,
            "happened_at": now,
        },
    )
    if event != "open":  # which nobody follows yet
        await tell_followers.enqueue(app, tx, report_id, case.sequence, event, case.state, WHOLE)


async def list_suited(_app: App, tx: Transaction, case: Case) -> Collection[UUID]:
    """The workers on whose beats the report's grid lies."""
    return await store.list_suited(tx, case.id)


async def find_queued(report_id: UUID) -> Report | None:
    """The report that a job is about; one queued before reports had ids of their own names its
    case."""
    return await store.find_report(report_id) or await store.find_by_case(report_id)


@job("community.tell_followers", timeout_s=300)
async def tell_followers(
    app: App, report_id: UUID, sequence: int, event: str, state: str, part: Part = WHOLE
) -> None:
    """Tell the followers of a report what happened. Repeat-safe by the message's key.

    What does not fit into its time it hands on to a job of its own.
    """
    report = await find_queued(report_id)
    application = versions.find_application(app, "snap-report")
    if report is None or application is None:
        return
    definition = application.definition
    title = categories_of(app).title(report.category)
    list_page = partial(store.list_followers, report.id)

    async def tell(row: ReportFollow) -> None:
        person = await find_person(app, row.citizen_id)
        if person is None:
            return
        locale = Locale(person.locale)
        params = {
            "category": title.say(locale),
            "no": report.no,
            "event": engine_texts.title_of(definition, event).say(locale),
            "state": definition.by_name[state].title.say(locale),
        }
        key = f"report:{report.case_id}:{sequence}:{person.id}"
        link = app.city.deep_link.format(id="snap-report-progress")
        async with transaction() as tx:
            await notifications.send(
                app, tx, texts.MESSAGES[0], person, params, key, deep_link=link
            )

    async def hand_on(parts: Sequence[Part]) -> None:
        async with transaction() as tx:
            for left in parts:
                await tell_followers.enqueue(app, tx, report_id, sequence, event, state, left)

    swept = await sweep_pages(
        app,
        "community.tell_followers",
        list_page,
        tell,
        key=lambda row: row.id,
        part=part,
        rest=hand_on,
    )
    swept.require_whole()
