"""Hospital billing: bills split into insurance and self-pay, inpatient deposits, refunds."""

import random
from collections.abc import Awaitable, Callable

import orjson
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from core.money import portion_bps
from sandbox.population.institutions import HOSPITALS
from sandbox.population.people import DemoPerson, Person
from sandbox.server.state import Row
from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Body, Refusal, read_body, reply
from sandbox.shared import receipts
from sandbox.shared.documents import HEALTH, file_of, find_anybody, find_whom
from sandbox.shared.permits import PermitHolder, find_in_place
from sandbox.shared.receipts import Payment
from sandbox.shared.registry import PersonQuery

SCHEMA = """
CREATE TABLE his_bill (
    bill_no TEXT PRIMARY KEY, hospital TEXT NOT NULL, resident_id TEXT NOT NULL,
    department TEXT NOT NULL, items BLOB NOT NULL, total_fen INTEGER NOT NULL,
    fund_fen INTEGER NOT NULL, account_fen INTEGER NOT NULL, self_pay_fen INTEGER NOT NULL
        CHECK (fund_fen + account_fen + self_pay_fen = total_fen),
    issued_at TEXT NOT NULL, status TEXT NOT NULL CHECK (status IN ('OPEN', 'PAID', 'CANCELLED'))
);
CREATE INDEX his_bill_patient ON his_bill (hospital, resident_id);
CREATE TABLE his_refund (
    refund_no TEXT PRIMARY KEY, hospital TEXT NOT NULL, payment_ref TEXT NOT NULL,
    amount_fen INTEGER NOT NULL CHECK (amount_fen > 0), reason TEXT NOT NULL,
    decided_at TEXT NOT NULL, refund_ref TEXT, settled_at TEXT
);
CREATE TABLE his_admission (
    hospital TEXT NOT NULL, resident_id TEXT NOT NULL, PRIMARY KEY (hospital, resident_id)
);
"""
GROUP = "his_billing"
FUND_BPS, ACCOUNT_BPS = 5500, 2000
TOP_UP_MAX_FEN = 5_000_000
_PERMIT = "P"
"""Begins the account number of an inpatient who is not of the population, behind the hospital's."""
_DEPARTMENTS = (("内科", "Internal medicine"), ("外科", "Surgery"), ("儿科", "Paediatrics"))
_ITEMS = (
    ("血常规", "Complete blood count", 2_500), ("腹部彩超", "Abdominal ultrasound", 16_000),
    ("胸部CT平扫", "Chest CT", 28_000), ("静脉输液", "Infusion", 1_800),
    ("西药费", "Western medicine", 9_640), ("中成药费", "Chinese medicine", 5_275),
)  # fmt: skip


class Issue(Body):
    """For whom a bill is made at the counter, or who is admitted."""

    resident_id: str = Field(min_length=8, max_length=18)


class Decision(Body):
    """What the hospital gives back of a payment."""

    payment_ref: str = Field(min_length=1, max_length=64)
    amount_fen: int = Field(gt=0)
    reason: str = Field("退药 / medicine returned", min_length=1, max_length=100)


class Settlement(Body):
    """By which refund the money went back to the payer."""

    refund_ref: str = Field(min_length=1, max_length=64)


async def _query_bills(request: Request, city: City, hospital: str) -> Response:
    patient = await _patient(request, city)
    with city.state.transaction():
        _issue_first_bill(city, hospital, patient)
        rows = city.state.all(
            "SELECT * FROM his_bill WHERE hospital = ? AND resident_id = ? "
            "ORDER BY issued_at DESC, bill_no",
            (hospital, patient),
        )
    return reply({"bills": [_describe_bill(row) for row in rows]})


async def _read_bill(request: Request, city: City, hospital: str) -> Response:
    return reply(_describe_bill(_get_bill(city, hospital, request.path_params["bill_no"])))


