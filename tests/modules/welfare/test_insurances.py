"""The five insurances over GraphQL, against the sandbox city: each case that its people have."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bff.trusted.documents import documents_of
from core.clock import SystemClock
from core.context.app import App
from core.context.call import Call
from core.deadline import Deadline
from core.errors import Forbidden
from core.ids import new_id
from core.people import mandates
from core.people.directory import Person
from core.people.personal_read import Access, grant_consent, withdraw_consent
from core.security.authentication import Viewer
from core.settings import Settings
from core.upstream.client import UpstreamFailed
from core.upstream.readings import ReadStatus
from modules.identity import children
from modules.welfare.insurance.upstream import SOCIAL
from modules.welfare.overview.graphql import social_insurance_card
from modules.welfare.pension.domain import PensionRecord
from modules.welfare.pension.lookup import PENSION
from tests.asgi import Client
from tests.modules.welfare.conftest import AsPerson
from tests.modules.welfare.pension_record import BORN_1970, pension_record
from tests.people import new_key
from tests.sandbox.serving import Client as Sandbox
from tests.upstreams import in_place_of

pytestmark = pytest.mark.xdist_group("lookups")

RECORD = {
    "pensionInsurance": "PensionInsurance",
    "medicalInsurance": "MedicalInsurance",
    "unemploymentInsurance": "UnemploymentInsurance",
    "workInjuryInsurance": "WorkInjuryInsurance",
    "maternityInsurance": "MaternityInsurance",
}


@pytest.fixture
def settings(settings: Settings, sandbox_port: int) -> Settings:
    """Settings with which the App finds the sandbox."""
    return settings.model_copy(update={"sandbox_port": sandbox_port})


async def _run(client: Client, viewer: Viewer, field: str) -> Any:
    """The answer of the trusted operation that reads a record."""
    operations = documents_of(client.app.manifests).operations.values()
    (operation,) = (one for one in operations if one.name == RECORD[field])
    return (await client.data(operation.source, viewer=viewer))[field]


async def _record(client: Client, viewer: Viewer, field: str) -> Any:
    reading = await _run(client, viewer, field)
    assert reading["status"] == "LIVE"
    assert reading["record"] is not None
    return reading["record"]


async def test_nobody_enrolled_is_an_answer(client: Client, as_person: AsPerson) -> None:
    nobody = await as_person(None)
    for field in RECORD:
        reading = await _run(client, nobody, field)
        assert (reading["status"], reading["record"], reading["reason"]) == ("LIVE", None, None)
    for field in ("pensionContributions", "medicalMovements"):
        query = f"{{ {field} {{ status totalCount edges {{ cursor }} }} }}"
        answer = (await client.data(query, viewer=nobody))[field]
        assert answer == {"status": "LIVE", "totalCount": None, "edges": []}


async def test_a_guardian_reads_a_childs_insurance(
    client: Client, as_person: AsPerson, sandbox: Sandbox, call: Callable[..., Call]
) -> None:
    parent, child = await as_person("parent"), await sandbox.person("child")
    own = call(user_id=parent.user_id, level=2)
    await grant_consent(own, "identity.family", "2026-12")
    mandate = await children.add_child(own, child["name"], child["resident_id"], new_key())
    acting = await mandates.act_for(own, mandate.subject_id, service="medical-insurance-query")
    query = """query($child: ID!) {
      medicalInsurance(onBehalfOf: $child) { status record { scheme account { balance } } } }"""
    variables = {"child": str(mandate.subject_id)}
    assert (await client.run(query, variables, viewer=parent)).codes == ["CONSENT_REQUIRED"]
    await grant_consent(acting, "welfare.medical", "2026-12")
    answer = await client.data(query, variables, viewer=parent)
    record = {"scheme": "RESIDENT", "account": None}
    assert answer["medicalInsurance"] == {"status": "LIVE", "record": record}


@pytest.mark.parametrize(
    ("key", "states"),
    [
        ("citizen", ["ACTIVE", "TRANSFERRED_OUT"]),
        ("elder", ["CLOSED"]),
        ("operator", ["ACTIVE", "PAUSED"]),
        ("citizen_abroad", ["CLOSED"]),
        ("citizen_deceased", ["DECEASED"]),
        ("citizen_dotted", ["ACTIVE"]),
    ],
)
async def test_a_pension_in_every_state(
    client: Client, as_person: AsPerson, key: str, states: list[str]
) -> None:
    record = await _record(client, await as_person(key), "pensionInsurance")
    assert [entry["state"] for entry in record["enrolments"]] == states
    assert (record["deceasedOn"] is not None) is (key == "citizen_deceased")
    assert (record["benefit"] is not None) is (key in ("elder", "citizen_deceased"))
    is_insured = any(state in ("ACTIVE", "PAUSED") for state in states)
    assert (record["projection"] is not None) is (is_insured and record["benefit"] is None)
    if key == "citizen_dotted":
        assert "•" in record["holder"]["name"]


async def test_gaps_and_missing_months_are_told(client: Client, as_person: AsPerson) -> None:
    record = await _record(client, await as_person("sme_owner"), "pensionInsurance")
    assert record["gaps"] == [
        {"fromMonth": "2012-10", "toMonth": "2013-11", "months": 14, "reason": "NOT_EMPLOYED"}
    ]
    projection = record["projection"]
    assert projection["monthsCounted"] == record["paidMonths"] + record["deemedMonths"]
    missing = max(0, projection["monthsRequired"] - projection["monthsCounted"])
    assert projection["monthsMissing"] == missing
    assert projection["assumptions"].startswith("Reckoned from")


@pytest.mark.parametrize(
    ("field", "key", "path", "value"),
    [
        ("unemploymentInsurance", "citizen_rare", ("entitlement", "state"), "CLAIMING"),
        ("workInjuryInsurance", "grid_worker", ("recognitions", 0, "disabilityGrade"), 10),
        ("workInjuryInsurance", "bank_officer", ("recognitions", 0, "decidedOn"), None),
        ("workInjuryInsurance", "parent", ("recognitions", 0, "result"), "NOT_RECOGNISED"),
        ("maternityInsurance", "citizen_dotted", ("allowances", 0, "state"), "PAID"),
        ("maternityInsurance", "department_officer", ("allowances", 1, "reason"),
         "LATE_APPLICATION"),
        ("medicalInsurance", "citizen_rare", ("coverage", "state"), "SUSPENDED"),
        ("medicalInsurance", "elder", ("enrolments", 0, "reason"), "RETIRED"),
    ],
)  # fmt: skip
async def test_what_each_has_of_its_own(
    client: Client,
    as_person: AsPerson,
    field: str,
    key: str,
    path: tuple[str | int, ...],
    value: object,
) -> None:
    part = await _record(client, await as_person(key), field)
    for step in path:
        part = part[step]
    assert part == value


PAGE = """query Page($first: Int!, $after: String, $year: Int) {
  pensionContributions(first: $first, after: $after, year: $year) {
    status totalCount edges { cursor node { month state } } pageInfo { hasNextPage endCursor }
  } }"""


async def _page(client: Client, viewer: Viewer, variables: Mapping[str, Any]) -> Any:
    return (await client.data(PAGE, variables, viewer=viewer))["pensionContributions"]


async def test_contributions_come_page_by_page_and_by_year(
    client: Client, as_person: AsPerson
) -> None:
    viewer = await as_person("citizen")
    months: list[str] = []
    cursors: set[str] = set()
    variables: dict[str, Any] = {"first": 100}
    while True:
        page = await _page(client, viewer, variables)
        months += [edge["node"]["month"] for edge in page["edges"]]
        cursors |= {edge["cursor"] for edge in page["edges"]}
        if not page["pageInfo"]["hasNextPage"]:
            break
        variables["after"] = page["pageInfo"]["endCursor"]
    assert len(cursors) == len(months) == page["totalCount"] > 100
    assert months == sorted(months, reverse=True)
    year = await _page(client, viewer, {"first": 100, "year": 2020})
    assert year["totalCount"] == 12
    assert {edge["node"]["month"][:4] for edge in year["edges"]} == {"2020"}


@pytest.mark.parametrize(
    "variables",
    [
        {"first": 0},
        {"first": 101},
        {"first": 1, "year": 1948},
        {"first": 1, "year": 2201},
        {"first": 1, "after": ""},
        {"first": 1, "after": "9" * 65},
        {"first": 1, "after": "月"},
    ],
)
async def test_a_page_that_cannot_be_is_refused(
    client: Client, as_person: AsPerson, variables: Mapping[str, Any]
) -> None:
    answer = await client.run(PAGE, variables, viewer=await as_person("citizen"))
    assert answer.codes == ["INVALID_INPUT"]


class MistakenSystem:
    """A core system that answers with the record of another person."""

    async def query_pension(self, access: Access) -> PensionRecord:
        """See modules.welfare.pension.lookup."""
        return pension_record(paid=1)


async def test_a_record_of_somebody_else_is_an_answer_of_unknown_form() -> None:
    person = Person(new_id(), "", "李四", "370102199001010018", 2, "zh")
    access = Access(person, "welfare.pension", new_id(), new_id(), SOCIAL.name, SOCIAL.documents)
    upstreams = in_place_of(SOCIAL, MistakenSystem()).upstreams
    app = cast(App, SimpleNamespace(upstreams=upstreams, clock=SystemClock()))
    with pytest.raises(UpstreamFailed):
        await PENSION.record.ask(app, Deadline.after(1), access)
    own = replace(access, person=replace(person, resident_id=BORN_1970))
    record = await PENSION.record.ask(app, Deadline.after(1), own)
    assert record is not None
    assert record.projection is not None


async def test_the_home_card_shows_what_there_is_consent_to(
    client: Client, as_person: AsPerson, call: Callable[..., Call]
) -> None:
    viewer = await as_person("citizen")
    record = await _record(client, viewer, "pensionInsurance")
    own = call(user_id=viewer.user_id, level=2, deadline_s=30)
    card = await social_insurance_card.load(own)
    assert card.status is ReadStatus.LIVE
    assert card.pension_months == record["paidMonths"] + record["deemedMonths"]
    assert card.pension_months_missing == record["projection"]["monthsMissing"]
    assert (card.medical_coverage, card.medical_balance_fen > 0) == ("IN_EFFECT", True)
    await withdraw_consent(own, "welfare.pension")
    card = await social_insurance_card.load(own)
    shown = (card.status, card.pension_months, card.medical_coverage)
    assert shown == ("LIVE", None, "IN_EFFECT")
    await withdraw_consent(own, "welfare.medical")
    with pytest.raises(Forbidden) as refused:
        await social_insurance_card.load(own)
    assert refused.value.code == "CONSENT_REQUIRED"


async def test_the_home_card_of_nobody_enrolled_is_live_and_empty(
    as_person: AsPerson, call: Callable[..., Call]
) -> None:
    nobody = await as_person(None)
    card = await social_insurance_card.load(call(user_id=nobody.user_id, level=2, deadline_s=30))
    assert (card.status, card.pension_months, card.medical_coverage) == ("LIVE", None, None)
