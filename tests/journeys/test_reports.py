"""A broken manhole cover: photographed, dispatched, fixed with a photograph, reopened once."""

import asyncio
from collections.abc import Callable

import aiohttp
from journeys.house import House
from journeys.operations import Operations

from bff.client.city import CityClient
from tests.modules.community.reports.people import picture

_do = Operations("snap-report", "staff-reports").do
_PLACE = {"lat": 36.6543, "lon": 117.0987}
_INBOX = "{ inbox { messages(first: 20) { edges { node { body } } } } }"
_TOLD_WITHIN_S = 10.0


async def _photo(client: CityClient, url: str, seed: int) -> str:
    content = picture(seed)
    headers = {
        "Authorization": f"Bearer {client.token}",
        "Upload-Length": str(len(content)),
        "Content-Type": "application/offset+octet-stream",
    }
    async with (
        aiohttp.ClientSession(url, headers=headers) as phone,
        phone.post("/reports/photos", data=content) as answer,
    ):
        assert answer.status == 201, await answer.text()
        return answer.headers["Location"].rpartition("/")[2]


async def _told(client: CityClient, words: str) -> None:
    """Wait until a message says these words, as long as it may take."""
    async with asyncio.timeout(_TOLD_WITHIN_S):
        while True:
            inbox = (await client.run(_INBOX)).data["inbox"]
            if any(words in edge["node"]["body"] for edge in inbox["messages"]["edges"]):
                return
            await asyncio.sleep(0.2)


async def test_a_report_goes_from_the_photo_to_the_proof_and_is_reopened_once(
    house: House, client: CityClient, at: Callable[[int], CityClient]
) -> None:
    me, other, worker = [
        await client.person(k) for k in ("citizen_dotted", "sme_owner", "grid_worker")
    ]
    async with at(1) as neighbour, at(0) as desk:
        await client.sign_in(me["phone"])
        await neighbour.sign_in(other["phone"])
        await desk.staff_sign_in(worker)
        report = {
            "category": "manhole",
            "at": _PLACE,
            "photoIds": [await _photo(client, house.api_urls[0], 1)],
            "answers": [
                {"name": "description", "value": "井盖碎了"},
                {"name": "fault", "value": "broken"},
            ],
        }
        filed = (await _do(client, "FileReport", report=report))["report"]
        assert len(filed["gridCode"]) == 15 and filed["promisedOn"]
        offered = await _do(neighbour, "FileReport", report=report | {"photoIds": []})
        assert [one["report"]["id"] for one in offered["similar"]] == [filed["id"]]
        await _do(neighbour, "FollowReport", id=filed["id"])
        for words in ("处置完成", "再次处置完成"):
            inbox = await _do(desk, "StaffReports", first=50)
            tasks = [edge["node"] for edge in inbox["edges"]]
            (task,) = [one for one in tasks if one["report"]["id"] == filed["id"]]
            if words == "处置完成":
                task = (await _do(desk, "AcceptReport", taskId=task["id"]))["task"]
            proof = await _photo(desk, house.api_urls[0], 2)
            done = await _do(desk, "FinishReport", taskId=task["id"], photoIds=[proof], note=words)
            assert done["report"]["state"] == "FIXED"
            await _told(client, "处置完成")
            await _told(neighbour, f"{filed['no']}:处置完成")
            if words == "处置完成":
                reopen = {"caseId": filed["caseId"], "event": "reopen"}
                await _do(client, "StepReport", **reopen, note="又碎了")
                again = await _do(client, "StepReport", **reopen, note="再来一次")
                assert again["code"] == "ILLEGAL_STATE"
        await _do(client, "StepReport", caseId=filed["caseId"], event="confirm")
    async with (
        aiohttp.ClientSession(house.api_urls[1]) as partner,
        partner.get(f"/open311/v2/requests/{filed['no']}.json") as answer,
    ):
        (request,) = await answer.json()
    assert (request["status"], request["status_notes"]) == ("closed", "已办结")