async def _pay_bill(request: Request, city: City, hospital: str) -> Response:
    bill_no = request.path_params["bill_no"]
    payment = await read_body(request, Payment)

    def settle() -> None:
        bill = _get_bill(city, hospital, bill_no)
        if bill["status"] == "PAID":
            raise Refusal(409, "ALREADY_PAID", "another payment settled the bill")
        if bill["status"] == "CANCELLED":
            raise Refusal(410, "BILL_CANCELLED", "the bill is cancelled and takes no payment")
        if payment.amount_fen != bill["self_pay_fen"]:
            raise Refusal(422, "AMOUNT_MISMATCH", f"self-pay: {bill['self_pay_fen']} fen")
        city.state.run("UPDATE his_bill SET status = 'PAID' WHERE bill_no = ?", (bill_no,))

    return _receipt(city, receipts.record(city, _system(hospital), bill_no, payment, settle))


async def _query_inpatient(request: Request, city: City, hospital: str) -> Response:
    patient = await _patient(request, city)
    account_no = _inpatient_no(city, hospital, patient)
    accounts = [] if account_no is None else [_describe_account(city, hospital, account_no)]
    return reply({"accounts": accounts})


async def _top_up(request: Request, city: City, hospital: str) -> Response:
    account_no = request.path_params["account_no"]
    payment = await read_body(request, Payment)

    def settle() -> None:
        _describe_account(city, hospital, account_no)
        if payment.amount_fen > TOP_UP_MAX_FEN:
            raise Refusal(422, "TOP_UP_TOO_LARGE", f"at most {TOP_UP_MAX_FEN} fen at a time")

    receipt = receipts.record(city, _system(hospital), account_no, payment, settle)
    return _receipt(city, receipt)


async def _find_payment(request: Request, city: City, hospital: str) -> Response:
    return _receipt(city, _get_receipt(city, hospital, request.path_params["payment_ref"]))


async def _settle_refund(request: Request, city: City, hospital: str) -> Response:
    """The money went back by this refund, once: 409 REFUND_REF_REUSED for another."""
    done = await read_body(request, Settlement)
    key = (request.path_params["refund_no"], hospital)
    with city.state.transaction():
        refund = city.state.one(
            "SELECT * FROM his_refund WHERE refund_no = ? AND hospital = ?", key
        )
        if refund is None:
            raise Refusal(404, "NO_SUCH_REFUND", "no such refund")
        if refund["refund_ref"] not in (None, done.refund_ref):
            raise Refusal(409, "REFUND_REF_REUSED", "another refund settled it")
        city.state.run(
            "UPDATE his_refund SET refund_ref = ?, settled_at = coalesce(settled_at, ?) "
            "WHERE refund_no = ?",
            (done.refund_ref, city.timestamp(), key[0]),
        )
    return _receipt(city, _get_receipt(city, hospital, refund["payment_ref"]))


async def _issue(request: Request, city: City, hospital: str) -> Response:
    body = await read_body(request, Issue)
    patient = file_of(city, body.resident_id)
    return reply(_describe_bill(_insert_bill(city, hospital, patient)), 201)


async def _cancel(request: Request, city: City, hospital: str) -> Response:
    with city.state.transaction():
        bill = _get_bill(city, hospital, request.path_params["bill_no"])
        if bill["status"] == "PAID":
            raise Refusal(409, "ALREADY_PAID", "the bill is paid: refund it")
        city.state.run(
            "UPDATE his_bill SET status = 'CANCELLED' WHERE bill_no = ?", (bill["bill_no"],)
        )
    return reply(_describe_bill(_get_bill(city, hospital, bill["bill_no"])))


async def _admit(request: Request, city: City, hospital: str) -> Response:
    """Take somebody in. Raises Refusal 404 NO_SUCH_PERSON."""
    body = await read_body(request, Issue)
    patient = file_of(city, body.resident_id)
    with city.state.transaction():
        city.state.run("INSERT OR IGNORE INTO his_admission VALUES (?, ?)", (hospital, patient))
        account_no = _inpatient_no(city, hospital, patient)
        if account_no is None:
            raise Refusal(404, "NO_SUCH_PERSON", "nobody in this city has this document")
    return reply(_describe_account(city, hospital, account_no), 201)


