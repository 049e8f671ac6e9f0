"""The OpenAPI description against the served API, by schemathesis; and the page to read."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest
import requests
from hypothesis import HealthCheck, Phase, given
from hypothesis import seed as seeded
from hypothesis import settings as examples
from schemathesis import GenerationMode, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from core.clock import ManualClock, civil_date
from core.context.app import App
from core.settings import Settings
from credit.partner import routes
from tests.asgi import Client
from tests.browser import chromium

from . import borrowers, live
from .a_bank import ABank
from .test_resources import disbursed

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]
EXAMPLES, MANY = 5, 150
SEED = 20261128


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Settings of a process on a port of its own, where nobody counts."""
    return live.at_free_port(settings).model_copy(update={"rate_partner": 0})


class Proving(requests.auth.AuthBase):
    """Puts a token and a proof on each request, as a bank's client does."""

    def __init__(self, bank: ABank, token: str) -> None:
        self.bank = bank
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sign a request that is about to be sent."""
        assert request.url is not None and request.method is not None
        request.headers["Authorization"] = f"DPoP {self.token}"
        request.headers["DPoP"] = self.bank.proof(request.method, request.url, self.token)
        return request


def fuzz(url: str, auth: Proving, ids: Mapping[str, str], number: int) -> int:
    """Send generated requests, right and wrong ones, to every operation; how many were sent.

    Raises schemathesis' failures for a 5xx, or for a status, type, header or body that the
    description does not have.
    """
    schema, sent, session = openapi.from_url(f"{url}/partner/openapi.json"), 0, requests.Session()

    def run(operation: Any, mode: GenerationMode, known: bool) -> None:
        names = [p.name for p in operation.path_parameters]
        pinned = {name: ids[name] for name in names} if known and names else None
        strategy = operation.as_strategy(mode, path_parameters=pinned)

        @seeded(SEED)
        @examples(
            max_examples=number,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=strategy)
        def one(case: Any) -> None:
            nonlocal sent
            sent += 1
            response = case.call(base_url=url, session=session, auth=auth, timeout=10)
            case.validate_response(response, checks=CHECKS)

        one()

    for found in schema.get_all_operations():
        operation = found.ok()
        run(operation, GenerationMode.POSITIVE, known=False)
        if operation.path_parameters:
            run(operation, GenerationMode.POSITIVE, known=True)
        if operation.body or operation.query:
            run(operation, GenerationMode.NEGATIVE, known=True)
    session.close()
    return sent


async def test_the_served_api_is_as_described(app: App, clock: ManualClock, client: Client) -> None:
    await _fuzz(app, clock, client, EXAMPLES)


@pytest.mark.soak
async def test_the_served_api_is_as_described_at_length(
    app: App, clock: ManualClock, client: Client
) -> None:
    await _fuzz(app, clock, client, MANY)


async def _fuzz(app: App, clock: ManualClock, client: Client, number: int) -> None:
    async with live.live_bank(client, clock, "fuzzed-demo") as bank:
        loan = await disbursed(app, client, bank)
        waiting = await borrowers.apply(app, bank.id)
        await bank.call(client, "PUT", "/webhook", {"url": "http://127.0.0.1:9/"})
        ids = {
            "application_id": str(waiting.applications[bank.id]),
            "loan_id": loan["id"],
            "delivery_id": loan["id"],
            "day_on": civil_date(clock.now()).isoformat(),
        }
        auth = Proving(bank, await bank.token(client))
        sent = await asyncio.to_thread(fuzz, app.settings.base_url, auth, ids, number)
    assert sent >= 2 * len(routes.OPERATIONS)


async def test_the_description_and_the_page_need_nothing_from_elsewhere(client: Client) -> None:
    described = (await client.request("GET", "/partner/openapi.json")).json
    assert described["openapi"] == "3.1.0"
    operations = {
        operation["operationId"]
        for path in described["paths"].values()
        for operation in path.values()
    }
    assert operations == {operation.id for operation in routes.OPERATIONS} | {"issueToken"}
    page = await client.request("GET", "/partner/docs")
    text = page.body.decode()
    assert all(f'id="{operation}"' in text for operation in operations)
    assert 'id="KEY_REUSED"' in text
    assert "dpop+jwt" in text
    assert "http://" not in text.replace(client.app.settings.base_url, "").replace(
        "http://127.0.0.1:8000", ""
    ).replace("https://", "")
    assert "<script" not in text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    style = await client.request("GET", "/partner/docs.css")
    assert style.headers["content-type"].startswith("text/css")


async def test_the_page_fits_a_phone_and_is_dark_where_the_reader_s_screen_is(
    client: Client,
) -> None:
    page = (await client.request("GET", "/partner/docs")).body.decode()
    style = (await client.request("GET", "/partner/docs.css")).body.decode()
    link = '<link rel="stylesheet" href="/partner/docs.css">'
    assert link in page
    grounds = set()
    async with chromium() as browser:
        for scheme in ("light", "dark"):
            tab = await browser.new_page(
                viewport={"width": 390, "height": 844}, color_scheme=cast(Any, scheme)
            )
            await tab.set_content(page.replace(link, f"<style>{style}</style>"))
            assert await tab.evaluate("document.documentElement.scrollWidth") == 390
            grounds.add(await tab.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2


async def test_addresses_and_methods_that_do_not_exist(client: Client, bank: ABank) -> None:
    nowhere = await bank.call(client, "GET", "/nothing")
    assert (nowhere.status, nowhere.json["code"]) == (404, "NOT_FOUND")
    wrong = await bank.call(client, "DELETE", "/webhook", {})
    assert (wrong.status, wrong.json["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert wrong.headers["allow"] == "GET, PUT"
    head = await bank.call(client, "HEAD", "/products")
    assert (head.status, head.headers["content-type"]) == (200, "application/json")
    text = {"content-type": "text/plain"}
    typed = await bank.call(client, "PUT", "/webhook", {"url": "x"}, headers=text)
    assert (typed.status, typed.json["code"]) == (415, "MEDIA_TYPE")
    large = await bank.call(client, "PUT", "/webhook", b" " * 300_000)
    assert (large.status, large.json["code"]) == (413, "BODY_TOO_LARGE")
