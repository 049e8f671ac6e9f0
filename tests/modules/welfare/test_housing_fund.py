"""The housing fund: consent, trace, and an honest word on how fresh the figures are."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bff.trusted.documents import documents_of
from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import connection, fetch_all
from core.deadline import Deadline
from core.people.directory import get_person
from core.people.personal_read import grant_consent, open_access
from core.security.authentication import Viewer
from core.upstream.client import UpstreamFailed, UpstreamRejected
from modules.welfare.domain import HousingFundAccount, HousingFundDeposit, HousingLoan
from modules.welfare.service import HOUSING_FUND_PURPOSE
from modules.welfare.upstream import CENTRE, find_account
from tests.asgi import Client
from tests.fakes import FakeHousingFund
from tests.upstreams import by_operation, over_http

ACCOUNT = HousingFundAccount(
    account_no="370100012345",
    employer="示例公司",
    status="正常",
    balance_fen=12_345_678,
    monthly_deposit_fen=240_000,
    deposits=(HousingFundDeposit("2026-10", 240_000, date(2026, 10, 15)),),
    loan=HousingLoan("JN-1", 60_000_000, 45_678_901, 310, 321_000, date(2026, 12, 20)),
)
Citizen = Callable[..., Awaitable[Viewer]]


@pytest.fixture
def centre() -> FakeHousingFund:
    """The housing fund centre."""
    return FakeHousingFund()


@pytest.fixture
def upstreams(centre: FakeHousingFund) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return by_operation(centre, CENTRE)


@pytest.fixture
async def saver(
    app: App, call: Callable[..., Call], citizen: Citizen, centre: FakeHousingFund
) -> Viewer:
    """Somebody verified who has an account and has consented."""
    viewer = await citizen()
    person = await get_person(app, viewer.user_id)
    centre.accounts[person.resident_id or ""] = ACCOUNT
    await grant_consent(call(user_id=viewer.user_id, level=2), HOUSING_FUND_PURPOSE.id, "2026-11")
    return viewer


async def _read(client: Client, viewer: Viewer | None) -> Any:
    document = documents_of(client.app.manifests).by_name["housing-fund-query"]
    return (await client.data(document.source, viewer=viewer))["housingFund"]


async def _traces() -> int:
    return len(await fetch_all(connection(), "SELECT id FROM core_access_log"))


async def test_the_account_comes_whole_and_the_trace_stands(
    client: Client, saver: Viewer, centre: FakeHousingFund
) -> None:
    answer = await _read(client, saver)
    assert (answer["status"], answer["asOf"]) == ("LIVE", "2026-11-23T04:00:00Z")
    account = answer["account"]
    assert (account["balance"], account["monthlyDeposit"]) == (12_345_678, 240_000)
    assert account["deposits"] == [
        {"month": "2026-10", "amount": 240_000, "depositedOn": "2026-10-15"}
    ]
    assert account["loan"]["outstanding"] == 45_678_901
    (row,) = await fetch_all(connection(), "SELECT * FROM core_access_log")
    assert row["id"] == centre.asked[0].access_id
    assert (row["subject_id"], row["service"]) == (saver.user_id, "housing-fund-query")


async def test_nobody_reads_it_without_level_two_and_consent(
    client: Client, citizen: Citizen, centre: FakeHousingFund
) -> None:
    query = "{ housingFund { status } }"
    for viewer, code in (
        (None, "LOGIN_REQUIRED"),
        (await citizen(level=1), "LEVEL_REQUIRED"),
        (await citizen(level=2), "CONSENT_REQUIRED"),
    ):
        answer = await client.run(query, viewer=viewer)
        assert answer.codes == [code]
    assert centre.asked == []
    assert await _traces() == 0


async def test_no_account_is_an_answer(
    client: Client, saver: Viewer, centre: FakeHousingFund
) -> None:
    centre.accounts.clear()
    answer = await _read(client, saver)
    assert (answer["status"], answer["account"]) == ("LIVE", None)


async def test_a_silent_centre_gives_the_last_good_figures_for_a_day(
    client: Client, saver: Viewer, centre: FakeHousingFund, clock: ManualClock
) -> None:
    await _read(client, saver)
    centre.is_silent = True
    clock.move(timedelta(minutes=14))
    stale = await _read(client, saver)
    assert (stale["status"], stale["asOf"], stale["reason"]) == (
        "STALE",
        "2026-11-23T04:00:00Z",
        "TIMEOUT",
    )
    assert stale["account"]["balance"] == 12_345_678


async def test_the_card_shows_the_balance(client: Client, saver: Viewer) -> None:
    query = """{ home { sections { id title status reason
        ... on HousingFundSection { balance } } } }"""
    sections = (await client.data(query, viewer=saver))["home"]["sections"]
    card = next(section for section in sections if section["id"] == "housing-fund")
    assert card == {
        "id": "housing-fund",
        "title": "Housing fund",
        "status": "LIVE",
        "reason": None,
        "balance": 12_345_678,
    }


async def _centre(told: Any, seen: list[Any], *, status: int = 200) -> TestServer:
    async def query(request: web.Request) -> web.Response:
        seen.append(await request.json())
        assert not request.query_string
        return web.json_response(told, status=status)

    application = web.Application()
    application.router.add_post("/housing-fund/accounts/query", query)
    server = TestServer(application)
    await server.start_server()
    return server


async def test_the_http_client_asks_in_the_body_and_understands_the_answers(
    app: App, saver: Viewer, call: Callable[..., Call]
) -> None:
    access = await open_access(
        call(user_id=saver.user_id, level=2),
        service="housing-fund-query",
        purpose=HOUSING_FUND_PURPOSE,
    )
    whole = {
        "account_no": "370100012345",
        "employer": "示例公司",
        "status": "正常",
        "balance_fen": 12_345_678,
        "monthly_deposit_fen": 240_000,
        "deposits": [{"month": "2026-10", "amount_fen": 240_000, "deposited_on": "2026-10-15"}],
        "loan": None,
    }
    seen: list[Any] = []
    server = await _centre(whole, seen)
    centre = over_http(app.http, str(server.make_url("")), CENTRE)
    account = await find_account(centre, Deadline.after(2), access)
    assert account is not None
    assert (account.balance_fen, account.loan) == (12_345_678, None)
    assert account.deposits[0].deposited_on == date(2026, 10, 15)
    assert seen == [
        {"resident_id": access.person.resident_id, "consent_ref": str(access.consent_id)}
    ]
    await server.close()


@pytest.mark.parametrize(
    ("told", "status", "expected"),
    [
        ({"title": "none"}, 404, None),
        ({"title": "forbidden"}, 403, UpstreamRejected),
        ({"balance_fen": "much"}, 200, UpstreamFailed),
        ([], 200, UpstreamFailed),
    ],
)
async def test_what_the_centre_may_also_say(
    app: App,
    saver: Viewer,
    call: Callable[..., Call],
    told: Any,
    status: int,
    expected: type[Exception] | None,
) -> None:
    access = await open_access(
        call(user_id=saver.user_id, level=2),
        service="housing-fund-query",
        purpose=HOUSING_FUND_PURPOSE,
    )
    server = await _centre(told, [], status=status)
    centre = over_http(app.http, str(server.make_url("")), CENTRE)
    if expected is None:
        assert await find_account(centre, Deadline.after(2), access) is None
    else:
        with pytest.raises(expected):
            await find_account(centre, Deadline.after(2), access)
    await server.close()


async def test_a_centre_that_refuses_us_is_unavailable_and_no_fault_of_the_citizen(
    client: Client, saver: Viewer, centre: FakeHousingFund
) -> None:
    centre.refuses = True
    answer = await _read(client, saver)
    assert (answer["status"], answer["reason"]) == ("UNAVAILABLE", "REJECTED")
