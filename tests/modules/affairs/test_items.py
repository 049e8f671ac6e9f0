"""Service 1 over HTTP: what is found, the guide, refusals, a registry that changes or is silent.

What every lookup promises is in tests/kinds/test_lookups.py.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import orjson
import pytest

from bff.trusted.documents import documents_of
from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.errors import NotFound, Unavailable
from modules.affairs.registry.domain import ItemStatus
from modules.affairs.registry.service import get_item
from modules.affairs.registry.upstream import REGISTRY_SYSTEM, Export, read_registry
from tests.asgi import Client
from tests.conftest import NOON
from tests.modules.affairs.registry import FakeItems, city_registry
from tests.upstreams import by_operation

SEARCH = """query($words: String!, $first: Int!, $after: String, $event: String, $of: String) {
  governmentItems(words: $words, first: $first, after: $after, lifeEvent: $event, department: $of) {
    status asOf reason totalCount edges { cursor node { name department { code } } }
    pageInfo { hasNextPage endCursor } } }"""
GUIDE = """query($code: String!) { governmentItem(code: $code) {
    status item { name status successorCode } } }"""
MakeCall = Callable[..., Call]


@pytest.fixture
def items() -> FakeItems:
    """The registry."""
    return FakeItems()


@pytest.fixture
def upstreams(items: FakeItems) -> Mapping[Any, Any]:
    """The outside systems of these tests."""
    return by_operation(items, REGISTRY_SYSTEM)


async def _search(client: Client, words: str, first: int = 5, **more: Any) -> Any:
    variables = {"words": words, "first": first, **more}
    return (await client.data(SEARCH, variables))["governmentItems"]


def _names(page: Any) -> list[str]:
    return [edge["node"]["name"] for edge in page["edges"]]


def _code(name: str) -> str:
    return next(i.item_code for i in city_registry().items.values() if i.name_zh == name)


async def test_the_service_s_own_document_runs(client: Client) -> None:
    document = documents_of(client.app.manifests).by_name["gov-item-search"]
    for operation in ("GovernmentItems", "GovernmentItem", "GovernmentItemTopics"):
        body = {
            "query": document.source,
            "operationName": operation,
            "variables": document.variables,
        }
        answer = (await client.post(orjson.dumps(body))).json
        assert "errors" not in answer, answer
        if operation == "GovernmentItem":
            item = answer["data"]["governmentItem"]["item"]
            assert item["name"] == "出生登记" and len(item["code"]) == 31
            assert item["materials"][0]["licenceKind"] == "resident_card"
            assert item["form"][0]["title"] == "姓名" and item["counter"]["openingHours"]


async def test_pages_hold_everything_once(client: Client) -> None:
    seen: list[str] = []
    after = None
    while True:
        page = await _search(client, "护照", 4, after=after)
        seen += _names(page)
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(seen) == len(set(seen)) == page["totalCount"] > 4


async def test_department_and_life_event_narrow(client: Client) -> None:
    page = await _search(client, "", 100, event="birth")
    assert {"出生登记", "生育登记", "出生医学证明首次签发"} <= set(_names(page))
    both = await _search(client, "", 100, event="birth", of="d06")
    assert _names(both) == ["出生登记"]
    assert {edge["node"]["department"]["code"] for edge in both["edges"]} == {"d06"}


@pytest.mark.parametrize(
    "more",
    [
        {"words": "字" * 65},
        {"event": "no-such"},
        {"of": "d99"},
        {"after": "no-cursor"},
        {"first": 0},
        {"first": 101},
    ],
)
async def test_what_cannot_be_asked_is_refused(client: Client, more: Mapping[str, Any]) -> None:
    variables = {"words": "护照", "first": 5, **more}
    assert (await client.run(SEARCH, variables)).codes == ["INVALID_INPUT"]


async def test_a_withdrawn_item_says_so_and_an_unknown_one_is_not_there(client: Client) -> None:
    withdrawn = (await client.data(GUIDE, {"code": _code("准生证办理")}))["governmentItem"]
    assert withdrawn["item"]["status"] == "WITHDRAWN"
    assert withdrawn["item"]["successorCode"] == _code("生育登记")
    for code in ("", "1" * 31, "出生登记", "x" * 5000):
        assert (await client.run(GUIDE, {"code": code})).codes == ["NOT_FOUND"]


async def test_the_registry_is_asked_again_after_ten_minutes_and_only_for_changes(
    client: Client, items: FakeItems, clock: ManualClock
) -> None:
    before = await _search(client, "护照")
    clock.move(timedelta(minutes=9))
    assert (await _search(client, "护照"))["asOf"] == before["asOf"]
    assert items.asked == [""]
    clock.move(timedelta(minutes=2))
    later = await _search(client, "护照")
    assert (items.asked, later["status"]) == (["", "1"], "LIVE")
    assert later["asOf"] > before["asOf"] and _names(later) == _names(before)

    def rename(content: list[dict[str, Any]]) -> None:
        item = next(item for item in content if item["name_zh"] == "出生登记")
        item["name_zh"] = "新生儿落户一网通办"

    items.change(rename)
    clock.move(timedelta(minutes=11))
    assert "新生儿落户一网通办" in _names(await _search(client, "落户一网通办"))


async def test_a_silent_registry_is_stale_and_then_the_copy_is_too_old(
    client: Client, items: FakeItems, clock: ManualClock
) -> None:
    items.is_silent = True
    first = await _search(client, "护照")
    assert (first["status"], first["reason"], first["totalCount"]) == (
        "UNAVAILABLE",
        "TIMEOUT",
        None,
    )
    items.is_silent = False
    live = await _search(client, "护照")
    items.is_silent = True
    clock.move(timedelta(days=6))
    stale = await _search(client, "护照")
    assert (stale["status"], stale["asOf"]) == ("STALE", live["asOf"])
    assert _names(stale) == _names(live)
    clock.move(timedelta(days=2))
    assert (await _search(client, "护照"))["status"] == "UNAVAILABLE"
    guide = (await client.data(GUIDE, {"code": "1" * 31}))["governmentItem"]
    assert guide == {"status": "UNAVAILABLE", "item": None}


async def test_an_item_that_cannot_be_right_is_passed_over(
    client: Client, items: FakeItems
) -> None:
    def spoil(content: list[dict[str, Any]]) -> None:
        content[0]["promised_days"] = -1
        content[1]["item_code"] = "short"
        content[2]["department_code"] = "d99"
        content[3]["withdrawn_on"] = "2026-02-30"
        del content[4]["materials"]

    items.change(spoil)
    assert (await _search(client, ""))["totalCount"] == 1165 - 5


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"<html>", b'{"items": []}'])
def test_what_is_no_registry_is_refused(body: bytes) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        read_registry(Export("1", body), NOON)


async def test_whoever_needs_an_item_gets_it_by_its_code(
    call: MakeCall, items: FakeItems, app: App
) -> None:
    item = await get_item(call(), _code("居住证申领"))
    assert item.name_zh == "居住证申领" and item.exclusive and item.form and item.stages
    assert (await get_item(call(), _code("暂住证办理"))).status is ItemStatus.WITHDRAWN
    with pytest.raises(NotFound):
        await get_item(call(), "0" * 31)


async def test_without_any_registry_an_item_is_unavailable(
    call: MakeCall, items: FakeItems
) -> None:
    items.is_silent = True
    with pytest.raises(Unavailable):
        await get_item(call(), _code("居住证申领"))
