"""The desks: a bank's officers see their own bank alone and answer for it, risk officers review."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from core.context.app import App
from core.context.call import Call
from core.database import transaction
from core.database.models import AccessLog
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from core.ids import new_id
from core.people.staffing import is_unit
from credit.api import Engine, read_log, verify_chain
from credit.engine.artefact import Artefact
from credit.lending.applications import routing
from credit.lending.applications.domain import Decision, Refusal
from credit.lending.desk import bank_desk, figures, reviews
from modules.identity import staff
from tests.credit.conftest import engine_of
from tests.credit.lending.test_advice import ALL, MORE
from tests.credit.lending.town import CITY, RURAL, FakeCity, Owner, approval, key

Officer = Callable[[str, str], Awaitable[Call]]


@pytest.fixture
async def officer(app: App, call: Callable[..., Call]) -> Officer:
    """Enrols somebody with a role in a unit; the call of theirs."""
    numbers = iter(range(10))

    async def make(role: str, unit: str) -> Call:
        async with transaction() as tx:
            id_ = await staff.enrol(
                app, tx, phone=f"1350000000{next(numbers)}", roles=[role], department=unit,
                secret=b"x" * 20,
            )  # fmt: skip
        return call(user_id=id_, level=2, roles=frozenset({role}))

    return make


@pytest.fixture
def engine(app: App, champion: Artefact, city: FakeCity) -> Engine:
    """The champion of simulated loans stands for the city bank's product."""
    engine, on = engine_of(champion), app.clock.now().date()
    app.once(("lending.engine", CITY, "city-bank-credit", on, 0), lambda: engine)
    city.values |= MORE
    return engine


async def _placed(owner: Owner) -> UUID:
    await owner.consent(CITY, ALL)
    case = await owner.apply(second_product="")
    return (await owner.answers(case))[CITY].id


async def test_a_banks_officer_answers_and_the_log_has_who(
    app: App, owner: Owner, engine: Engine, officer: Officer
) -> None:
    id_ = await _placed(owner)
    banker = await officer("bank_officer", CITY)
    (row,) = await bank_desk.list_applications(banker, first=5, after=None, state="RECEIVED")
    assert row.id == id_ and row.advice is not None and row.advice["outcome"] == "approve"
    asked = await bank_desk.ask_document(banker, id_, "财务报表", key())
    assert asked.wanted == "财务报表"
    with pytest.raises(InvalidInput):
        await bank_desk.decide(banker, id_, approval(app, margin_bps=9_000), key())
    again = key()
    for _ in range(2):  # the second is the first's
        refused = await bank_desk.decide(banker, id_, Refusal("EXISTING_DEBT"), again)
        assert (refused.state, refused.refusal) == ("REFUSED", "EXISTING_DEBT")
    async with transaction() as tx:
        await verify_chain(tx, CITY)
        log = await read_log(tx, app.vault, CITY)
    # the engine would have approved: the officer's word is an override, with a reason
    assert [entry.payload["kind"] for entry, _ in log] == ["decision", "override"]
    override, body = log[1]
    assert override.payload["by"] == f"{CITY}:{banker.require_viewer().user_id}"
    assert body == {"reason": "EXISTING_DEBT"}
    (funnel,) = (await figures.read_figures(app, CITY)).funnels
    assert (funnel.received, funnel.refused, funnel.approval_bps) == (1, 1, 0)
    assert (await figures.read_figures(app, RURAL)).funnels == []


async def test_another_banks_officer_and_other_roles_find_nothing(
    app: App, owner: Owner, officer: Officer
) -> None:
    id_ = await _placed(owner)
    other = await officer("bank_officer", RURAL)
    assert await bank_desk.list_applications(other, first=5, after=None, state=None) == []
    decision: Decision = approval(app)
    for attempt in (
        bank_desk.get_application(other, id_),
        bank_desk.decide(other, id_, decision, key()),
        bank_desk.ask_document(other, id_, "x", key()),
    ):
        with pytest.raises(NotFound):
            await attempt
    risk = await officer("risk_officer", "finance")
    with pytest.raises(Forbidden):
        await bank_desk.get_application(risk, id_)
    with pytest.raises(Forbidden):
        await reviews.list_queue(other, first=5, after=None)
    banker = await officer("bank_officer", CITY)
    row = await bank_desk.get_application(banker, id_)
    assert (row.state, row.wanted, row.offer) == ("RECEIVED", None, None)


async def test_a_risk_officer_settles_what_was_referred(
    app: App, owner: Owner, engine: Engine, city: FakeCity, officer: Officer
) -> None:
    city.down.add("court")
    await owner.consent(CITY, ALL)
    case = await owner.apply(second_product="")
    assert case.state == "review"
    risk, elsewhere = (
        await officer("risk_officer", "finance"),
        await officer("risk_officer", "police"),
    )
    assert await reviews.list_queue(elsewhere, first=5, after=None) == []
    with pytest.raises(NotFound):
        await reviews.open_review(elsewhere, case.id)
    assert await AccessLog.filter(subject_id=case.citizen_id, purpose="staff-case").count() == 0
    ((task, _),) = await reviews.list_queue(risk, first=5, after=None)
    review = await reviews.open_review(risk, case.id)
    assert [(bank, advice["outcome"]) for bank, advice in review.advice] == [(CITY, "refer")]
    assert await AccessLog.filter(subject_id=case.citizen_id, purpose="staff-case").count() == 1
    await reviews.take(risk, task.id, key())
    with pytest.raises(InvalidInput):
        await reviews.settle(risk, task.id, "pass_on", "", key())
    again = key()
    for _ in range(2):
        await reviews.settle(risk, task.id, "pass_on", "已核实", again)
    await routing.place(app, case.id, "routing")
    assert (await owner.case(case.id)).state == "with_banks"
    with pytest.raises(Conflict):
        await reviews.settle(risk, task.id, "pass_on", "再次", key())


async def test_a_bank_is_a_unit_of_staff_and_nobody_else_is(app: App, owner: Owner) -> None:
    assert await is_unit(app, CITY) and await is_unit(app, "finance")
    assert not await is_unit(app, f"bank-{new_id()}")
