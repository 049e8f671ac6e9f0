"""The housing fund: the account, its card, and what the centre may answer.

What every lookup promises is in tests/kinds/test_lookups.py.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bff.trusted.documents import documents_of
from core.context.app import App
from core.context.call import Call
from core.deadline import Deadline
from core.people.directory import get_person
from core.people.personal_read import grant_consent, open_access
from core.security.authentication import Viewer
from core.upstream.client import UpstreamFailed, UpstreamRejected
from modules.welfare.housing_fund.domain import HousingFundAccount, HousingFundDeposit, HousingLoan
from modules.welfare.housing_fund.lookup import PURPOSE
from modules.welfare.housing_fund.upstream import CENTRE, find_account
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
    await grant_consent(call(user_id=viewer.user_id, level=2), PURPOSE.id, PURPOSE.text_version)
    return viewer


async def _read(client: Client, viewer: Viewer | None) -> Any:
    document = documents_of(client.app.manifests).by_name["housing-fund-query"]
    return (await client.data(document.source, viewer=viewer))["housingFund"]


async def test_the_account_comes_whole(client: Client, saver: Viewer) -> None:
    answer = await _read(client, saver)
    assert (answer["status"], answer["asOf"]) == ("LIVE", "2026-11-23T04:00:00.000Z")
    account = answer["account"]
    assert (account["balance"], account["monthlyDeposit"]) == (12_345_678, 240_000)
    assert account["deposits"] == [
        {"month": "2026-10", "amount": 240_000, "depositedOn": "2026-10-15"}
    ]
    assert account["loan"]["outstanding"] == 45_678_901


async def test_no_account_is_an_answer(
    client: Client, saver: Viewer, centre: FakeHousingFund
) -> None:
    centre.accounts.clear()
    answer = await _read(client, saver)
    assert (answer["status"], answer["account"]) == ("LIVE", None)


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
        purpose=PURPOSE,
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
        {
            "document_type": "01",
            "document_no": access.person.resident_id,
            "consent_ref": str(access.consent_id),
        }
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
        purpose=PURPOSE,
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
