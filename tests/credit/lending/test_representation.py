"""Who may act for a company is asked of its register at each act, not only when it is taken on."""

from collections.abc import Awaitable

import pytest

from core.context.app import App
from core.errors import AppError, Unavailable
from credit.lending.companies import service as companies
from credit.lending.records import store
from credit.lending.records.models import Contract, Member
from kinds.application import service as cases
from kinds.application.form import FormIncomplete
from kinds.application.models import Case
from tests.credit.lending.town import (
    CITY,
    FORM,
    RURAL,
    SOURCES,
    USCC,
    FakeCity,
    Owner,
    approval,
    decide,
    key,
)

CHANGES = {
    "another represents it": ("李四", "LOAN_NOT_REPRESENTATIVE"),
    "it is struck off": (None, "LOAN_COMPANY_UNKNOWN"),
}


def _change(city: FakeCity, name: str | None) -> None:
    del city.companies[USCC]
    if name is not None:
        city.companies[USCC] = name


async def _code(work: Awaitable[object]) -> str:
    with pytest.raises(AppError) as refusal:
        await work
    return refusal.value.code


async def _draft(owner: Owner) -> Case:
    return await cases.open_case(owner.call, "loan-apply", FORM, key())


@pytest.mark.parametrize("change", CHANGES)
async def test_a_former_representative_applies_no_more(
    owner: Owner, city: FakeCity, change: str
) -> None:
    name, code = CHANGES[change]
    case = await _draft(owner)
    _change(city, name)
    with pytest.raises(FormIncomplete) as refusal:
        await cases.take_step(owner.call, case.id, "submit", "", key())
    problems = [(problem.name, problem.text.code) for problem in refusal.value.problems]
    assert problems == [("uscc", code)]
    assert (await owner.case(case.id)).state == "draft"


@pytest.mark.parametrize("change", CHANGES)
async def test_a_former_representative_consents_to_nothing_more(
    owner: Owner, city: FakeCity, change: str
) -> None:
    name, code = CHANGES[change]
    given = key()
    await companies.give_consents(owner.call, owner.company_id, CITY, ["tax"], given)
    _change(city, name)
    assert await _code(owner.consent(CITY)) == code
    await companies.give_consents(owner.call, owner.company_id, CITY, ["tax"], given)
    live = await store.list_live_consents(owner.company_id, CITY)
    assert [consent.source for consent in live] == ["tax"], "what was done is answered again"
    await companies.withdraw_consents(owner.call, owner.company_id, CITY, ["tax"], key())
    assert await store.list_live_consents(owner.company_id, CITY) == []


@pytest.mark.parametrize("change", CHANGES)
async def test_a_former_representative_signs_no_more(
    app: App, owner: Owner, city: FakeCity, change: str
) -> None:
    name, code = CHANGES[change]
    for bank in (CITY, RURAL):
        await owner.consent(bank)
    case = await owner.apply(second_product="")
    row = (await owner.answers(case))[CITY]
    await decide(app, row, approval(app))
    await owner.accept(row.id)
    _change(city, name)
    assert await _code(owner.sign(row.id)) == code
    city.down = {"register"}
    assert await _code(owner.sign(row.id)) == "UPSTREAM_UNAVAILABLE"
    assert (await owner.case(case.id)).state == "chosen" and not await Contract.exists()


async def test_silence_of_the_register_is_no_answer_of_it(owner: Owner, city: FakeCity) -> None:
    case = await _draft(owner)
    city.down = {"register"}
    submitted = key()
    for act in (
        cases.take_step(owner.call, case.id, "submit", "", submitted),
        owner.consent(CITY),
    ):
        with pytest.raises(Unavailable, match="UPSTREAM_UNAVAILABLE"):
            await act
    assert (await owner.case(case.id)).state == "draft"
    assert await store.list_live_consents(owner.company_id, CITY) == []
    city.down = set()
    await cases.take_step(owner.call, case.id, "submit", "", submitted)
    city.down = {"register"}
    again = await cases.take_step(owner.call, case.id, "submit", "", submitted)
    assert again.state == "checking", "what was done is answered again"


async def test_whom_the_company_lets_act_is_not_asked_of_the_register(
    owner: Owner, city: FakeCity
) -> None:
    await Member.filter(company_id=owner.company_id).update(role=companies.STAFF, limit_fen=10**9)
    case = await _draft(owner)
    city.down = {"register"}
    assert (await cases.take_step(owner.call, case.id, "submit", "", key())).state == "checking"
    await owner.consent(CITY, SOURCES[:1])
