"""The e-licence system: whose licences there are, what stands in them, whether they hold now."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from hashlib import sha256

import orjson
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.population.households import address_zh
from sandbox.population.institutions import company
from sandbox.population.people import DemoPerson, Person
from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Body, Refusal, read_body, reply
from sandbox.shared.documents import PUBLIC_SECURITY, Whom, find_whom, has_id_number
from sandbox.shared.registry import PersonQuery, Record, draw_for, record_operation

SCHEMA = """
CREATE TABLE e_licence_revocation (licence_ref TEXT PRIMARY KEY, revoked_on TEXT NOT NULL);
CREATE TABLE e_licence_issued (
  case_no TEXT PRIMARY KEY, resident_id TEXT NOT NULL, licence TEXT NOT NULL);
"""
ADULT_AGE, CARD_YEARS, CARD_LONG_AGE = 18, 20, 46
POLICE, MARKET, SOCIAL = "沙盒市公安局", "沙盒市行政审批服务局", "沙盒市社会保险事业中心"
CLASSES = ("C1", "C2", "B2")
TITLES = {
    "name": ("姓名", "Name"),
    "sex": ("性别", "Sex"),
    "born_on": ("出生日期", "Date of birth"),
    "resident_id": ("公民身份号码", "Resident ID"),
    "document_no": ("证件号码", "Document number"),
    "address": ("住址", "Address"),
    "is_adult": ("已满18周岁", "18 or older"),
    "class": ("准驾车型", "Class"),
    "first_issued_on": ("初次领证日期", "First issued"),
    "organisation": ("名称", "Name of the organisation"),
    "uscc": ("统一社会信用代码", "Credit code"),
    "representative": ("法定代表人", "Representative"),
    "established_on": ("成立日期", "Established"),
    "card_no": ("社会保障号码", "Social security number"),
    "bank": ("发卡银行", "Bank"),
    "case_no": ("办件编号", "Case number"),
}


class LicenceQuery(PersonQuery):
    """One licence of a person."""

    licence_ref: str = Field(min_length=1, max_length=64)


class Name(Body):
    """What a licence is called."""

    zh: str = Field(min_length=1, max_length=100)
    en: str = Field(min_length=1, max_length=100)


class LicenceOrder(Whom):
    """A licence that is granted by a case of the city, and who holds it."""

    case_no: str = Field(min_length=1, max_length=64)
    kind: str = Field(pattern="^[a-z_]{1,32}$")
    name: Name
    issuer_zh: str = Field(min_length=1, max_length=100)
    valid_until: str | None = Field(pattern=r"^\d{4}-\d{2}-\d{2}$")


class Revocation(Body):
    """A licence that its issuer takes back."""

    licence_ref: str = Field(min_length=1, max_length=64)


async def find(request: Request, city: City) -> Response:
    """One licence as it stands now; 404 NOT_FOUND for one that is not the person's."""
    query = await read_body(request, LicenceQuery)
    person = find_whom(city, query, PUBLIC_SECURITY)
    for licence in _licences(city, person) if person else ():
        if licence["licence_ref"] == query.licence_ref:
            return reply(licence)
    raise Refusal(404, "NOT_FOUND", "no such licence")


async def issue(request: Request, city: City) -> Response:
    """Issue a licence, once for each case number; of another person's 409 ALREADY_ISSUED."""
    order = await read_body(request, LicenceOrder)
    person = find_whom(city, order, PUBLIC_SECURITY)
    if person is None:
        raise Refusal(404, "NO_PERSON", "no such person")
    content = _holder(person) | {"case_no": order.case_no}
    licence = {
        "licence_ref": f"el-{sha256(order.case_no.encode()).hexdigest()[:24]}",
        "kind": order.kind,
        "name": order.name.model_dump(),
        "issuer_zh": order.issuer_zh,
        "issued_on": city.today().isoformat(),
        "valid_until": order.valid_until,
        "fields": _fields(content),
    }
    with city.state.transaction():
        city.state.run(
            "INSERT OR IGNORE INTO e_licence_issued VALUES (?, ?, ?)",
            (order.case_no, order.number, orjson.dumps(licence).decode()),
        )
        kept = city.state.one("SELECT * FROM e_licence_issued WHERE case_no = ?", (order.case_no,))
    if kept is None or kept["resident_id"] != order.number:
        raise Refusal(409, "ALREADY_ISSUED", "the licence of this case is another person's")
    return reply(_as_it_stands(city, orjson.loads(kept["licence"])))


async def revoke(request: Request, city: City) -> Response:
    """The issuer takes a licence back; repeat-safe."""
    licence = await read_body(request, Revocation)
    with city.state.transaction():
        city.state.run(
            "INSERT OR IGNORE INTO e_licence_revocation VALUES (?, ?)",
            (licence.licence_ref, city.today().isoformat()),
        )
    return reply({"status": "REVOKED"})


def _wallet(city: City, person: Person) -> Record:
    return {"licences": list(_licences(city, person)), "as_of": city.timestamp()}


def _absent(city: City) -> Record:
    return {"licences": [], "as_of": city.timestamp()}


