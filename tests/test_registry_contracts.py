"""One contract for the police, the housing fund and the SMS gateway: the sandbox, and the fakes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import aiohttp
import pytest

from core.deadline import Deadline
from core.id_documents import Document, DocumentKind
from core.ids import new_id
from core.people.directory import Person
from core.people.personal_read import Access
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient
from core.upstream.operation import System, Upstreams
from modules.identity.upstream import (
    REGISTRY,
    Birth,
    Match,
    verify,
    verify_birth,
    verify_family,
    verify_permit,
)
from modules.welfare.housing_fund.domain import HousingFundAccount
from modules.welfare.housing_fund.upstream import CENTRE, find_account
from notifications.channels.gateways import GATEWAY, send
from tests.fakes import FakeHousingFund, FakePolice, FakeSms
from tests.upstreams import Connected, by_operation, over_http

SYSTEMS = (REGISTRY, CENTRE, GATEWAY)
NOBODY, NEWBORN = "11010519491231002X", "540099202611200015"
BORN_ON = date(2026, 11, 20)


@dataclass
class Subject:
    """The systems under test and a parent and child whom they know."""

    app: Connected
    parent: dict[str, Any]
    child: dict[str, Any]
    control: Callable[[str, str, dict[str, Any]], Awaitable[Any]]

    async def deliver(self, name: str) -> str:
        """A child of the parent, born on BORN_ON; the certificate's number."""
        told = {"mother_id": self.parent["resident_id"], "sex": "FEMALE", "name": name,
                "born_on": str(BORN_ON)}  # fmt: skip
        made = await self.control("POST", "/_control/birth-register/births", told)
        return str(made["certificate_no"])

    async def register(self, certificate_no: str) -> str:
        """The household registration of a child; its number."""
        told = {"certificate_no": certificate_no}
        made = await self.control("POST", "/_control/police/households", told)
        return str(made["resident_id"])

    async def issue(self, document: Document, name: str) -> None:
        """A permit."""
        told = {"kind": document.kind, "number": document.number, "name": name,
                "born_on": str(document.born_on)}  # fmt: skip
        await self.control("PUT", "/_control/police/permits", told)


@pytest.fixture(params=["fake", "sandbox"])
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[Subject]:
    """Each in turn."""
    async with HttpClient(Metrics()) as http:
        if request.param == "fake":
            yield _fake(http)
            return
        base = f"http://127.0.0.1:{request.getfixturevalue('sandbox_port')}"
        people_url = f"{base}/_control/people"
        async with aiohttp.ClientSession() as session:
            async with session.get(people_url) as answer:
                people = {person["role"]: person for person in await answer.json()}

            async def control(method: str, path: str, body: dict[str, Any]) -> Any:
                async with session.request(method, f"{base}{path}", json=body) as answer:
                    assert answer.status < 300, await answer.text()
                    return await answer.json() if answer.status != 204 else None

            connected = over_http(http, base, *SYSTEMS)
            yield Subject(connected, people["parent"], people["child"], control)


def _fake(http: HttpClient) -> Subject:
    parent = {"name": "张示范", "resident_id": "110105198001010010"}
    child = {"name": "张小例", "resident_id": "110105201501010016"}
    police, fund = FakePolice(), FakeHousingFund()
    police.people = {one["resident_id"]: one["name"] for one in (parent, child)}
    police.parents = {(parent["resident_id"], child["resident_id"])}
    account = HousingFundAccount("1", "示例公司", "ACTIVE", 1, 1, (), None)
    fund.accounts = {parent["resident_id"]: account, "M12345678": account}
    fakes = {
        **by_operation(police, REGISTRY),
        **by_operation(fund, CENTRE),
        **by_operation(FakeSms(), GATEWAY),
    }

    async def control(_method: str, path: str, body: dict[str, Any]) -> Any:
        """What the sandbox's controls do, in the fake."""
        match path.rpartition("/")[2]:
            case "births":
                born_on = date.fromisoformat(body["born_on"])
                police.births["Z370000001"] = (body["name"], born_on, {body["mother_id"]})
                return {"certificate_no": "Z370000001"}
            case "households":
                police.registered[NEWBORN] = body["certificate_no"]
                police.parents.add((parent["resident_id"], NEWBORN))
                return {"resident_id": NEWBORN}
        key = (body["kind"], body["number"], date.fromisoformat(body["born_on"]))
        police.permits[key] = body["name"]
        return None

    return Subject(Connected(Upstreams(http, SYSTEMS, {}, fakes)), parent, child, control)


def _access(resident_id: str, system: System) -> Access:
    person = Person(new_id(), "19900000001", "示例", resident_id, 2, "zh")
    return Access(person, "test", new_id(), new_id(), system.name, system.documents)


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


async def test_the_fund_knows_the_holder_of_a_permit(subject: Subject) -> None:
    document = Document(DocumentKind.HK_MACAO_PERMIT, "M12345678", date(1990, 12, 31))
    await subject.issue(document, "陳大文")
    holder = Person(new_id(), "", "陳大文", None, 2, "zh", other_document=document)
    access = replace(_access("", CENTRE), person=holder)
    account = await find_account(subject.app, _soon(), access)
    assert account is not None and account.status == "ACTIVE" and account.balance_fen > 0
    other = replace(holder, other_document=replace(document, number="M12345679"))
    assert await find_account(subject.app, _soon(), replace(access, person=other)) is None


async def test_a_birth_is_told_to_the_parents_on_its_certificate(subject: Subject) -> None:
    parent, number = subject.parent["resident_id"], await subject.deliver("甄小宝")
    birth = await verify_birth(subject.app, _soon(), _access(parent, REGISTRY), number)
    assert isinstance(birth, Birth)
    assert (birth.name, birth.born_on) == ("甄小宝", BORN_ON)
    for asked, certificate in ((parent, "Z379999999"), (NOBODY, number)):
        access = _access(asked, REGISTRY)
        assert await verify_birth(subject.app, _soon(), access, certificate) is None
    given = await subject.register(number)
    kin = await verify_family(subject.app, _soon(), _access(parent, REGISTRY), given)
    assert kin is not None and kin.birth_certificate_no == number
    assert await verify_family(subject.app, _soon(), _access(NOBODY, REGISTRY), given) is None


async def test_a_permit_belongs_to_a_name_and_a_birth_date(subject: Subject) -> None:
    document = Document(DocumentKind.HK_MACAO_PERMIT, "H87654321", BORN_ON)
    await subject.issue(document, "陳小文")
    access = _access(subject.parent["resident_id"], REGISTRY)

    async def ask(name: str, asked: Document) -> Match:
        return await verify_permit(subject.app, _soon(), access, name, asked)

    assert await ask("陳小文", document) is Match.MATCH
    assert await ask("陳大文", document) is Match.MISMATCH
    assert await ask("陳小文", replace(document, number="H87654322")) is Match.NOT_FOUND
    other = await ask("陳小文", replace(document, born_on=date(1990, 1, 1)))
    assert other is not Match.MATCH


async def test_a_reference_is_sent_once(subject: Subject) -> None:
    ref = new_id().hex
    receipt = await send(subject.app, _soon(), ref, "19900000001", "您好")
    assert receipt and await send(subject.app, _soon(), ref, "19900000001", "您好") == receipt
    assert await send(subject.app, _soon(), new_id().hex, "19900000001", "您好") != receipt
