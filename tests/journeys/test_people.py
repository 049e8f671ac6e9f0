"""People's own journeys over HTTP: levels, families, who looked, taking one's data and leaving."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from journeys.cases import open_case
from journeys.crowd import adult
from journeys.house import House

from bff.client.city import CityClient, ClientError, key
from tests.machine import PATIENCE_S

WITHIN_S = 1.0

FUND = """query ($id: ID) { housingFund(onBehalfOf: $id) { status account { balance } } }"""
GRANT = """mutation ($purpose: String!, $version: String!, $id: ID, $key: String!) {
  grantConsent(purpose: $purpose, textVersion: $version, onBehalfOf: $id, idempotencyKey: $key) {
    __typename ... on Refusal { code message }
  }
}"""
ADD_CHILD = """mutation ($name: String!, $number: String!, $key: String!) {
  addChild(name: $name, residentId: $number, idempotencyKey: $key) {
    ... on ChildAdded { mandate { id state personId kind } }
    ... on Refusal { code message }
  }
}"""
PROPOSE = """mutation ($phone: String!, $until: Date!, $key: String!) {
  proposeProxy(phone: $phone, services: ["housing-fund-query"], until: $until,
               idempotencyKey: $key) {
    ... on ProxyProposed { mandate { id state personId } }
    ... on Refusal { code message }
  }
}"""
CONFIRM = """mutation ($id: ID!, $key: String!) {
  confirmProxy(mandateId: $id, idempotencyKey: $key) {
    ... on ProxyConfirmed { mandate { id state } } ... on Refusal { code message }
  }
}"""
END = """mutation ($id: ID!, $key: String!) {
  endMandate(mandateId: $id, idempotencyKey: $key) {
    ... on MandateEnded { mandate { id state endedAt } } ... on Refusal { code message }
  }
}"""
LOG = """query ($id: ID) { viewer { accessLog(first: 20, onBehalfOf: $id) {
  edges { node { service actorRole byMyself actorName caseNo fields } } } } }"""


async def _raw(
    client: CityClient, query: str, variables: dict[str, Any] | None = None, **headers: str
) -> dict[str, Any]:
    """The whole answer, errors included."""
    assert client._session is not None
    if client.token:
        headers["Authorization"] = f"Bearer {client.token}"
    body = {"query": query, "variables": variables or {}}
    async with client._session.post(f"{client._api}/graphql", json=body, headers=headers) as reply:
        answer: dict[str, Any] = await reply.json(content_type=None)
        return answer


async def _events(
    client: CityClient, query: str, variables: dict[str, Any]
) -> AsyncIterator[dict[str, Any]]:
    """The results of a subscription over server-sent events, until it completes."""
    assert client._session is not None
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {client.token}"}
    async with client._session.post(
        f"{client._api}/graphql", json={"query": query, "variables": variables}, headers=headers
    ) as reply:
        async for line in reply.content:
            if line.startswith(b"data: "):
                yield json.loads(line.removeprefix(b"data: "))
            elif line.startswith(b"event: complete"):
                return


async def test_a_deep_link_from_a_cold_app_ends_in_its_service(
    house: House, client: CityClient
) -> None:
    person = await adult(house, 100)
    link = "lovecity://services/housing-fund-query"
    service = link.rpartition("/")[2]
    found = await client.run(
        "query ($id: ID!) { service(id: $id) { documentId } }", {"id": service}
    )
    assert found.data["service"]["documentId"]
    refused = (await _raw(client, FUND))["errors"][0]["extensions"]
    assert (refused["code"], refused["missing"]) == ("LOGIN_REQUIRED", "LOGIN")
    ticket = refused["resumeTicket"]
    resume = "query ($t: String!) { resume(ticket: $t) { deepLink operation missing } }"
    missing = []
    await client.sign_in(person["phone"])
    missing.append((await client.run(resume, {"t": ticket})).data["resume"]["missing"])
    await client.verify_real_name(person)
    back = (await client.run(resume, {"t": ticket})).data["resume"]
    assert missing == ["REAL_NAME"]
    assert back == {"deepLink": link, "operation": "housingFund", "missing": None}
    await client.consent("welfare.housing-fund")
    answer = await _raw(client, FUND, **{"X-Resume-Ticket": ticket})
    assert answer["data"]["housingFund"]["status"] == "LIVE"
    elsewhere = await _raw(
        client, FUND, {"id": "0199d2f0-0000-7000-8000-000000000000"}, **{"X-Resume-Ticket": ticket}
    )
    assert elsewhere["errors"][0]["extensions"]["code"] == "RESUME_MISMATCH"


async def test_an_elder_lets_a_proxy_read_the_fund_and_sees_it(house: House) -> None:
    proxy_person, elder = await adult(house, 300), await adult(house, 600)
    first, second = house.api_urls
    async with (
        CityClient(first, house.sandbox_url) as proxy,
        CityClient(second, house.sandbox_url) as old,
    ):
        for client, person in ((proxy, proxy_person), (old, elder)):
            await client.sign_in(person["phone"])
            await client.verify_real_name(person)
        proposed = await proxy.do(
            PROPOSE, {"phone": elder["phone"], "until": _in_a_month(house), "key": key()}
        )
        assert proposed["mandate"] | {"id": ""} == {"id": "", "state": "proposed", "personId": None}
        mandates = (
            await old.run("{ mandates { id state otherName services actsForOther } }")
        ).data["mandates"]
        assert [m["services"] for m in mandates] == [["housing-fund-query"]]
        assert mandates[0]["otherName"].endswith(proxy_person["name"][-1])
        await old.consent("welfare.housing-fund")
        await old.do(CONFIRM, {"id": mandates[0]["id"], "key": key()})
        (mine,) = (await proxy.run("{ mandates { personId state } }")).data["mandates"]
        elder_id = mine["personId"]
        read = (await proxy.run(FUND, {"id": elder_id})).data["housingFund"]
        own = (await old.run(FUND)).data["housingFund"]
        assert read == own
        rows = [
            edge["node"]
            for edge in (await old.run(LOG)).data["viewer"]["accessLog"]["edges"]
            if edge["node"]["service"] == "housing-fund-query"
        ]
        assert [(r["actorRole"], r["byMyself"]) for r in rows] == [("self", True), ("proxy", False)]
        assert rows[1]["actorName"].endswith(proxy_person["name"][-1])
        with pytest.raises(ClientError, match="NOT_FOUND"):
            await proxy.run(LOG, {"id": elder_id})  # a proxy reads services, not the account
        await old.do(END, {"id": mandates[0]["id"], "key": key()})
        refused = await _raw(proxy, FUND, {"id": elder_id})
        assert refused["errors"][0]["extensions"]["code"] == "NOT_FOUND"


def _in_a_month(house: House) -> str:
    return str((house.clock.now() + timedelta(days=30)).date())


async def test_a_guardianship_that_ends_ends_a_running_subscription(
    house: House, client: CityClient
) -> None:
    parent, child = await client.person("parent"), await client.person("child")
    await client.sign_in(parent["phone"])
    await client.verify_real_name(parent)
    await client.consent("identity.family")
    added = await client.do(
        ADD_CHILD, {"name": child["name"], "number": child["resident_id"], "key": key()}
    )
    mandate, child_id = added["mandate"], added["mandate"]["personId"]
    purposes = (await client.run("{ consentPurposes { purpose textVersion } }")).data[
        "consentPurposes"
    ]
    version = {p["purpose"]: p["textVersion"] for p in purposes}["welfare.housing-fund"]
    granted = {"purpose": "welfare.housing-fund", "version": version, "key": key()}
    assert (await client.do(GRANT, granted | {"id": child_id}))["__typename"] == "ConsentGranted"
    watch = "subscription ($id: ID) { accessRecorded(onBehalfOf: $id) { service actorRole } }"
    seen: list[dict[str, Any]] = []

    async def listen() -> None:
        async for event in _events(client, watch, {"id": child_id}):
            seen.append(event)

    async with CityClient(house.api_urls[1], house.sandbox_url) as other:
        other.token = client.token
        listening = asyncio.create_task(listen())
        for _ in range(100):
            await other.run(FUND, {"id": child_id})
            if seen:
                break
            await asyncio.sleep(0.1)
        assert seen[0]["data"]["accessRecorded"] == {
            "service": "housing-fund-query",
            "actorRole": "guardian",
        }
        await other.do(END, {"id": mandate["id"], "key": key()})
        await asyncio.wait_for(listening, WITHIN_S)
        assert seen[-1]["errors"][0]["extensions"]["code"] == "NOT_FOUND"
        refused = await _raw(client, FUND, {"id": child_id})
        assert refused["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def _erase_at_once(house: House, client: CityClient, own_id: str) -> None:
    """The account's wait is over, and the worker has closed it."""
    await client.do(
        "mutation ($key: String!) { eraseMyAccount(idempotencyKey: $key) {"
        " __typename ... on Refusal { code message } } }",
        {"key": key()},
    )
    await house.query("UPDATE identity_citizen SET closes_at = now() WHERE id = $1", own_id)
    await house.query(
        "INSERT INTO pgqueuer (priority, entrypoint, payload, execute_after, status)"
        " VALUES (0, 'identity.close_accounts', '{}', now(), 'queued')"
    )
    is_open = "SELECT 1 FROM identity_citizen WHERE id = $1 AND closed_at IS NULL"
    for _ in range(int(5 * PATIENCE_S)):
        if not await house.query(is_open, own_id):
            return
        await asyncio.sleep(0.2)
    raise AssertionError("the account is still open")