def _licences(city: City, person: Person) -> Iterator[Record]:
    """The licences of a person: a card for everybody, the rest by age and story."""
    for row in city.state.all(
        "SELECT licence FROM e_licence_issued WHERE resident_id = ?", (person.resident_id,)
    ):
        yield _as_it_stands(city, orjson.loads(row["licence"]))
    draw, today = draw_for(city, "e-licence", person), city.today()
    age = person.age_on(today)
    story = person.key if isinstance(person, DemoPerson) else None
    if has_id_number(person):
        yield _resident_card(city, person, draw, age)
    yield _social_card(city, person, draw)
    if age >= ADULT_AGE and (story is not None or draw.random() < 0.6):
        yield _driving_licence(city, person, draw)
    if story in ("citizen", "citizen_rare") or (story is None and draw.random() < 0.1):
        since = today - timedelta(days=draw.randint(366, 700))
        content = _about(person, "name", "resident_id") | {"address": _address(city, person)}
        yield _licence(city, person, "residence_permit", "居住证", "Residence permit", POLICE,
                       since, since + timedelta(days=365), content)  # fmt: skip
    if story == "sme_owner":
        shop = company(city.settings.seed, 0)
        content = {
            "organisation": str(shop["name_zh"]),
            "uscc": str(shop["uscc"]),
            "representative": person.name,
            "established_on": str(shop["established_on"]),
        }
        since = date.fromisoformat(content["established_on"])
        yield _licence(city, person, "business_licence", "营业执照", "Business licence", MARKET,
                       since, None, content)  # fmt: skip


def _resident_card(city: City, person: Person, draw: random.Random, age: int) -> Record:
    issued = city.today() - timedelta(days=draw.randint(30, 3000))
    until = None if age >= CARD_LONG_AGE else issued + timedelta(days=365 * CARD_YEARS)
    content = _about(person, "name", "sex", "born_on", "resident_id") | {
        "address": _address(city, person),
        "is_adult": "是" if age >= ADULT_AGE else "否",
    }
    return _licence(city, person, "resident_card", "居民身份证", "Resident identity card", POLICE,
                    issued, until, content)  # fmt: skip


def _social_card(city: City, person: Person, draw: random.Random) -> Record:
    issued = city.today() - timedelta(days=draw.randint(30, 2000))
    content = _about(person, "name") | {"card_no": person.resident_id, "bank": "示例银行"}
    return _licence(city, person, "social_card", "社会保障卡", "Social security card", SOCIAL,
                    issued, None, content)  # fmt: skip


def _driving_licence(city: City, person: Person, draw: random.Random) -> Record:
    issued = city.today() - timedelta(days=draw.randint(30, 2100))
    content = _holder(person) | {
        "class": draw.choice(CLASSES),
        "first_issued_on": (issued - timedelta(days=draw.choice((0, 2190)))).isoformat(),
    }
    return _licence(city, person, "driving_licence", "机动车驾驶证", "Driving licence", POLICE,
                    issued, issued + timedelta(days=2190), content)  # fmt: skip


def _licence(
    city: City, person: Person, kind: str, zh: str, en: str, issuer: str,
    issued_on: date, valid_until: date | None, content: dict[str, str],
) -> Record:  # fmt: skip
    draw = draw_for(city, f"e-licence:{kind}", person)
    licence: Record = {
        "licence_ref": f"el-{draw.getrandbits(96):024x}",
        "kind": kind,
        "name": {"zh": zh, "en": en},
        "issuer_zh": issuer,
        "issued_on": issued_on.isoformat(),
        "valid_until": None if valid_until is None else valid_until.isoformat(),
        "fields": _fields(content),
    }
    return _as_it_stands(city, licence)


def _fields(content: dict[str, str]) -> list[Record]:
    return [
        {"name": name, "title": dict(zip(("zh", "en"), TITLES[name], strict=True)), "value": value}
        for name, value in content.items()
    ]


def _as_it_stands(city: City, licence: Record) -> Record:
    """A licence with whether it holds today."""
    revoked = city.state.one(
        "SELECT * FROM e_licence_revocation WHERE licence_ref = ?", (licence["licence_ref"],)
    )
    until = licence["valid_until"]
    expired = isinstance(until, str) and until < city.today().isoformat()
    return {**licence, "status": "REVOKED" if revoked else "EXPIRED" if expired else "VALID"}


def _about(person: Person, *names: str) -> dict[str, str]:
    values = {
        "name": person.name,
        "sex": "男" if person.is_male else "女",
        "born_on": person.born_on.isoformat(),
        "resident_id": person.resident_id,
    }
    return {name: values[name] for name in names}


def _holder(person: Person) -> dict[str, str]:
    """Name and number, which of who has no ID number is a document's."""
    if has_id_number(person):
        return _about(person, "name", "resident_id")
    return _about(person, "name") | {"document_no": person.resident_id}


def _address(city: City, person: Person) -> str:
    return address_zh(city.settings.seed, person.household_no)


SYSTEMS = (
    System(
        name="e_licences",
        title_zh="电子证照系统",
        title_en="E-licence system",
        schema=SCHEMA,
        operations=(
            record_operation(
                "query", "/e-licences/licences/query", _wallet, _absent, PUBLIC_SECURITY
            ),
            Operation("find", "POST", "/e-licences/licences/find", find),
            Operation("issue", "POST", "/e-licences/licences", issue),
        ),
        controls=(Operation("revoke", "POST", "/_control/e-licences/revocations", revoke),),
    ),
)
