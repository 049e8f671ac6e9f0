"""The engine's advice on an application: reasons, referral, refusal by rule, and its replay."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from core.context.app import App
from core.database import Transaction, transaction
from core.errors import Conflict
from credit.api import read_log, verify_chain
from credit.engine.artefact import Artefact
from credit.engine.decision import Engine
from credit.lending import api
from credit.lending.applications import routing
from credit.lending.companies import service as companies
from credit.lending.products import service as products
from credit.lending.records import texts
from credit.log.chain import Entry
from credit.log.replay import replay as replay_log
from kinds.application import engine as workflow
from kinds.application import service as cases
from kinds.application import store as case_store
from kinds.application import versions
from kinds.application.engine import NOTE
from kinds.application.models import CaseEvent
from tests.credit.conftest import engine_of
from tests.credit.lending.town import (
    CITY,
    FORM,
    RURAL,
    VALUES,
    FakeCity,
    Owner,
    approval,
    decide,
    key,
)

MORE = {
    "social_insurance": {"insured_heads": 20, "insured_heads_prev": 18},
    "housing_fund": {"fund_arrears_12m": 0},
    "utilities": {"utility_late_12m": 0, "electricity_ratio": 1.0},
    "court": {"court_cases_24m": 0, "court_enforcements_24m": 0},
}


ALL = [*VALUES, *MORE]


@pytest.fixture
def engine(app: App, champion: Artefact, city: FakeCity) -> Engine:
    """The champion of simulated loans under the example policy, standing for each product."""
    engine = engine_of(champion)
    on = app.clock.now().date()
    for bank, product in ((CITY, "city-bank-credit"),):
        app.once(("lending.engine", bank, product, on, 0), lambda: engine)
    city.values |= MORE
    return engine


async def test_what_was_decided_is_logged_and_replays(
    app: App, owner: Owner, engine: Engine
) -> None:
    await owner.consent(CITY, ALL)
    case = await owner.apply(second_product="")
    async with transaction() as tx:
        await verify_chain(tx, CITY)
        log = await read_log(tx, app.vault, CITY)
    assert len(log) == 1 and log[0][1] is not None
    assert (case.state, log[0][1]["decision"]["outcome"]) == ("with_banks", "approve")
    row = (await owner.answers(case))[CITY]
    assert row.assessment is not None and "reasons" in row.assessment
    result = replay_log(log, lambda _: engine.champion, lambda _: engine.policy)
    assert (result.same, result.different) == (1, ())


async def test_a_rule_refuses_with_reasons_and_a_person_looks_again(
    app: App, owner: Owner, engine: Engine, city: FakeCity
) -> None:
    city.values["court"] = {"court_cases_24m": 1, "court_enforcements_24m": 1}
    await owner.consent(CITY, ALL)
    case = await owner.apply(second_product="")
    row = (await owner.answers(case))[CITY]
    assert (case.state, row.state, row.refusal) == ("refused", "REFUSED", "POLICY")
    assert row.assessment is not None and "ENFORCEMENT_CASE" in row.assessment
    with pytest.raises(Conflict):
        await decide(app, row, approval(app))
    await cases.take_step(owner.call, case.id, "ask_again", "案件已履行", key())
    assert (await owner.case(case.id)).state == "second_look"


async def test_what_nobody_knows_is_referred_and_a_person_passes_it_on(
    app: App, owner: Owner, engine: Engine, city: FakeCity
) -> None:
    city.down.add("court")
    await owner.consent(CITY, ALL)
    case = await owner.apply(second_product="")
    assert case.state == "review" and await owner.answers(case) == {}
    await store_step(app, owner, case.id)
    assert (await owner.case(case.id)).state == "with_banks"
    assert (await owner.answers(case))[CITY].state == "RECEIVED"


async def test_what_no_bank_may_have_any_more_goes_back_to_its_owner(
    app: App, owner: Owner, engine: Engine, city: FakeCity
) -> None:
    """A consent is withdrawn while a person looks: the case is not with banks that do not have it.
    Where a bank has refused it before, the refusal stands."""
    city.down.add("court")
    await owner.consent(CITY, ALL)
    case = await owner.apply(second_product="")
    await companies.withdraw_consents(owner.call, owner.company_id, CITY, ALL, key())
    await store_step(app, owner, case.id)
    assert ((await owner.case(case.id)).state, await owner.answers(case)) == ("draft", {})
    last = (await CaseEvent.filter(case_id=case.id).order_by("sequence"))[-1]
    note = app.vault.decrypt(bytes(last.note_sealed or b""), NOTE)
    assert (last.event, note) == (
        "send_back", f"{texts.CONSENT_MISSING.zh} / {texts.CONSENT_MISSING.en}"
    )  # fmt: skip

    city.down.clear()
    city.values["court"] = {"court_cases_24m": 1, "court_enforcements_24m": 1}
    await owner.consent(CITY, ALL)
    await cases.take_step(owner.call, case.id, "submit", "", key())
    await routing.place(app, case.id, "checking")
    await cases.take_step(owner.call, case.id, "ask_again", "案件已履行", key())
    await companies.withdraw_consents(owner.call, owner.company_id, CITY, ALL, key())
    await store_step(app, owner, case.id, "overturn")
    assert (await owner.case(case.id)).state == "refused"
    assert (await owner.answers(case))[CITY].state == "REFUSED"


async def test_advice_is_shown_while_every_source_that_it_drew_on_may_be_read(
    app: App, owner: Owner, engine: Engine, city: FakeCity
) -> None:
    await owner.consent(CITY, ALL)
    row = (await owner.answers(await owner.apply(second_product="")))[CITY]
    assert (await api.get_application(app, CITY, row.id)).advice is not None
    await companies.withdraw_consents(owner.call, owner.company_id, CITY, ["court"], key())
    view = await api.get_application(app, CITY, row.id)
    assert (view.advice, len(view.facts)) == (None, len(ALL) - 1)


async def test_a_bank_that_looks_again_sees_what_is_known_now(
    app: App, owner: Owner, engine: Engine, city: FakeCity
) -> None:
    """The court case is settled: facts and advice are those of the second look, as in the log."""
    city.values["court"] = {"court_cases_24m": 1, "court_enforcements_24m": 1}
    await owner.consent(CITY, ALL)
    case = await owner.apply(second_product="")
    city.values["court"] = MORE["court"]
    await cases.take_step(owner.call, case.id, "ask_again", "案件已履行", key())
    await store_step(app, owner, case.id, "overturn")
    view = await api.get_application(app, CITY, (await owner.answers(case))[CITY].id)
    (court,) = [one for one in view.facts if one.source == "court"]
    assert view.advice is not None
    assert (view.state, court.values, view.advice["outcome"]) == (
        "RECEIVED", MORE["court"], "approve")  # fmt: skip


async def test_two_who_apply_at_the_same_banks_in_another_order_both_arrive(
    app: App, owner: Owner, engine: Engine, city: FakeCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each bank's log is one chain, whose lock is held until the case is with its banks."""
    app.once(("lending.engine", RURAL, "rural-bank-tax", app.clock.now().date(), 0), lambda: engine)
    add = routing.add_entry

    async def add_slowly(tx: Transaction, *given: Any, **named: Any) -> Entry:
        entry = await add(tx, *given, **named)
        await asyncio.sleep(0.2)
        return entry

    monkeypatch.setattr(routing, "add_entry", add_slowly)
    for bank in (CITY, RURAL):
        await owner.consent(bank, sorted(await companies._sources_of(bank)))
    codes = (FORM["product"], FORM["second_product"])
    cases_ = [
        await owner.submit(product=first, second_product=second)
        for first, second in (codes, codes[::-1])
    ]
    await asyncio.gather(*(routing.place(app, case.id, "checking") for case in cases_))
    assert "checking" not in {(await owner.case(case.id)).state for case in cases_}
    async with transaction() as tx:
        assert [len(await read_log(tx, app.vault, bank)) for bank in (CITY, RURAL)] == [2, 2]


