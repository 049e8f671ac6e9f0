"""Who may do what: the one place that decides. What no rule allows is refused.

A rule (`Need`) stands beside the operation: in the manifest for catalogue services, at the field
for everything else. Scopes are what staff may do beyond a citizen; they come from roles, ride in
the token, and exist only in sessions opened with a second factor.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from core.assurance import Assurance, name_of
from core.catalogue import Service
from core.errors import Forbidden, LoginRequired, Missing
from core.refusal_texts import FRESH_AUTH_REQUIRED, NOT_ALLOWED, PROOF_REQUIRED
from core.security.authentication import Viewer, require

FRESH_AUTH_LIFE = timedelta(minutes=15)
"""How young an authentication must be for money and health records."""


class Role(StrEnum):
    """What a member of staff works as."""

    GRID_WORKER = "grid_worker"
    DEPARTMENT_OFFICER = "department_officer"
    BANK_OFFICER = "bank_officer"
    RISK_OFFICER = "risk_officer"
    FINANCE_OFFICER = "finance_officer"
    OPERATOR = "operator"
    FAMILY_DOCTOR = "family_doctor"


class Scope(StrEnum):
    """One thing that staff may do."""

    PEOPLE_READ = "people.read"
    REPORTS_HANDLE = "reports.handle"
    CASES_HANDLE = "cases.handle"
    LOANS_DECIDE = "loans.decide"
    RISK_REVIEW = "risk.review"
    PAYMENTS_CORRECT = "payments.correct"
    ACCESS_REVIEW = "access.review"
    MANDATES_END = "mandates.end"
    MESSAGES_RUN = "messages.run"
    APPOINTMENTS_CHECK_IN = "appointments.check_in"
    CARE_PLANS = "care.plans"
    ACCOUNTS_RECOVER = "accounts.recover"


SCOPES: dict[Role, frozenset[Scope]] = {
    Role.GRID_WORKER: frozenset({Scope.REPORTS_HANDLE}),
    Role.DEPARTMENT_OFFICER: frozenset(
        {
            Scope.PEOPLE_READ,
            Scope.CASES_HANDLE,
            Scope.APPOINTMENTS_CHECK_IN,
            Scope.ACCOUNTS_RECOVER,
        }
    ),
    Role.BANK_OFFICER: frozenset({Scope.LOANS_DECIDE}),
    Role.RISK_OFFICER: frozenset({Scope.RISK_REVIEW}),
    Role.FINANCE_OFFICER: frozenset({Scope.PAYMENTS_CORRECT}),
    Role.OPERATOR: frozenset({Scope.ACCESS_REVIEW, Scope.MANDATES_END, Scope.MESSAGES_RUN}),
    Role.FAMILY_DOCTOR: frozenset({Scope.CARE_PLANS}),
}


@dataclass(frozen=True, slots=True)
class Need:
    """What an operation asks of its caller; the default asks nothing.

    `assurance` is by what the real name must have been proved, or by something stronger. Without
    `proved` it is also for who has the phone of an account and may not be its owner.
    """

    level: int = 0
    fresh: bool = False
    scope: Scope | None = None
    proved: bool = True
    assurance: Assurance | None = None


NO_NEED = Need()
"""What may be done by anybody."""


def need_of(service: Service) -> Need:
    """The rule of a catalogue service, from its manifest."""
    return Need(
        level=service.identity_level,
        fresh=service.needs_fresh_auth,
        assurance=service.assurance,
    )


def decide(viewer: Viewer | None, need: Need, now: datetime) -> None:
    """Return where the viewer meets the need.

    Raises LoginRequired, which tells what is missing, and Forbidden where nothing the caller does
    can help.
    """
    if need == NO_NEED:
        return
    known = require(viewer, need.level, proved=need.proved)
    if need.scope is not None and need.scope not in known.scopes:
        raise Forbidden(NOT_ALLOWED)
    if need.assurance is not None and not need.assurance.is_met_by(known.assurance):
        raise LoginRequired(
            PROOF_REQUIRED,
            required_level=2,
            missing=Missing.PROOF,
            assurance=need.assurance,
            proof=name_of(need.assurance),
        )
    if need.fresh and now - known.authenticated_at >= FRESH_AUTH_LIFE:
        raise LoginRequired(
            FRESH_AUTH_REQUIRED, required_level=max(need.level, 1), missing=Missing.FRESH_AUTH
        )


def scopes_of(roles: Iterable[str]) -> frozenset[str]:
    """What these roles may do; a role that nobody knows may do nothing."""
    known = {role.value: scopes for role, scopes in SCOPES.items()}
    return frozenset(scope for role in roles for scope in known.get(role, ()))
