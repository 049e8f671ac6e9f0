"""A report filed in the playground by a browser, with a photograph, and followed to its end."""

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from journeys.house import House

from bff.client.city import CityClient, key
from bff.playground.build import build
from tests.browser import Visit, chromium, visiting

PHOTOGRAPH = """async seed => {
  const canvas = document.createElement("canvas");
  canvas.width = 640; canvas.height = 480;
  const brush = canvas.getContext("2d");
  for (let n = 0; n < 48; n++) {
    brush.fillStyle = `hsl(${(seed * 97 + n * 61) % 360} 70% ${20 + (seed + n * 7) % 60}%)`;
    brush.fillRect((n % 8) * 80, Math.floor(n / 8) * 80, 80, 80);
  }
  const photo = await new Promise(done => canvas.toBlob(done, "image/jpeg", 0.9));
  const { accessToken } = JSON.parse(localStorage["playground:session"]);
  const answer = await fetch("/reports/photos", {
    method: "POST",
    body: photo,
    headers: {
      Authorization: `Bearer ${accessToken}`,
      "Upload-Length": String(photo.size),
      "Content-Type": "application/offset+octet-stream",
    },
  });
  return [answer.status, (answer.headers.get("Location") ?? "").split("/").pop()];
}"""
SHOWN = "id caseId no state photos { id isProof isPublic } followers isFollowed"
_SIGNED_IN = "key => (localStorage['playground:session'] ?? '').includes(`\"key\":\"${key}\"`)"
_TOLD_WITHIN_S = 30.0
_AS_STAFF = "session => localStorage.setItem('playground:session', JSON.stringify(session))"


async def _sign_in(visit: Visit, person: str) -> None:
    """By the list of people above the editor."""
    await visit.page.get_by_label("登录为 Sign in as").select_option(person)
    await visit.page.wait_for_function(_SIGNED_IN, arg=person)


async def _sign_in_staff(visit: Visit, client: CityClient) -> None:
    """With a session that was opened with a staff member's second factor."""
    at = await visit.page.evaluate("Date.now()")
    session = {"accessToken": client.token, "person": {"key": "grid_worker"}, "at": at}
    await visit.page.evaluate(_AS_STAFF, session)


async def _photograph(visit: Visit, seed: int) -> str:
    status, photo_id = await visit.page.evaluate(PHOTOGRAPH, seed)
    assert status == 201
    return str(photo_id)


async def _run(visit: Visit, url: str, operation: str, expected: str) -> Any:
    """Open an operation in the playground, run it, and see what it answers."""
    page = visit.page
    await page.goto(f"{url}/graphql?{urlencode({'query': operation})}")
    name = operation.split()[1].partition("{")[0]
    await page.locator(".graphiql-query-editor").get_by_text(name).first.wait_for()

    def is_answer(response: Any) -> bool:
        sent = response.request.post_data or ""
        return response.url == f"{url}/graphql" and f'"operationName":"{name}"' in sent

    async with page.expect_response(is_answer) as answered:
        await visit.run()
    answer = await (await answered.value).json()
    await visit.expect_response(expected)
    assert "errors" not in answer, answer
    return next(iter(answer["data"].values()))


async def _told(visit: Visit, url: str, words: str) -> None:
    """Look into the inbox until a message says these words."""
    inbox = "query Told { inbox { messages(first: 20) { edges { node { body } } } } }"
    async with asyncio.timeout(_TOLD_WITHIN_S):
        while words not in json.dumps(await _run(visit, url, inbox, "messages")):  # noqa: ASYNC110
            await asyncio.sleep(0.5)


def _changed(call: str) -> str:
    return (
        f"mutation {call.partition('(')[0].title()} {{\n  {call} {{\n"
        f"    ... on ReportChanged {{ report {{ {SHOWN} }} }}\n"
        "    ... on Refusal { code message }\n  }\n}"
    )


def _seen(report_id: str) -> str:
    return f'query Seen {{ report(id: "{report_id}") {{ {SHOWN} }} }}'


def _file(photo_id: str) -> str:
    answers = (
        '{name: "description", value: "人行道上的井盖不见了"}, {name: "fault", value: "missing"}'
    )
    report = (
        f'category: "manhole", at: {{lat: 36.6611, lon: 117.0544}}, photoIds: ["{photo_id}"], '
        f"answers: [{answers}], isPublic: true"
    )
    return _changed(f"fileReport(report: {{{report}}}, idempotencyKey: {json.dumps(key())})")


@pytest.mark.browser
async def test_a_report_is_filed_in_the_playground_and_seen_to_its_end(
    house: House, client: CityClient
) -> None:
    build()
    url = house.api_urls[0]
    await client.staff_sign_in(await client.person("grid_worker"))
    async with chromium() as browser, visiting(browser, url) as visit:
        await visit.open(url)
        await _sign_in(visit, "citizen_dotted")
        photo_id = await _photograph(visit, 1)
        filed = (await _run(visit, url, _file(photo_id), "FILED"))["report"]
        assert [photo["id"] for photo in filed["photos"]] == [photo_id]
        await visit.screenshot("report-filed")

        await _sign_in(visit, "sme_owner")
        follow = f'followReport(id: "{filed["id"]}", idempotencyKey: "{key()}")'
        followed = (await _run(visit, url, _changed(follow), '"isFollowed": true'))["report"]
        assert followed["photos"] == []  # not public: nobody has looked for faces yet

        await _sign_in_staff(visit, client)
        inbox = "query Inbox { staffReports(first: 50) { edges { node { id report { id no } } } } }"
        edges = (await _run(visit, url, inbox, filed["no"]))["edges"]
        tasks = {edge["node"]["report"]["id"]: edge["node"]["id"] for edge in edges}
        work = f'query Work {{ staffReport(id: "{filed["id"]}") {{ report {{ {SHOWN} }} }} }}'
        seen = await _run(visit, url, work, filed["no"])
        assert [photo["id"] for photo in seen["report"]["photos"]] == [photo_id]
        proof_id = await _photograph(visit, 2)
        finish = (
            f'finishReport(taskId: "{tasks[filed["id"]]}", photoIds: ["{proof_id}"], '
            f'note: "已更换井盖", isPublic: true, idempotencyKey: "{key()}")'
        )
        assert (await _run(visit, url, _changed(finish), "FIXED"))["report"]["state"] == "FIXED"
        await visit.screenshot("report-fixed")

        await _sign_in(visit, "sme_owner")
        shown = await _run(visit, url, _seen(filed["id"]), "FIXED")
        assert [photo["id"] for photo in shown["photos"]] == [proof_id]
        await _told(visit, url, filed["no"])
        await visit.screenshot("report-follower")
        await _sign_in(visit, "citizen_dotted")
        shown = await _run(visit, url, _seen(filed["id"]), "FIXED")
        assert {photo["id"] for photo in shown["photos"]} == {photo_id, proof_id}
        confirm = (
            f'mutation Confirm {{ takeCaseStep(caseId: "{filed["caseId"]}", event: "confirm", '
            f'idempotencyKey: "{key()}") {{ ... on CaseChanged {{ case {{ state }} }} }} }}'
        )
        await _run(visit, url, confirm, "closed")
        closed = await _run(visit, url, _seen(filed["id"]), "CLOSED")
        assert closed["state"] == "CLOSED"
        await visit.screenshot("report-closed")
