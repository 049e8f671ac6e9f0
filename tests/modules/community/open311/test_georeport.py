"""GeoReport v2 as its specification and the validators of others have it.

Rules: wiki.open311.org/GeoReport_v2; required members and enumerations of the JSON schemas in
github.com/open311/schema-validation (schema/georeport-v2), whose files themselves are read from
`open311/` of the shared data folder and skipped where they are absent; discovery as in the tests of
github.com/SeeClickFix/open311-validator; the cases of mysociety/fixmystreet#310 and #949,
City-of-Bloomington/uReport#285 and bensheldon/open311status#92.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from xml.etree.ElementTree import fromstring

import georeport
import jsonschema_rs
import orjson
import pytest

from core.clock import ManualClock
from core.context.app import App
from modules.community.open311 import clients
from modules.community.open311.seed import CLIENT_ID, CLIENT_KEY
from tests.modules.community.open311.door import HERE, MANHOLE, Door
from tests.modules.community.reports.people import Street
from tests.served import served
from tests.shared_data import shared

REQUEST = {"service_request_id", "status", "service_code", "requested_datetime"}
SERVICE = {"service_code", "service_name", "metadata", "type"}
ATTRIBUTE = {"variable", "code", "datatype", "required"}
DATATYPES = {"string", "number", "datetime", "text", "singlevaluelist", "multivaluelist"}


async def test_the_client_georeport_runs_unmodified(door: Door) -> None:
    no = await door.filed()
    await door.filed(service_code="tree", **{"attribute[fault]": ""})
    async with served(door.client.asgi) as url:
        for format_ in ("json", "xml"):
            city = georeport.GeoReport(
                f"{url}/open311/v2", jurisdiction="jinan.gov.cn", output_format=format_
            )
            services = await asyncio.to_thread(city.get_service_list)
            assert "manhole" in [one["service_code"] for one in services]
            definition = await asyncio.to_thread(city.get_service_definition, "manhole")
            assert definition["service_code"] == "manhole"
            requests = await asyncio.to_thread(city.get_service_requests, status="open")
            assert [one["service_request_id"] for one in requests][1] == no
            one = await asyncio.to_thread(city.get_service_request, no)
            assert (one["service_code"], one["status"]) == ("manhole", "open")


async def test_discovery_has_what_validators_ask(door: Door) -> None:
    found = await door.ask("discovery")
    assert found["contact"] and found["key_service"]
    moments = [found["changeset"], *(one["changeset"] for one in found["endpoints"])]
    assert all(datetime.fromisoformat(moment).tzinfo is not None for moment in moments)
    for endpoint in found["endpoints"]:
        assert endpoint["specification"] and endpoint["type"] == "test"
        assert endpoint["url"].endswith("/open311/v2")
        assert endpoint["formats"] == ["text/xml", "application/json"]
    bare = await door.client.request("GET", "/open311/discovery")
    assert bare.headers["content-type"] == "text/xml; charset=utf-8"


async def test_services_and_definitions_are_as_their_schemas_say(door: Door) -> None:
    services = await door.ask("services")
    codes = [one["service_code"] for one in services]
    assert "manhole" in codes and "shared-bicycle" not in codes
    for one in services:
        assert one.keys() >= SERVICE and one["type"] == "realtime"
        definition = await door.ask(f"services/{one['service_code']}")
        assert definition["service_code"] == one["service_code"]
        assert bool(definition["attributes"]) is one["metadata"]
        orders = [attribute["order"] for attribute in definition["attributes"]]
        assert orders == list(range(1, len(orders) + 1))
        for attribute in definition["attributes"]:
            assert attribute.keys() >= ATTRIBUTE and attribute["datatype"] in DATATYPES
            assert bool(attribute["values"]) is (attribute["datatype"] == "singlevaluelist")


@pytest.mark.parametrize(
    ("schema", "path"),
    [("service", "services"), ("service-definition", "services/{code}"), ("request", "requests")],
)
async def test_answers_fit_the_published_schemas(door: Door, schema: str, path: str) -> None:
    published = orjson.loads(shared(f"open311/{schema}.json").read_bytes())
    fits = jsonschema_rs.Draft4Validator(published, validate_formats=True)
    await door.filed()
    await door.filed(service_code="tree", **{"attribute[fault]": ""})
    codes = [one["service_code"] for one in await door.ask("services")]
    for code in codes if "{code}" in path else [""]:
        answer = await door.ask(path.format(code=code))
        for one in answer if isinstance(answer, list) else [answer]:
            fits.validate(one)
    assert not fits.is_valid({})


async def test_a_report_is_filed_and_followed_to_closed(door: Door, street: Street) -> None:
    worker = await street.worker()
    answer = await door.post("requests.xml", MANHOLE | {"is_public": "true", "email": "a@b.cn"})
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    assert answer.body.startswith(b"<?xml version='1.0' encoding='utf-8'?>")
    no = fromstring(answer.body).findtext("request/service_request_id")
    assert no == "SP20261123000001"
    (one,) = await door.ask(f"requests/{no}")
    assert one.keys() >= REQUEST
    assert (one["status"], one["description"], one["lat"], one["long"]) == (
        "open", "井盖不见了 <b>&", 36.67, 117.0,
    )  # fmt: skip
    assert one["expected_datetime"] == "2026-11-25T23:59:59+08:00"
    assert one["address_id"] == "370102001001001"
    assert await door.ask(f"tokens/{no}") == [{"service_request_id": no, "token": no}]
    seen = await street.send(worker, "StaffReport", id=(await _id(street, no)))
    assert {a["name"]: a["value"] for a in seen["answers"]}["contact"] == "a@b.cn"
    update = {"api_key": CLIENT_KEY, "service_request_id": no, "description": "更大了"}
    assert (await door.post("servicerequestupdates.json", update)).status == 200
    await street.messages(worker)
    task = await street.task(worker)
    proof = await street.photo(worker, 5)
    await street.send(
        worker, "FinishReport", taskId=task["id"], photoIds=[proof], note="已换新井盖"
    )
    await street.send(worker, "ReleaseReportPhotos", id=task["report"]["id"], photoIds=[proof])
    (closed,) = await door.ask(f"requests/{no}")
    assert (closed["status"], closed["status_notes"]) == ("closed", "已处置")
    assert closed["media_url"].endswith(f"/reports/photos/{proof}")
    updates = await door.ask("servicerequestupdates")
    assert [(u["status"], u["description"]) for u in updates] == [
        ("open", "提交"), ("closed", "处置完成: 已换新井盖"),
    ]  # fmt: skip


async def test_what_colleagues_tell_one_another_and_what_is_withdrawn_is_not_published(
    door: Door, street: Street
) -> None:
    worker, me = await street.worker(), await street.citizen()
    said = [{"name": "description", "value": "树枝断了,请处置。"}]
    report = await street.filed(me)
    other = await street.filed(me, category="tree", answers=said)
    task = await street.task(worker)
    why = "报案人电话13900000000"
    await street.send(worker, "ReassignReport", taskId=task["id"], unit="city_management", note=why)
    hidden = other if task["report"]["id"] == report["id"] else report
    await street.send(me, "StepReport", caseId=hidden["caseId"], event="withdraw", note="")
    updates = await door.ask("servicerequestupdates")
    assert [update["description"] for update in updates] == ["提交", "转办"]
    assert {update["service_request_id"] for update in updates}.isdisjoint({hidden["no"]})


async def _id(street: Street, no: str) -> str:
    (row,) = await street.rows("SELECT id FROM community_report WHERE no = $1", no)
    return str(row["id"])


async def test_windows_are_anded_and_understood_as_clients_write_them(
    door: Door, clock: ManualClock
) -> None:
    nos = []
    for hours in (0, 24, 24):
        clock.move(timedelta(hours=hours))
        nos.append(await door.filed())
    newest_first = nos[::-1]
    assert [one["service_request_id"] for one in await door.ask("requests")] == newest_first

    async def between(start: str, end: str) -> list[Any]:
        found = await door.ask("requests", start_date=start, end_date=end)
        return [one["service_request_id"] for one in found]

    assert await between("2026-11-24T04:00:00Z", "2026-11-24T04:00:00Z") == [nos[1]]
    assert await between("2026-11-24T12:00:00+08:00", "2026-11-25T00:00:00.123Z") == [nos[1]]
    raw = await door.client.request(
        "GET", "/open311/v2/requests.json?start_date=2026-11-24T12:00:00+08:00&end_date="
    )
    assert [one["service_request_id"] for one in raw.json] == newest_first[:2]
    listed = await door.ask("requests", service_request_id=f"{nos[0]},{nos[2]},SP1")
    assert [one["service_request_id"] for one in listed] == [nos[2], nos[0]]
    page = await door.ask("requests", page_size="1", page="2")
    assert [one["service_request_id"] for one in page] == [nos[1]]
    changed = await door.ask("requests", updated_after="2026-11-24T05:00:00Z")
    assert [one["service_request_id"] for one in changed] == [nos[2]]
    assert await door.ask("requests", status="closed") == []
    assert len(await door.ask("requests", status="open,closed", service_code="manhole,tree")) == 3
    near = await door.ask("requests", lat="36.6701", long="117.0", radius="100")
    assert len(near) == 3
    assert await door.ask("requests", lat="36.68", long="117.0", radius="100") == []
    assert len(await door.ask("requests", jurisdiction_id="")) == 3
    assert len(await door.ask("requests", jurisdiction_id="jinan.gov.cn")) == 3


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ({"jurisdiction_id": "sfgov.org"}, 404),
        ({"start_date": "yesterday"}, 400),
        ({"start_date": "2026-11-24T12:00:00"}, 400),
        ({"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-11-01T00:00:00Z"}, 400),
        ({"start_date": "9999-12-31T00:00:00Z"}, 400),
        ({"end_date": "9999-12-31T23:59:59.999999Z"}, 400),
        ({"end_date": "0001-01-01T00:00:00+14:00"}, 400),
        ({"updated_after": "0001-01-01T00:00:00+14:00"}, 400),
        ({"service_request_id": "\x00"}, 400),
        ({"service_code": "tree,\x00"}, 400),
        ({"status": "weird"}, 400),
        ({"page": "0"}, 400),
        ({"page_size": "5000"}, 400),
        ({"lat": "nan", "long": "117.0"}, 400),
        ({"lat": "0", "long": "0"}, 400),
    ],
)
async def test_a_wrong_question_gets_a_list_of_errors_in_its_format(
    door: Door, arguments: dict[str, str], status: int
) -> None:
    for format_ in ("json", "xml"):
        answer = await door.get(f"requests.{format_}", **arguments)
        assert answer.status == status
        if format_ == "json":
            (error,) = answer.json
            assert error["code"] == status and error["description"]
        else:
            assert fromstring(answer.body).findtext("error/code") == str(status)
    for path in ("requests/SP20260101000009.xml", "services/volcano.xml", "tokens/7.xml",
                 "requests/%00.xml", "tokens/%00.xml", "services/%00.xml"):  # fmt: skip
        assert (await door.get(path)).status == 404
    assert (await door.get("services.html")).status == 400


@pytest.mark.parametrize(
    ("changes", "status", "errors"),
    [
        ({"api_key": ""}, 403, 1),
        ({"api_key": CLIENT_ID.hex + ".guess"}, 403, 1),
        ({"api_key": "x"}, 403, 1),
        ({"service_code": ""}, 400, 1),
        ({"service_code": "volcano"}, 404, 1),
        ({"service_code": "shared-bicycle"}, 404, 1),
        ({"jurisdiction_id": "sfgov.org"}, 404, 1),
        ({"lat": ""}, 400, 1),
        ({"lat": "39.9", "long": "116.4"}, 400, 1),
        ({"lat": "0", "long": "0"}, 400, 1),
        ({"attribute[fault]": "", "attribute[tip]": "x"}, 400, 2),
        ({"attribute[contact]": "x"}, 400, 1),
        ({"description": "x" * 4001}, 400, 1),
        ({"description": "a\x00b"}, 400, 1),
    ],
)
async def test_a_wrong_report_is_refused_and_nothing_is_stored(
    door: Door, street: Street, changes: dict[str, str], status: int, errors: int
) -> None:
    for format_ in ("json", "xml"):
        answer = await door.post(f"requests.{format_}", MANHOLE | changes)
        assert answer.status == status, answer.body
        count = len(answer.json) if format_ == "json" else len(fromstring(answer.body))
        assert count == errors
    assert await street.rows("SELECT id FROM community_report") == []
    assert await street.rows("SELECT id FROM applications_case") == []


async def test_bodies_are_forms_in_utf_8_and_bounded(door: Door, street: Street) -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "xxxxxxxx">]><a>&x;</a>'
    for body, headers in (
        (b"description=%FF%FE&lat=36.67", {}),
        (bomb, {"content_type": "text/xml"}),
        (b"x" * 70_000, {}),
        (b"&".join(b"a=1" for _ in range(300)), {}),
    ):
        answer = await door.post("requests.json", body, **headers)
        assert answer.status == 400, answer.body
    assert await street.rows("SELECT id FROM community_report") == []


async def test_an_organisation_files_for_many_once_per_key_and_not_for_ever(
    door: Door, app: App, street: Street
) -> None:
    for _ in range(25):  # more than a citizen may have open, all at one place
        await door.filed()
    one = [await door.post("requests.json", MANHOLE, idempotency_key="one-key-1") for _ in "12"]
    assert one[0].json == one[1].json
    assert len(await street.rows("SELECT id FROM community_report")) == 26
    for _ in range(clients.POSTS_PER_MINUTE):
        answer = await door.post("requests.json", MANHOLE | HERE | {"service_code": "volcano"})
    assert answer.status == 429 and answer.headers["retry-after"]
    await clients.end(CLIENT_ID)
    assert (await door.post("requests.json", MANHOLE)).status == 403