async def _refund(request: Request, city: City, hospital: str) -> Response:
    """Decide to give back a part of a payment: 422 where it is more than is left of it."""
    body = await read_body(request, Decision)
    with city.state.transaction():
        receipt = _get_receipt(city, hospital, body.payment_ref)
        given = sum(row["amount_fen"] for row in _refunds(city, receipt))
        if given + body.amount_fen > receipt["amount_fen"]:
            raise Refusal(422, "AMOUNT_MISMATCH", f"left: {receipt['amount_fen'] - given} fen")
        city.state.run(
            "INSERT INTO his_refund (refund_no, hospital, payment_ref, amount_fen, reason, "
            "decided_at) VALUES (?, ?, ?, ?, ?, ?)",
            (f"HR{city.serial('his_refund')}", hospital, body.payment_ref, body.amount_fen,
             body.reason, city.timestamp()),
        )  # fmt: skip
    return _receipt(city, receipt, 201)


async def _patient(request: Request, city: City) -> str:
    query = await read_body(request, PersonQuery)
    find_whom(city, query, HEALTH)
    return file_of(city, query.number)


def _issue_first_bill(city: City, hospital: str, resident_id: str) -> None:
    """Demo people owe one bill at the first hospital and at the second."""
    person = city.population.find(resident_id)
    known = city.state.one(
        "SELECT 1 FROM his_bill WHERE hospital = ? AND resident_id = ?", (hospital, resident_id)
    )
    if isinstance(person, DemoPerson) and hospital in ("h1", "h2") and known is None:
        _insert_bill(city, hospital, resident_id)


def _insert_bill(city: City, hospital: str, resident_id: str) -> Row:
    bill_no = f"MB{city.serial('his_bill')}"
    draw = random.Random(f"{city.settings.seed}:{hospital}:{resident_id}:{bill_no[-5:]}")
    items = draw.sample(_ITEMS, draw.randint(2, 4))
    total_fen = sum(price for _, _, price in items)
    fund_fen, account_fen = portion_bps(total_fen, FUND_BPS), portion_bps(total_fen, ACCOUNT_BPS)
    city.state.run(
        "INSERT INTO his_bill VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'OPEN')",
        (bill_no, hospital, resident_id, "|".join(draw.choice(_DEPARTMENTS)),
         orjson.dumps([{"name_zh": zh, "name_en": en, "amount_fen": p} for zh, en, p in items]),
         total_fen, fund_fen, account_fen, total_fen - fund_fen - account_fen, city.timestamp()),
    )  # fmt: skip
    return _get_bill(city, hospital, bill_no)


def _get_bill(city: City, hospital: str, bill_no: str) -> Row:
    bill = city.state.one(
        "SELECT * FROM his_bill WHERE bill_no = ? AND hospital = ?", (bill_no, hospital)
    )
    if bill is None:
        raise Refusal(404, "NO_SUCH_BILL", "no such bill at this hospital")
    return bill


def _inpatient_no(city: City, hospital: str, resident_id: str) -> str | None:
    """The account of a person who is in this hospital, or None."""
    person = find_anybody(city, resident_id)
    admitted = city.state.one(
        "SELECT 1 FROM his_admission WHERE hospital = ? AND resident_id = ?",
        (hospital, resident_id),
    )
    if person is None or (admitted is None and _ward_of(city, person) != hospital):
        return None
    if isinstance(person, PermitHolder):
        return f"ZY{hospital[1:]}{_PERMIT}{person.place}"
    return f"ZY{hospital[1:]}{person.phone[2:]}" if person.phone else None


def _ward_of(city: City, person: Person) -> str | None:
    """Where a person lies: the demo elder in the first hospital, a tenth of the others in some; who
    is not of the population lies where they were admitted."""
    if not person.phone:
        return None
    if isinstance(person, DemoPerson):
        return "h1" if person.key == "elder" else None
    draw = random.Random(f"{city.settings.seed}:inpatient:{person.resident_id}")
    return draw.choice(HOSPITALS)[0] if draw.random() < 0.1 else None


def _inpatient(city: City, hospital: str, account_no: str) -> Person:
    place = account_no[3:].removeprefix(_PERMIT)
    is_permit = place != account_no[3:]
    person = find_in_place(city, place) if is_permit else city.population.by_phone(f"19{place}")
    if person is None or _inpatient_no(city, hospital, person.resident_id) != account_no:
        raise Refusal(404, "NO_SUCH_ACCOUNT", "no such inpatient at this hospital")
    return person


