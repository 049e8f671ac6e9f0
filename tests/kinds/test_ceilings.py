"""Every list that the schema shows whole, without pages, is told here: what a citizen makes it grow
to has an end, or nobody but the city and outside systems makes it grow."""

import pytest
from graphql import GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLType, build_schema

from kinds.booking.waiting import WAITS_MAX
from modules.identity import domain as identity
from modules.identity.passkeys.service import PASSKEYS_MAX
from modules.mobility.arrival_alerts.service import ALERTS
from modules.mobility.parking.store import PLATES
from modules.safety.alerts.notices import PLACES
from modules.safety.video.service import LOG_MAX
from modules.utilities.accounts.store import ACCOUNTS
from modules.utilities.outages.subscription import WATCHES
from modules.utilities.reminders.subscription import REMINDERS
from tests.conftest import ROOT

CEILINGS = {
    "outageWatches": WATCHES.rows.most,
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
}
"""How long each list may grow that a citizen's own mutations make longer."""
ONE_EACH = {
    "appGrants", "maternalCare", "infantCare", "hypertensionCare", "diabetesCare",
    "viewer.consents",
}  # fmt: skip
"""One for each of the city's own: an enrolment of a programme, a consent of a purpose, an app."""
OF_A_CASE = {"caseTimeline", "caseMaterials", "loanAnswers", "reportEvents"}
"""Of one case or report, whose papers, remarks and openings are counted by the engine."""
GIVEN = {
    "emergencyAlerts", "consentPurposes", "triageSymptoms", "vaccinationClinics", "hospitals",
    "staffReportsNear", "reportCategories", "similarReports", "reportsNear", "reportStatistics",
    "services", "loanProductProposals", "loanProducts", "loanCompanies", "appointmentPlaces",
    "appointmentItems", "appointmentSlots", "paymentCases", "dayClosings", "payoutTransfers",
    "periodBalances", "viewer.roles",
}  # fmt: skip
"""The city's, a registry's or staff's; where people add to what is shown, the answer is bounded."""


def _is_list(kind: GraphQLType) -> bool:
    while isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    return isinstance(kind, GraphQLList)


def test_every_list_without_pages_is_told_here() -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text(encoding="utf-8"))
    viewer = schema.type_map["Viewer"]
    assert schema.query_type is not None and isinstance(viewer, GraphQLObjectType)
    shown = {name for name, field in schema.query_type.fields.items() if _is_list(field.type)}
    shown |= {f"viewer.{name}" for name, field in viewer.fields.items() if _is_list(field.type)}
    told = [*CEILINGS, *ONE_EACH, *OF_A_CASE, *GIVEN]
    assert shown == set(told) and len(told) == len(set(told))


@pytest.mark.parametrize("name", CEILINGS)
def test_a_list_of_ones_own_fits_on_a_page(name: str) -> None:
    assert 0 < CEILINGS[name] <= 100
