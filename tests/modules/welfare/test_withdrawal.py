"""Withdrawals from the housing fund: the rules, and the way of the money."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from core.context.app import App
from core.context.call import Call
from core.database import connection
from core.errors import AppError, Conflict, InvalidInput, Unavailable
from core.id_documents import Document, DocumentKind
from core.people.directory import get_person
from core.people.personal_read import grant_consent
from core.security.authentication import Viewer
from kinds.application import attachments, service
from kinds.application.events import CaseAwaits
from kinds.application.form import FormIncomplete
from kinds.application.models import Case
from kinds.application.opening import open_form, seal_form
from modules.identity.disputes import service as disputes
from modules.welfare.housing_fund.upstream import CENTRE
from modules.welfare.withdrawal.domain import (
    HousingFundWithdrawal,
    WithdrawalPurpose,
    option_of,
    options_of,
)
from modules.welfare.withdrawal.jobs import case_awaits
from modules.welfare.withdrawal.lookup import PURPOSE, SERVICE
from modules.welfare.withdrawal.upstream import PayoutStatus
from tests.jobs import run_due
from tests.kinds.application.papers import pdf
from tests.kinds.application.town import Town, find, key
from tests.modules.welfare.applications import CARD_NO, PERSON, answers_for
from tests.modules.welfare.centre import RECORD, RULES, FakeCentre
from tests.people import close_account
from tests.upstreams import by_operation

TODAY = date(2026, 11, 23)
PERMIT = Document(DocumentKind.HK_MACAO_PERMIT, "H12345678", date(1990, 12, 31))
RENT, LOAN = WithdrawalPurpose.RENT, WithdrawalPurpose.LOAN
LEAVING, ILLNESS = WithdrawalPurpose.LEAVING, WithdrawalPurpose.ILLNESS
PAYING = ("applications.CaseAwaits>welfare.case_awaits", "welfare.pay_withdrawal")


def _drawn(purpose: WithdrawalPurpose, paid_on: date, amount_fen: int) -> HousingFundWithdrawal:
    return HousingFundWithdrawal("HFW0", purpose, amount_fen, paid_on)


@pytest.mark.parametrize(
    ("purpose", "changes", "most_fen", "codes"),
    [
        (RENT, {}, 1_800_000, []),
        (RENT, {"balance_fen": 500_000}, 500_000, []),
        (RENT, {"balance_fen": 0}, 0, ["WITHDRAWAL_NOTHING_LEFT"]),
        # three months in a row and no home here
        (RENT, {"months_in_a_row": 2, "owns_home_here": True}, 0,
         ["WITHDRAWAL_MONTHS_MISSING", "WITHDRAWAL_OWNS_HOME"]),
        (RENT, {"withdrawals": [_drawn(RENT, date(2026, 8, 23), 600_000)]}, 1_200_000, []),
        (RENT, {"withdrawals": [_drawn(RENT, date(2026, 8, 24), 600_000)]}, 0,
         ["WITHDRAWAL_TOO_SOON"]),
        (RENT, {"withdrawals": [_drawn(RENT, date(2025, 12, 31), 600_000)]}, 1_800_000, []),
        (RENT, {"withdrawals": [_drawn(ILLNESS, date(2026, 11, 1), 600_000)]}, 1_800_000, []),
        (LOAN, {}, 8_000_000, []),
        (LOAN, {"loan_outstanding_fen": 700_000}, 700_000, []),
        (LOAN, {"loan_outstanding_fen": 0}, 0, ["WITHDRAWAL_NO_LOAN"]),
        # half a year after the account was sealed
        (LEAVING, {"sealed_on": date(2026, 5, 23)}, 8_000_000, []),
        (LEAVING, {"sealed_on": date(2026, 5, 24)}, 0, ["WITHDRAWAL_SEALED_LATELY"]),
        (LEAVING, {"sealed_on": None}, 0, ["WITHDRAWAL_NOT_SEALED"]),
        (ILLNESS, {"rules": RULES[:5]}, 0, ["WITHDRAWAL_NOT_OFFERED"]),
        (ILLNESS, {"is_closed": True}, 0, ["WITHDRAWAL_ACCOUNT_CLOSED"]),
    ],
)  # fmt: skip
def test_what_may_be_drawn_and_all_that_speaks_against_it(
    purpose: WithdrawalPurpose, changes: dict[str, Any], most_fen: int, codes: list[str]
) -> None:
    option = option_of(replace(RECORD, **changes), purpose, TODAY)
    assert (option.most_fen, [reason.code for reason in option.reasons]) == (most_fen, codes)
    assert all("{" not in reason.message.zh + reason.message.en for reason in option.reasons)


def test_every_purpose_is_answered() -> None:
    assert [option.purpose for option in options_of(RECORD, TODAY)] == list(WithdrawalPurpose)
    nothing = options_of(replace(RECORD, rules=()), TODAY)
    assert {option.most_fen for option in nothing} == {0}
    assert all(option.reasons for option in nothing)


@pytest.fixture
def centre() -> FakeCentre:
    """The housing fund centre."""
    return FakeCentre()


@pytest.fixture
def upstreams(centre: FakeCentre) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return by_operation(centre, CENTRE)


@pytest.fixture
async def me(citizen: Callable[..., Awaitable[Viewer]], call: Callable[..., Call]) -> Call:
    """Somebody verified who has consented."""
    viewer = await citizen(number=PERSON["resident_id"])
    mine = call(user_id=viewer.user_id, level=2)
    await grant_consent(mine, PURPOSE.id, PURPOSE.text_version)
    return mine


async def _draft(me: Call, purpose: WithdrawalPurpose, **changes: str) -> Case:
    answers = answers_for(purpose) | changes
    return await service.open_case(me, SERVICE, answers, key(), item=purpose)


async def _problems(me: Call, case: Case) -> list[str]:
    with pytest.raises(FormIncomplete) as refusal:
        await service.take_step(me, case.id, "submit", "", key())
    assert (await find(case.id)).state == "draft"
    return [problem.text.code for problem in refusal.value.problems]


async def test_a_form_is_held_against_the_record_of_this_minute(
    me: Call, centre: FakeCentre
) -> None:
    case = await _draft(me, RENT, amount="18001", card_no="6222020000000000001")
    assert await _problems(me, case) == ["WITHDRAWAL_TOO_MUCH", "WITHDRAWAL_CARD_NUMBER"]
    centre.record = replace(RECORD, months_in_a_row=0)
    assert "WITHDRAWAL_MONTHS_MISSING" in await _problems(me, case)
    centre.record = None
    assert "WITHDRAWAL_NO_ACCOUNT" in await _problems(me, case)
    centre.is_silent = True
    with pytest.raises(Unavailable) as refusal:
        await service.take_step(me, case.id, "submit", "", key())
    assert refusal.value.code == "UPSTREAM_UNAVAILABLE"
    assert (await find(case.id)).state == "draft"


@pytest.mark.parametrize(
    ("document", "owner"),
    [
        (None, {"document_type": "01", "document_no": PERSON["resident_id"]}),
        (PERMIT, {"document_type": "99", "document_no": PERMIT.number, "born_on": "1990-12-31"}),
    ],
)
async def test_a_granted_withdrawal_is_paid_once_and_a_returned_one_anew(
    app: App,
    citizen: Callable[..., Awaitable[Viewer]],
    call: Callable[..., Call],
    centre: FakeCentre,
    document: Document | None,
    owner: Mapping[str, str],
) -> None:
    town = Town(app, call)
    await town.officer("housing_fund")
    viewer = await citizen(number=PERSON["resident_id"], document=document)
    me = call(user_id=viewer.user_id, level=2)
    await grant_consent(me, PURPOSE.id, PURPOSE.text_version)
    blank = await service.get_form(me, SERVICE, LEAVING)
    case = await _draft(me, LEAVING, resident_id=owner["document_no"])
    await attachments.attach(me, case, "left", "left.pdf", pdf(), key())
    await town.step(me, case, "submit")
    centre.outcome = PayoutStatus.RETURNED
    await town.act(await find(case.id), "grant")
    await run_due(app, *PAYING)
    assert (await find(case.id)).state == "missing"
    (last,) = (await service.list_timeline(me, case, after=0, first=50))[-1:]
    assert last.event == "return_payment"
    centre.outcome = PayoutStatus.PENDING
    await town.step(me, case, "resubmit")
    await town.act(await find(case.id), "grant")
    await run_due(app, *PAYING)
    assert (await find(case.id)).state == "paying"
    centre.outcome = PayoutStatus.PAID
    await connection().execute_query("UPDATE pgqueuer SET execute_after = now() - interval '1 s'")
    await run_due(app, *PAYING)
    assert (await find(case.id)).state == "paid"
    if document is not None:
        assert blank.known["resident_id"].value == document.number
    first, second = centre.orders
    assert first.owner == second.owner == owner
    assert first.case_no != second.case_no
    assert (second.card_no, second.amount_fen, second.purpose) == (CARD_NO, None, "LEAVING")


async def _dispute(
    app: App, call: Callable[..., Call], me: Call
) -> Callable[[], Awaitable[object]]:
    """Somebody at a counter says that the account is theirs; returns what dismisses it."""
    first, second = (call(level=1, roles=frozenset({"department_officer"})) for _ in range(2))
    person = await get_person(app, me.subject_id)
    assert person.name is not None and person.resident_id is not None
    row = await disputes.open_at_counter(
        first, person.name, person.resident_id, "13700000077", key()
    )
    return lambda: disputes.dismiss(second, row.id)


async def test_no_money_leaves_an_account_that_is_disputed(
    app: App, me: Call, call: Callable[..., Call], centre: FakeCentre
) -> None:
    town = Town(app, call)
    await town.officer("housing_fund")
    case = await _draft(me, LEAVING)
    await attachments.attach(me, case, "left", "left.pdf", pdf(), key())
    dismiss = await _dispute(app, call, me)
    for refused in (
        service.save_answers(me, case.id, answers_for(LEAVING), key()),
        service.take_step(me, case.id, "submit", "", key()),
    ):
        with pytest.raises(AppError, match="ACCOUNT_DISPUTED"):
            await refused
    assert (await find(case.id)).state == "draft"
    await dismiss()
    submitted = key()
    await service.take_step(me, case.id, "submit", "", submitted)
    dismiss = await _dispute(app, call, me)
    replayed = await service.take_step(me, case.id, "submit", "", submitted)
    assert replayed.state == "filed", "what was done before is answered again"
    centre.outcome = PayoutStatus.PAID
    await town.act(await find(case.id), "grant")
    await run_due(app, *PAYING)
    assert ((await find(case.id)).state, centre.orders) == ("paying", [])
    await dismiss()
    await connection().execute_query("UPDATE pgqueuer SET execute_after = now() - interval '1 s'")
    await run_due(app, *PAYING)
    assert ((await find(case.id)).state, len(centre.orders)) == ("paid", 1)


async def test_a_case_is_given_up_though_its_account_is_disputed(
    app: App, me: Call, call: Callable[..., Call]
) -> None:
    case = await _draft(me, LEAVING)
    await _dispute(app, call, me)
    await service.take_step(me, case.id, "withdraw", "", key())
    assert (await find(case.id)).state == "withdrawn"


async def test_it_is_paid_out_of_the_own_account_whatever_number_is_typed(
    app: App, me: Call, call: Callable[..., Call], centre: FakeCentre
) -> None:
    town = Town(app, call)
    await town.officer("housing_fund")
    mine = (await get_person(app, me.subject_id)).document_no
    case = await _draft(me, LEAVING, resident_id="370102199003077517")
    await attachments.attach(me, case, "left", "left.pdf", pdf(), key())
    assert await _problems(me, case) == ["WITHDRAWAL_NOT_YOURS"]
    await service.save_answers(me, case.id, answers_for(LEAVING), key())
    await town.step(me, case, "submit")
    locked = await find(case.id)
    form = open_form(app, locked) | {"resident_id": "370102199003077517"}
    await Case.filter(id=case.id).update(form_sealed=seal_form(app, form))
    await town.act(await find(case.id), "grant")
    await run_due(app, *PAYING)
    assert [order.owner["document_no"] for order in centre.orders] == [mine]


@pytest.mark.parametrize(
    ("refusal", "state"),
    [("AMOUNT_ABOVE_BALANCE", "missing"), ("NO_ACCOUNT", "missing"), ("OTHER", "paying")],
)
async def test_what_the_centre_refuses_comes_back_and_what_it_does_not_answer_is_asked_again(
    app: App, me: Call, call: Callable[..., Call], centre: FakeCentre, refusal: str, state: str
) -> None:
    town = Town(app, call)
    await town.officer("housing_fund")
    case = await _draft(me, RENT)
    await town.step(me, case, "submit")
    centre.refusal = refusal
    await town.act(await find(case.id), "grant")
    await run_due(app, *PAYING)
    assert ((await find(case.id)).state, centre.orders) == (state, [])
    if state == "missing":
        (last,) = (await service.list_timeline(me, case, after=0, first=50))[-1:]
        assert last.event == "return_payment"
        return
    centre.refusal = ""
    for centre.is_silent in (True, False):
        await connection().execute_query(
            "UPDATE pgqueuer SET execute_after = now() - interval '1 s'"
        )
        await run_due(app, *PAYING)
    assert ((await find(case.id)).state, len(centre.orders)) == ("paid", 1)


async def test_nothing_is_paid_for_who_has_left_meanwhile(
    app: App, me: Call, call: Callable[..., Call], centre: FakeCentre
) -> None:
    town = Town(app, call)
    await town.officer("housing_fund")
    case = await _draft(me, RENT)
    await town.step(me, case, "submit")
    await town.act(await find(case.id), "grant")
    await close_account(app, me.subject_id)
    await run_due(app, *PAYING)
    assert ((await find(case.id)).state, centre.orders) == ("missing", [])


async def test_what_the_centre_may_be_paying_is_not_told_as_returned_when_its_person_has_left(
    app: App, me: Call, call: Callable[..., Call], centre: FakeCentre
) -> None:
    town = Town(app, call)
    await town.officer("housing_fund")
    case = await _draft(me, RENT)
    await town.step(me, case, "submit")
    centre.outcome = PayoutStatus.PENDING
    await town.act(await find(case.id), "grant")
    await run_due(app, *PAYING)
    await close_account(app, me.subject_id)
    centre.outcome = PayoutStatus.PAID
    for _ in range(2):
        await connection().execute_query(
            "UPDATE pgqueuer SET execute_after = now() - interval '1 s'"
        )
        await run_due(app, *PAYING)
    assert ((await find(case.id)).state, len(centre.orders)) == ("paying", 1)
    await town.act(await find(case.id), "confirm_by_hand", note="银行已付")
    assert (await find(case.id)).state == "paid"


async def test_a_payment_that_comes_back_of_who_has_died_is_noted_by_an_officer(
    app: App, me: Call, call: Callable[..., Call], centre: FakeCentre
) -> None:
    town = Town(app, call)
    await town.officer("housing_fund")
    case = await _draft(me, RENT)
    await town.step(me, case, "submit")
    centre.outcome = PayoutStatus.PENDING
    await town.act(await find(case.id), "grant")
    await run_due(app, *PAYING)
    await close_account(app, me.subject_id)
    with pytest.raises(InvalidInput, match="NOTE_REQUIRED"):
        await town.act(await find(case.id), "return_by_hand", note="")
    assert (await find(case.id)).state == "paying"
    await town.act(await find(case.id), "return_by_hand", note="银行退款")
    assert (await find(case.id)).state == "missing"


async def test_who_was_cut_short_while_ordering_does_not_tell_it_as_returned(
    app: App, me: Call, call: Callable[..., Call], centre: FakeCentre
) -> None:
    town = Town(app, call)
    await town.officer("housing_fund")
    case = await _draft(me, RENT)
    await town.step(me, case, "submit")
    centre.is_cut_short = True
    granted = await town.act(await find(case.id), "grant")
    event = CaseAwaits(case.id, SERVICE, granted.state, granted.sequence)
    with pytest.raises(RuntimeError, match="cut short"):
        await case_awaits(app, event)
    await close_account(app, me.subject_id)
    await case_awaits(app, event)  # the queue repeats it
    assert ((await find(case.id)).state, len(centre.orders)) == ("paying", 1)


async def test_what_is_handed_in_is_what_the_centre_was_asked_about(
    me: Call, centre: FakeCentre
) -> None:
    case, more = await _draft(me, RENT), answers_for(RENT) | {"amount": "79999"}
    centre.meanwhile = lambda: service.save_answers(me, case.id, more, key())
    with pytest.raises(Conflict, match="CASE_CHANGED"):
        await service.take_step(me, case.id, "submit", "", key())
    assert (await find(case.id)).state == "draft"
    centre.meanwhile = None
    assert await _problems(me, case) == ["WITHDRAWAL_TOO_MUCH"]