async def test_export_then_erasure(house: House, client: CityClient) -> None:
    person = await adult(house, 900)
    await client.sign_in(person["phone"])
    await client.verify_real_name(person)
    own_id = (await client.run("{ viewer { id } }")).data["viewer"]["id"]
    exported = await client.do(
        "mutation ($key: String!) { exportMyData(idempotencyKey: $key) {"
        " ... on DataExport { content withheld { wing what reason } }"
        " ... on Refusal { code message } } }",
        {"key": key()},
    )
    account = exported["content"]["identity"]["account"]
    assert (account["phone"], account["name"]) == (person["phone"], person["name"])
    assert account["resident_id"] == person["resident_id"]
    logged = [row["upstream"] for row in exported["content"]["identity"]["access_log"]]
    assert sorted(logged) == ["carriers", "police"]
    assert all(row["reason"] for row in exported["withheld"]) and exported["withheld"]
    erased = await client.do(
        "mutation ($key: String!) { eraseMyAccount(idempotencyKey: $key) {"
        " ... on AccountClosing { closesAt holds { wing what reason until } viewer { closesAt } }"
        " ... on Refusal { code message } } }",
        {"key": key()},
    )
    assert erased["viewer"]["closesAt"] == erased["closesAt"]
    assert [hold["what"] for hold in erased["holds"]] == ["access_log"]
    kept = await client.do(
        "mutation ($key: String!) { keepMyAccount(idempotencyKey: $key) {"
        " ... on AccountKept { viewer { closesAt } } ... on Refusal { code message } } }",
        {"key": key()},
    )
    assert kept["viewer"]["closesAt"] is None
    await _erase_at_once(house, client, own_id)
    await asyncio.sleep(WITHIN_S)
    for url in house.api_urls:
        async with CityClient(url, house.sandbox_url) as gone:
            gone.token = client.token
            with pytest.raises(ClientError, match="SESSION_EXPIRED"):
                await gone.run("{ viewer { id } }")
    left = await house.query(
        "SELECT phone_sealed, name_sealed, resident_sealed, closed_at IS NULL AS is_open"
        " FROM identity_citizen WHERE id = $1",
        own_id,
    )
    assert [list(dict(row).values()) for row in left] == [[None, None, None, False]]