async def test_a_bank_may_have_a_long_name(app: App, owner: Owner, engine: Engine) -> None:
    """The log's columns are narrower than a bank's id and a case's together."""
    bank, code = "commercial-bank-of-the-far-county-of-shanghe", "far-credit"
    product = (await products.list_current())["city-bank-credit"][1]
    async with transaction() as tx:
        far = replace(product, bank=bank, code=code)
        row = await products.propose(app, tx, far, "one")
        await products.approve(app, tx, row.id, "another", publish=True)
    app.once(("lending.engine", bank, code, app.clock.now().date(), 0), lambda: engine)
    await owner.consent(bank, list(product.sources))
    case = await owner.apply(product=code, second_product="")
    answer = (await owner.answers(case))[bank]
    await decide(app, answer, approval(app))
    async with transaction() as tx:
        log = await read_log(tx, app.vault, bank)
    assert [entry.payload["kind"] for entry, _ in log] == ["decision", "review"]


async def store_step(app: App, owner: Owner, case_id: object, event: str = "pass_on") -> None:
    """What an officer's step and its job do."""
    async with transaction() as tx:
        case = await case_store.lock_case(tx, case_id)  # type: ignore[arg-type]
        assert case is not None
        definition = await versions.get_stored(app, case.definition_id)
        step = definition.find_step(case.state, event)
        await workflow.take(app, tx, case, definition, step, workflow.SYSTEM,
                            workflow.Choices("looks sound"))  # fmt: skip
    await routing.place(app, case.id, "routing")


async def test_without_a_standing_engine_nobody_has_assessed(app: App, owner: Owner) -> None:
    await owner.consent(CITY)
    case = await owner.apply(second_product="")
    row = (await owner.answers(case))[CITY]
    assert (case.state, row.state, row.assessment) == ("with_banks", "RECEIVED", None)
