"""What is asked of one of the five insurances, and on which consent: the same of each."""

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from core.context.app import App
from core.deadline import Deadline
from core.people.personal_read import Access, Purpose
from core.texts import Named, Text
from core.upstream.client import UpstreamFailed
from core.upstream.operation import System, json_of
from kinds.lookup import N, Page, PersonalLookup, page_operation, record_operation
from modules.welfare.insurance.domain import InsuranceContribution, InsuranceRecord, is_about
from modules.welfare.insurance.upstream import NOT_ENROLLED

R = TypeVar("R", bound=InsuranceRecord)


class Insurance(NamedTuple, Generic[R]):
    """One of the five. A tuple, so that what it holds is found in its room (`core.rooms`)."""

    name: str
    title: Named
    system: System
    purpose: Purpose
    record: PersonalLookup[[], R | None]
    """A None inside a LIVE reading means that there was never an enrolment."""
    contributions: PersonalLookup[..., Page[InsuranceContribution] | None]


def insurance(
    name: str,
    title: Named,
    system: System,
    record: type[R],
    *,
    fields: Sequence[str],
    consent: Text,
    text_version: str = "2026-11",
    complete: Callable[[App, Access, R], R] = lambda _app, _access, record: record,
) -> Insurance[R]:
    """The insurance that a core system knows by a name, "work-injury".

    `fields` are those that it has beside enrolments and contributions; `complete` adds to a record
    what is reckoned here.
    """
    service = f"{name}-insurance-query"
    purpose = Purpose(
        id=f"welfare.{name}",
        upstream=system.name,
        fields=("enrolments", "contributions", *fields),
        text=consent,
        text_version=text_version,
    )
    query = record_operation(
        system, f"query_{_key(name)}", f"/{name}/query", json_of(record).or_none(NOT_ENROLLED)
    )

    async def ask(app: App, deadline: Deadline, access: Access) -> R | None:
        found = await query(app, deadline, access)
        if found is None:
            return None
        if not is_about(found.holder, access.person.resident_id or ""):
            raise UpstreamFailed(system.name, query.name, "a record of somebody else")
        return complete(app, access, found)

    return Insurance(
        name,
        title,
        system,
        purpose,
        record=PersonalLookup(service, purpose, ask),
        contributions=_pages(name, system, purpose, "contributions", InsuranceContribution),
    )


def pages_of(
    insurance: Insurance[Any], part: str, node: type[N]
) -> PersonalLookup[..., Page[N] | None]:
    """A list of an insurance's records beside the contributions: "account/movements"."""
    return _pages(insurance.name, insurance.system, insurance.purpose, part, node)


def _pages(
    name: str, system: System, purpose: Purpose, part: str, node: type[N]
) -> PersonalLookup[..., Page[N] | None]:
    noun = part.rpartition("/")[2]
    answers = json_of(Page[node]).or_none(NOT_ENROLLED)  # type: ignore[valid-type]
    operation = page_operation(
        system, f"list_{_key(name)}_{noun}", f"/{name}/{part}/query", answers
    )
    return PersonalLookup(f"{name}-insurance-query", purpose, operation, part=noun)


def _key(name: str) -> str:
    return name.replace("-", "_")