async def test_staff_sign_in_with_two_factors_and_their_look_is_seen(house: House) -> None:
    citizen = await adult(house, 1200)
    async with (
        CityClient(house.api_urls[0], house.sandbox_url) as own,
        CityClient(house.api_urls[1], house.sandbox_url) as desk,
    ):
        await own.sign_in(citizen["phone"])
        await own.verify_real_name(citizen)
        own_id = (await own.run("{ viewer { id } }")).data["viewer"]["id"]
        look = 'query ($id: ID!) { staffPerson(id: $id, caseNo: "AC-2026-17") { name phone } }'
        assert (await _raw(own, look, {"id": own_id}))["errors"][0]["extensions"][
            "code"
        ] == "NOT_ALLOWED"
        officer = await desk.person("department_officer")
        await desk.staff_sign_in(officer)
        no_case = (await _raw(desk, look, {"id": own_id}))["errors"][0]["extensions"]
        assert no_case["code"] == "NOT_FOUND"
        await open_case(house, own_id, "AC-2026-17", "administrative_approval")
        assert (await desk.run("{ viewer { roles } }")).data["viewer"]["roles"] == [
            "department_officer"
        ]
        seen = (await desk.run(look, {"id": own_id})).data["staffPerson"]
        assert seen["name"] == citizen["name"]
        rows = (await own.run(LOG)).data["viewer"]["accessLog"]["edges"]
        newest = rows[0]["node"]
        assert (newest["actorRole"], newest["caseNo"]) == ("department_officer", "AC-2026-17")
        assert not newest["byMyself"] and newest["actorName"] is None


