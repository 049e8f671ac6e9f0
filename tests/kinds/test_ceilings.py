"""Every list that the schema shows whole, without pages, is told here: what a citizen makes it grow
to has an end, or nobody but the city and outside systems makes it grow."""

import pytest
from graphql import (
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLType,
    GraphQLUnionType,
    build_schema,
    get_named_type,
)

from core.people.consents import CONSENTS_SHOWN
from kinds.booking.waiting import WAITS_MAX
from modules.identity import domain as identity
from modules.identity.passkeys.service import PASSKEYS_MAX
from modules.identity.recovery_store import DISPUTES_SHOWN
from modules.mobility.arrival_alerts.service import ALERTS
from modules.mobility.parking.store import PLATES
from modules.safety.alerts.notices import PLACES
from modules.safety.video.service import LOG_MAX
from modules.utilities.accounts.store import ACCOUNTS
from modules.utilities.outages.subscription import WATCHES
from modules.utilities.reissues import domain as reissues
from modules.utilities.reminders.subscription import REMINDERS
from tests.conftest import ROOT

CEILINGS = {
    "outageWatches": WATCHES.rows.most,
    "billInvoiceReissues": reissues.MOST,
    "autopays": ACCOUNTS.most,  # one for each linked account
    "billReminders": REMINDERS.rows.most,
    "billAccounts": ACCOUNTS.most,
    "alertPlaces": PLACES.rows.most,
    "schoolVideoViews": LOG_MAX,
    "arrivalAlerts": ALERTS.rows.most,
    "plates": PLATES.most,
    "mandates": identity.PROXIES_MAX,
    "waitingPlaces": WAITS_MAX,
    "passkeys": PASSKEYS_MAX,
    "viewer.sessions": identity.SESSIONS_MAX,
    "viewer.consents": CONSENTS_SHOWN,  # far more than there are purposes
    "accountDisputes": DISPUTES_SHOWN,  # one open of each account
}
"""How long each list may grow that a citizen's own mutations make longer."""
ONE_EACH = {
    "miniProgrammes": "one of each platform, which the database holds",
    "appGrants": "one of each app that the office has registered, fifty are shown",
    "maternalCare": "open enrolments, of which the programme's subscription admits so many",
    "infantCare": "the same",
    "hypertensionCare": "the same",
    "diabetesCare": "the same",
    "loanCompanies": "one of each company that the register has under the person",
}
"""One for each of the city's own, whatever a citizen does."""
OF_A_CASE = {
    "caseTimeline": "pages by `first` and `after`",
    "caseMaterials": "one of each that the application's definition asks for",
    "loanAnswers": "one of each bank that the case is placed with",
    "reportEvents": "steps of one report, bounded where they are read",
}
"""Of one case or report."""
ROUND_A_PLACE = {
    "appointmentSlots": "of the days asked for, so many at most",
    "reportsNear": "the nearest fifty",
    "similarReports": "the nearest few",
    "staffReportsNear": "pages by `first`",
}
"""Citizens make these more, and an answer shows so many of them."""
OF_STAFF = {
    "loanProductProposals": "banks' own, which staff decide",
    "paymentCases": "what statements and PSPs show, which staff reopen",
    "dayClosings": "the finance office's, one a day",
    "payoutTransfers": "one of each payout that the finance office makes",
    "periodBalances": "one of each account of the chart",
}
"""Mutations of staff alone answer with these."""
GIVEN = {
    "emergencyAlerts": "the warning centre's",
    "consentPurposes": "the rooms' declarations",
    "triageSymptoms": "the triage file's",
    "vaccinationClinics": "the clinics' register",
    "hospitals": "the city file's",
    "reportCategories": "the city file's",
    "reportStatistics": "one of each unit",
    "services": "the catalogue's",
    "loanProducts": "the banks' products in force",
    "appointmentPlaces": "the city file's",
    "appointmentItems": "the city file's",
    "viewer.roles": "the roles of staff",
}
"""The city's or a registry's: no mutation answers with one, so that nobody makes them more."""


def _is_list(kind: GraphQLType) -> bool:
    while isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    return isinstance(kind, GraphQLList)


def _given_by_mutations(schema: GraphQLSchema) -> set[str]:
    """The types that mutations answer with, by themselves or in a member of their answer."""
    assert schema.mutation_type is not None
    given = set()
    for field in schema.mutation_type.fields.values():
        answer = get_named_type(field.type)
        for member in answer.types if isinstance(answer, GraphQLUnionType) else (answer,):
            given.add(member.name)
            if isinstance(member, GraphQLObjectType):
                given |= {get_named_type(inner.type).name for inner in member.fields.values()}
    return given


def test_every_list_without_pages_is_told_here() -> None:
    """One that citizens begin to make longer has to say what its end is."""
    schema = build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))
    viewer = schema.type_map["Viewer"]
    assert schema.query_type is not None and isinstance(viewer, GraphQLObjectType)
    fields = dict(schema.query_type.fields)
    fields |= {f"viewer.{name}": field for name, field in viewer.fields.items()}
    shown = {name: field for name, field in fields.items() if _is_list(field.type)}
    told = [*CEILINGS, *ONE_EACH, *OF_A_CASE, *ROUND_A_PLACE, *OF_STAFF, *GIVEN]
    assert shown.keys() == set(told) and len(told) == len(set(told))
    given = _given_by_mutations(schema)
    for name in GIVEN:
        item = get_named_type(shown[name].type)
        assert isinstance(item, GraphQLScalarType) or item.name not in given, name


@pytest.mark.parametrize("name", CEILINGS)
def test_a_list_of_ones_own_fits_on_a_page(name: str) -> None:
    assert 0 < CEILINGS[name] <= 100
