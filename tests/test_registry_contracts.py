"""One contract for the police, the housing fund and the SMS gateway: the sandbox, and the fakes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from core.deadline import Deadline
from core.ids import new_id
from core.people.directory import Person
from core.people.personal_read import Access
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient
from core.upstream.operation import System, Upstreams
from modules.identity.upstream import REGISTRY, Match, verify, verify_family
from modules.welfare.housing_fund.domain import HousingFundAccount
from modules.welfare.housing_fund.upstream import CENTRE, find_account
from notifications.channels.gateways import GATEWAY, send
from tests.fakes import FakeHousingFund, FakePolice, FakeSms
from tests.upstreams import Connected, by_operation, over_http

SYSTEMS = (REGISTRY, CENTRE, GATEWAY)
NOBODY = "11010519491231002X"


@dataclass
class Subject:
    """The systems under test and a parent and child whom they know."""

    app: Connected
    parent: dict[str, Any]
    child: dict[str, Any]


@pytest.fixture(params=["fake", "sandbox"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    """Each in turn."""
    async with HttpClient(Metrics()) as http:
        if request.param == "fake":
            yield _fake(http)
            return
        base = f"http://127.0.0.1:{request.getfixturevalue('sandbox_port')}"
        people_url = f"{base}/_control/people"
        async with aiohttp.ClientSession() as control, control.get(people_url) as answer:
            people = {person["role"]: person for person in await answer.json()}
        yield Subject(over_http(http, base, *SYSTEMS), people["parent"], people["child"])


def _fake(http: HttpClient) -> Subject:
    parent = {"name": "张示范", "resident_id": "110105198001010010"}
    child = {"name": "张小例", "resident_id": "110105201501010016"}
    police, fund = FakePolice(), FakeHousingFund()
    police.people = {one["resident_id"]: one["name"] for one in (parent, child)}
    police.parents = {(parent["resident_id"], child["resident_id"])}
    fund.accounts[parent["resident_id"]] = HousingFundAccount(
        "1", "示例公司", "ACTIVE", 1, 1, (), None
    )
    fakes = {
        **by_operation(police, REGISTRY),
        **by_operation(fund, CENTRE),
        **by_operation(FakeSms(), GATEWAY),
    }
    return Subject(Connected(Upstreams(http, SYSTEMS, {}, fakes)), parent, child)


def _access(resident_id: str, system: System) -> Access:
    person = Person(new_id(), "19900000001", "示例", resident_id, 2, "zh")
    return Access(person, "test", new_id(), new_id(), system.name)


def _soon() -> Deadline:
    return Deadline.after(5)


async def test_a_name_and_an_id_belong_together_or_not(subject: Subject) -> None:
    parent, access = subject.parent, _access(subject.parent["resident_id"], REGISTRY)
    for name, number, match in (
        (parent["name"], parent["resident_id"], Match.MATCH),
        (parent["name"] + "甲", parent["resident_id"], Match.MISMATCH),
        (parent["name"], NOBODY, Match.NOT_FOUND),
    ):
        assert await verify(subject.app, _soon(), access, name, number) is match


async def test_a_child_is_its_parents(subject: Subject) -> None:
    parent, child = subject.parent["resident_id"], subject.child["resident_id"]
    access = _access(parent, REGISTRY)
    assert await verify_family(subject.app, _soon(), access, child)
    assert await verify_family(subject.app, _soon(), access, NOBODY) is None
    childs = _access(child, REGISTRY)
    assert await verify_family(subject.app, _soon(), childs, parent) is None


async def test_who_never_had_an_account_has_none(subject: Subject) -> None:
    account = await find_account(
        subject.app, _soon(), _access(subject.parent["resident_id"], CENTRE)
    )
    assert account is not None and account.status == "ACTIVE" and account.balance_fen > 0
    assert await find_account(subject.app, _soon(), _access(NOBODY, CENTRE)) is None


async def test_a_reference_is_sent_once(subject: Subject) -> None:
    ref = new_id().hex
    receipt = await send(subject.app, _soon(), ref, "19900000001", "您好")
    assert receipt and await send(subject.app, _soon(), ref, "19900000001", "您好") == receipt
    assert await send(subject.app, _soon(), new_id().hex, "19900000001", "您好") != receipt