async def test_what_one_process_decides_the_other_knows_within_a_second(house: House) -> None:
    person = await adult(house, 1500)
    async with (
        CityClient(house.api_urls[0], house.sandbox_url) as here,
        CityClient(house.api_urls[1], house.sandbox_url) as there,
    ):
        await here.sign_in(person["phone"])
        await here.verify_real_name(person)
        await here.consent("welfare.housing-fund")
        there.token = here.token
        assert (await _raw(there, FUND))["data"]["housingFund"]["status"] == "LIVE"

        await here.do(
            'mutation ($key: String!) { withdrawConsent(purpose: "welfare.housing-fund",'
            " idempotencyKey: $key) { __typename ... on Refusal { code message } } }",
            {"key": key()},
        )
        assert await _within_a_second(there, FUND) == "CONSENT_REQUIRED"

        session = (await here.run("{ viewer { sessions { id } } }")).data["viewer"]["sessions"][0]
        await here.do(
            "mutation ($id: ID!, $key: String!) { revokeSession(sessionId: $id,"
            " idempotencyKey: $key) { __typename ... on Refusal { code message } } }",
            {"id": session["id"], "key": key()},
        )
        assert await _within_a_second(there, "{ viewer { id } }") == "SESSION_EXPIRED"

        here.token = there.token = None
        phone = (await adult(house, 1700))["phone"]
        guess = (
            'mutation ($p: String!, $k: String!) { login(phone: $p, code: "000000",'
            ' device: {id: "two-processes-1"}, idempotencyKey: $k) {'
            " ... on Refusal { code message } } }"
        )
        await here.do(
            "mutation ($p: String!, $k: String!) { requestLoginCode(phone: $p, idempotencyKey: $k)"
            " { __typename ... on Refusal { code message } } }",
            {"p": phone, "k": key()},
        )
        codes = []
        for client in (here, there, here, there, here, there, here):
            refused = (await client.run(guess, {"p": phone, "k": key()})).data["login"]
            codes.append(refused["code"])
        # five guesses spend a code, wherever they are made
        assert codes == ["CODE_WRONG"] * 5 + ["CODE_EXPIRED"] * 2


async def _within_a_second(client: CityClient, query: str) -> str:
    """The code of the refusal that a query meets within a second."""
    ends_at = asyncio.get_running_loop().time() + WITHIN_S
    while True:
        errors = (await _raw(client, query)).get("errors")
        if errors:
            return str(errors[0]["extensions"]["code"])
        assert asyncio.get_running_loop().time() < ends_at, "still allowed after a second"
        await asyncio.sleep(0.02)


async def test_an_operator_is_enrolled_suspended_and_keys_rotate_while_all_runs(
    house: House,
) -> None:
    person = await adult(house, 1900)
    enrolled = house.run("staff", "enrol", person["phone"], "police", "operator")
    assert enrolled.returncode == 0, enrolled.stderr
    secret = enrolled.stdout.partition("secret=")[2].partition("&")[0]
    async with CityClient(house.api_urls[1], house.sandbox_url) as desk:
        await desk.staff_sign_in(person | {"totp_secret": secret})
        flags = "{ unusualAccess(first: 5) { edges { node { people } } } }"
        assert (await desk.run(flags)).data["unusualAccess"]["edges"] == []
        for command in ("rotate-tokens", "rotate-data"):
            assert house.run("keys", command).returncode == 0
        told = house.run("keys", "status")
        assert told.returncode == 0 and int(told.stdout.split()[0]) > 0, told.stderr
        await desk.run(flags)
        assert house.run("staff", "suspend", person["phone"]).returncode == 0
        assert await _within_a_second(desk, flags) == "SESSION_EXPIRED"
    assert house.run("staff", "suspend", person["phone"]).returncode == 1


async def test_no_personal_data_in_logs_metrics_errors_or_tables(house: House) -> None:
    """After everything above: nobody's phone, name or number stands anywhere in the clear."""
    people = [await adult(house, start) for start in (100, 300, 600, 900, 1200, 1500)]
    async with CityClient(house.api_urls[0], house.sandbox_url) as client:
        for key_ in ("parent", "child", "department_officer"):
            people.append(dict(await client.person(key_)))
        answers = [await _raw(client, FUND), await _raw(client, "{ nonsense }")]
        metrics = []
        for url in house.operator_urls:
            assert client._session is not None
            async with client._session.get(f"{url}/metrics") as reply:
                assert reply.status == 200
                metrics.append(await reply.text())
        for url in house.api_urls:
            async with client._session.get(f"{url}/metrics") as reply:
                assert reply.status == 404
    secrets = {p[part] for p in people for part in ("phone", "name", "resident_id")}
    logs = [path.read_text() for path in (house.data_dir / "log").glob("*.log*")]
    assert sum(map(len, logs)) > 1_000
    for text in [*logs, *metrics, json.dumps(answers, ensure_ascii=False)]:
        assert not [secret for secret in secrets if secret in text]
    tables = await house.query(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    assert len(tables) > 20
    for table in tables:
        rows = await house.query(f'SELECT t::text AS row FROM "{table["relname"]}" t')
        found = {s for row in rows for s in secrets if s in row["row"] or _hex(s) in row["row"]}
        assert not found, table["relname"]


def _hex(text: str) -> str:
    """As PostgreSQL shows bytes."""
    return text.encode().hex()