def _describe_account(city: City, hospital: str, account_no: str) -> dict[str, object]:
    person = _inpatient(city, hospital, account_no)
    draw = random.Random(f"{city.settings.seed}:ward:{account_no}")
    first_fen, charged_fen = draw.randrange(200_000, 900_000), draw.randrange(90_000, 1_200_000)
    deposited_fen = first_fen + receipts.paid_fen(city, _system(hospital), account_no)
    return {
        "account_no": account_no,
        "patient_masked": "*" * (len(person.name) - 1) + person.name[-1],
        "ward_zh": f"内科{draw.randint(1, 9)}病区",
        "ward_en": "Internal medicine ward",
        "deposited_fen": deposited_fen,
        "charged_fen": charged_fen,
        "balance_fen": deposited_fen - charged_fen,
    }


def _get_receipt(city: City, hospital: str, payment_ref: str) -> Row:
    receipt = receipts.find(city, _system(hospital), payment_ref)
    if receipt is None:
        raise Refusal(404, "NO_SUCH_PAYMENT", "this payment was not recorded")
    return receipt


def _refunds(city: City, receipt: Row) -> list[Row]:
    return city.state.all(
        "SELECT * FROM his_refund WHERE hospital = ? AND payment_ref = ? ORDER BY refund_no",
        (receipt["system"].removeprefix(f"{GROUP}_"), receipt["payment_ref"]),
    )


def _receipt(city: City, receipt: Row, status: int = 200) -> Response:
    """The receipt with its trail of refunds."""
    members = ("refund_no", "amount_fen", "reason", "decided_at", "refund_ref", "settled_at")
    trail = [{name: row[name] for name in members} for row in _refunds(city, receipt)]
    return reply(receipts.describe(receipt) | {"refunds": trail}, status)


def _describe_bill(bill: Row) -> dict[str, object]:
    department_zh, department_en = bill["department"].split("|")
    return {
        "bill_no": bill["bill_no"],
        "department_zh": department_zh,
        "department_en": department_en,
        "items": orjson.loads(bill["items"]),
        "total_fen": bill["total_fen"],
        "insurance_fund_fen": bill["fund_fen"],
        "insurance_account_fen": bill["account_fen"],
        "self_pay_fen": bill["self_pay_fen"],
        "issued_at": bill["issued_at"],
        "status": bill["status"],
    }


def _system(hospital: str) -> str:
    return f"{GROUP}_{hospital}"


HospitalHandler = Callable[[Request, City, str], Awaitable[Response]]


def _billing(code: str, name_zh: str, name_en: str) -> System:
    root, control = f"/his-billing/{code}", f"/_control/his-billing/{code}"

    def op(name: str, method: str, path: str, handler: HospitalHandler) -> Operation:
        async def handle(request: Request, city: City) -> Response:
            return await handler(request, city, code)

        return Operation(name, method, path, handle)

    return System(
        name=_system(code),
        group=GROUP,
        title_zh=f"{name_zh}收费系统",
        title_en=f"{name_en}, billing",
        schema=SCHEMA if code == HOSPITALS[0][0] else "",
        operations=(
            op("query_bills", "POST", f"{root}/bills/query", _query_bills),
            op("read_bill", "GET", f"{root}/bills/{{bill_no}}", _read_bill),
            op("pay_bill", "POST", f"{root}/bills/{{bill_no}}/payments", _pay_bill),
            op("query_inpatient", "POST", f"{root}/inpatient/query", _query_inpatient),
            op("top_up", "POST", f"{root}/inpatient/{{account_no}}/top-ups", _top_up),
            op("find_payment", "GET", f"{root}/payments/{{payment_ref}}", _find_payment),
            op("settle_refund", "POST", f"{root}/refunds/{{refund_no}}/settle", _settle_refund),
        ),
        controls=(
            op("issue", "POST", f"{control}/bills", _issue),
            op("cancel", "POST", f"{control}/bills/{{bill_no}}/cancel", _cancel),
            op("admit", "POST", f"{control}/admissions", _admit),
            op("refund", "POST", f"{control}/refunds", _refund),
        ),
    )


SYSTEMS = tuple(_billing(code, zh, en) for code, zh, en, _ in HOSPITALS)
