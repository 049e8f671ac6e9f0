"""What is asked of one of the five insurances, and on which consent: the same of each."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from core.clock import civil_date
from core.context.app import App
from core.context.contributions import Routes
from core.deadline import Deadline
from core.errors import NotFound
from core.people.personal_files import PersonalFile, file_routes
from core.people.personal_read import Access, Purpose
from core.refusal_texts import NOT_FOUND
from core.standards.sheet import Line
from core.texts import Named, Text
from core.upstream.client import UpstreamFailed
from core.upstream.operation import Operation, System, json_of
from kinds.lookup import N, Page, PersonalLookup, both, page_operation, record_operation
from modules.welfare.insurance.domain import InsuranceContribution, InsuranceRecord, is_about
from modules.welfare.insurance.statement import InsuranceStatement, draw, sum_up
from modules.welfare.insurance.upstream import NOT_ENROLLED

R = TypeVar("R", bound=InsuranceRecord)

Ask: TypeAlias = Callable[[App, Deadline, Access], Awaitable[R | None]]
Contributions: TypeAlias = Operation[..., Page[InsuranceContribution] | None]

_PAGE, _PAGES_MAX = 100, 10
"""A year of twenty employers at once has fewer records."""


class Insurance(NamedTuple, Generic[R]):
    """One of the five. A tuple, so that what it holds is found in its room (`core.rooms`)."""

    name: str
    title: Named
    system: System
    purpose: Purpose
    record: PersonalLookup[[], R | None]
    """A None inside a LIVE reading means that there was never an enrolment."""
    contributions: PersonalLookup[..., Page[InsuranceContribution] | None]
    statement: PersonalLookup[..., InsuranceStatement | None]
    files: Routes
    """Where the statements' PDFs are fetched."""

    @property
    def file_kind(self) -> str:
        """The kind of file that a statement is, for `file_link`."""
        return _file_kind(self.name)


def insurance(
    name: str,
    title: Named,
    system: System,
    record: type[R],
    *,
    fields: Sequence[str],
    consent: Text,
    text_version: str = "2026-12",
    complete: Callable[[App, Access, R], R] = lambda _app, _access, record: record,
    facts: Callable[[R], Sequence[Line]] = lambda _: (),
) -> Insurance[R]:
    """The insurance that a core system knows by a name, "work-injury".

    `fields` are those that it has beside enrolments and contributions; `complete` adds to a record
    what is reckoned here; `facts` are what a statement says of a record beside its months.
    """
    service = f"{name}-insurance-query"
    purpose = Purpose(
        id=f"welfare.{name}",
        upstream=system.name,
        fields=("enrolments", "contributions", *fields),
        text=consent,
        text_version=text_version,
    )
    ask = _record_question(name, system, record, complete)
    listed = _page_operation(name, system, "contributions", InsuranceContribution)
    state = _statement_question(ask, listed, facts)

    async def load(app: App, deadline: Deadline, access: Access, ref: str) -> PersonalFile:
        statement = await state(app, deadline, access, int(ref))
        file = await draw(app, access, title, statement) if statement else None
        if file is None:
            raise NotFound(NOT_FOUND)
        return file

    return Insurance(
        name,
        title,
        system,
        purpose,
        record=PersonalLookup(service, purpose, ask),
        contributions=PersonalLookup(service, purpose, listed, part="contributions"),
        statement=PersonalLookup(service, purpose, state, part="statement"),
        files=file_routes(_file_kind(name), load),
    )


def _record_question(
    name: str, system: System, record: type[R], complete: Callable[[App, Access, R], R]
) -> Ask[R]:
    """Asks for a record and refuses that of somebody else."""
    query = record_operation(
        system, f"query_{_key(name)}", f"/{name}/query", json_of(record).or_none(NOT_ENROLLED)
    )

    async def ask(app: App, deadline: Deadline, access: Access) -> R | None:
        found = await query(app, deadline, access)
        if found is None:
            return None
        if not is_about(found.holder, access.person_members):
            raise UpstreamFailed(system.name, query.name, "a record of somebody else")
        return complete(app, access, found)

    return ask


def _statement_question(
    ask: Ask[R], listed: Contributions, facts: Callable[[R], Sequence[Line]]
) -> Callable[..., Awaitable[InsuranceStatement | None]]:
    """Asks for the statement of a year; of the last where none is given."""

    async def state(
        app: App, deadline: Deadline, access: Access, year: int | None = None
    ) -> InsuranceStatement | None:
        year = year or civil_date(app.clock.now()).year - 1
        found, contributions = await both(
            ask(app, deadline, access), _list_year(listed, app, deadline, access, year)
        )
        if found is None:
            return None
        return sum_up(found, contributions, year, access.access_id, facts(found))

    return state


def pages_of(
    insurance: Insurance[Any], part: str, node: type[N]
) -> PersonalLookup[..., Page[N] | None]:
    """A list of an insurance's records beside the contributions: "account/movements"."""
    operation = _page_operation(insurance.name, insurance.system, part, node)
    service = insurance.record.service
    return PersonalLookup(service, insurance.purpose, operation, part=part.rpartition("/")[2])


def _page_operation(
    name: str, system: System, part: str, node: type[N]
) -> Operation[..., Page[N] | None]:
    answers = json_of(Page[node]).or_none(NOT_ENROLLED)  # type: ignore[valid-type]
    noun = part.rpartition("/")[2]
    return page_operation(system, f"list_{_key(name)}_{noun}", f"/{name}/{part}/query", answers)


async def _list_year(
    listed: Contributions,
    app: App,
    deadline: Deadline,
    access: Access,
    year: int,
) -> Sequence[InsuranceContribution]:
    """All contributions of a year. Raises UpstreamError, also for pages without an end."""
    records: list[InsuranceContribution] = []
    after: str | None = None
    for _ in range(_PAGES_MAX):
        page = await listed(app, deadline, access, _PAGE, after, year)
        records += page.records if page else ()
        after = page.next_after if page else None
        if after is None:
            return records
    raise UpstreamFailed(listed.system.name, listed.name, "pages without an end")


def _file_kind(name: str) -> str:
    return f"{name}-insurance-statement"


def _key(name: str) -> str:
    return name.replace("-", "_")
