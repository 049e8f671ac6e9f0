"""Which officer gets a piece of work."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TypeAlias
from uuid import UUID

from core.context.app import App
from core.database import Transaction
from core.people.staffing import list_officers
from core.security.authorization import Scope
from kinds.application import store, versions
from kinds.application.models import Case
from kinds.application.store import Work

Staff: TypeAlias = Mapping[tuple[Scope, str], Sequence[UUID]]
"""Officers by scope and unit."""


async def pick_officers(
    app: App,
    db: Transaction,
    work: Sequence[Work],
    *,
    staff: Staff | None = None,
    closing: Collection[UUID] = (),
) -> list[UUID | None]:
    """For each piece of work the officer of its unit with the fewest open tasks, of those who suit
    its case where any do; None where the unit has nobody else. The tasks of cases that are about
    to be closed do not count."""
    if staff is None:
        staff = await list_staff(app, units_of(app, work))
    teams = [staff[versions.scope_of(app, one.case.service_id), one.unit] for one in work]
    everybody = {id_ for team in teams for id_ in team}
    is_choice = any(len(team) > 1 for team in teams)
    loads = Counter(await store.count_loads(db, everybody, but=closing) if is_choice else {})
    picked: list[UUID | None] = []
    for one, team in zip(work, teams, strict=True):
        ids = [id_ for id_ in team if id_ not in one.but]
        ids = await _suited(app, db, one.case, ids) if len(ids) > 1 else ids
        least = min(ids, key=lambda id_: (loads[id_], id_), default=None)
        if least is not None:
            loads[least] += 1
        picked.append(least)
    return picked


def units_of(app: App, work: Sequence[Work]) -> set[tuple[Scope, str]]:
    """The units for which work is, each with the scope with which it is handled."""
    return {(versions.scope_of(app, one.case.service_id), one.unit) for one in work}


async def list_staff(app: App, units: Collection[tuple[Scope, str]]) -> Staff:
    """The officers of units who have the scope with which the work there is handled."""
    staff: dict[tuple[Scope, str], list[UUID]] = {unit: [] for unit in units}
    for scope in {scope for scope, _ in units}:
        its = {unit for one, unit in units if one is scope}
        for officer in await list_officers(app, its, scope):
            staff[scope, officer.unit].append(officer.id)
    return staff


async def _suited(app: App, db: Transaction, case: Case, ids: list[UUID]) -> list[UUID]:
    """Those of some officers who suit a case, where any do."""
    application = versions.find_application(app, case.service_id)
    if application is None or application.suited is None:
        return ids
    suited = await application.suited(app, db, case)
    return [id_ for id_ in ids if id_ in suited] or ids
