"""The steps of the demo: the first journey through the house, told as data."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bff.client.city import CityClient, ClientError, Person, key

_SETTLED_WITHIN_S = 30.0


@dataclass
class Walk:
    """A citizen on their way through the city."""

    client: CityClient
    person: Person
    known: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name in both languages, what it crosses, what to do; it returns what it saw."""

    zh: str
    en: str
    crosses: str
    walk: Callable[[Walk], Awaitable[str]]


async def _log_in(walk: Walk) -> str:
    await walk.client.sign_in(walk.person["phone"])
    return f"signed in with the code sent to {walk.person['phone']}"


async def _catalogue(walk: Walk) -> str:
    answer = await walk.client.run("{ services { id status } }")
    services = answer.data["services"]
    living = [s["id"] for s in services if s["status"] == "LIVE"]
    return f"{len(services)} services, living: {', '.join(living)}"


async def _verify(walk: Walk) -> str:
    await walk.client.verify_real_name(walk.person)
    answer = await walk.client.run("{ viewer { name level } }")
    viewer = answer.data["viewer"]
    return f"{viewer['name']} is at level {viewer['level']}"


async def _housing_fund(walk: Walk) -> str:
    await walk.client.consent("welfare.housing-fund")
    answer = await walk.client.run(
        "{ housingFund { status asOf account { balance monthlyDeposit } } }"
    )
    fund = answer.data["housingFund"]
    if fund["account"] is None:
        return f"{fund['status']}: no account"
    return f"{fund['status']}: {fund['account']['balance'] / 100:.2f} yuan as of {fund['asOf']}"


async def _home(walk: Walk) -> str:
    answer = await walk.client.run("{ home { sections { id status reason } } }")
    sections = answer.data["home"]["sections"]
    return ", ".join(" ".join(filter(None, (s["id"], s["status"], s["reason"]))) for s in sections)


async def _access_log(walk: Walk) -> str:
    answer = await walk.client.run(
        "{ viewer { accessLog(first: 5) { edges { node { service upstream fields } } } } }"
    )
    rows = [edge["node"] for edge in answer.data["viewer"]["accessLog"]["edges"]]
    return "; ".join(f"{r['service']} read {', '.join(r['fields'])}" for r in rows)


async def _book_doctor(walk: Walk) -> str:
    await walk.client.consent("appointments.hospital-registration")
    hospitals = (await walk.client.run("{ hospitals { code name } }")).data["hospitals"]
    for hospital in hospitals:
        booked = await book_at(walk.client, hospital)
        if booked is not None:
            return booked
    raise ClientError("no hospital has a free number")


async def book_at(client: CityClient, hospital: Mapping[str, Any]) -> str | None:
    """Book the first number that one hospital still has; None where it has none for this person."""
    where = {"hospital": hospital["code"]}
    found = await client.run(DEPARTMENTS, where)
    for department in found.data["hospitalDepartments"]["items"]:
        here = where | {"department": department["code"]}
        doctors = (await client.run(DOCTORS, here)).data["hospitalDoctors"]["items"]
        for doctor in doctors:
            slots = await client.run(SLOTS, where | {"schedule": doctor["scheduleId"]})
            for slot in slots.data["hospitalSlots"]["items"]:
                try:
                    booked = await client.do(BOOK, where | {"slot": slot["code"], "key": key()})
                except ClientError:
                    break  # one number a department a day: try the next department
                appointment = booked["appointment"]
                state = await _pay_fee(client, appointment)
                return (
                    f"{hospital['name']}, {department['name']}, {doctor['name']}: "
                    f"{appointment['startsAt']}, {state}"
                )
    return None


async def _pay_fee(client: CityClient, appointment: Mapping[str, Any]) -> str:
    """Pay where a fee has to be paid first; returns the appointment's state after that."""
    state = str(appointment["state"])
    if appointment["payBefore"] is None:
        return state
    started = await client.do(PAY_FEE, {"id": appointment["id"], "key": key()})
    await client.pay_at(started["payment"]["cashierUrl"])
    async with asyncio.timeout(_SETTLED_WITHIN_S):
        while state == "HELD":
            await asyncio.sleep(0.2)
            answer = await client.run(APPOINTMENT, {"id": appointment["id"]})
            state = answer.data["appointment"]["state"]
    return state


async def _open_bill(walk: Walk) -> str:
    account_no = walk.person["household"]["water_account_no"]
    await walk.client.do(LINK, {"account": account_no, "key": key()})
    bills = await _open_bills(walk.client, account_no)
    if not bills:
        path = f"/_control/billers/water/accounts/{account_no}/bills"
        await walk.client.sandbox("POST", path, {})
        bills = await _open_bills(walk.client, account_no)
    walk.known["bill"] = bills[0]
    return f"bill {bills[0]['billNo']}: {bills[0]['total'] / 100:.2f} yuan"


async def _open_bills(client: CityClient, account_no: str) -> list[Mapping[str, Any]]:
    answer = await client.run(BILLS, {"account": account_no})
    return [b for b in answer.data["bills"]["items"] or () if b["status"] == "OPEN"]


async def _pay_bill(walk: Walk) -> str:
    return await _pay(walk, None)


async def _pay(walk: Walk, method: str | None) -> str:
    bill_id = walk.known["bill"]["id"]
    started = await walk.client.do(PAY, {"bill": bill_id, "key": key(), "method": method})
    payment = walk.known["payment"] = started["payment"]
    page = await walk.client.pay_at(payment["cashierUrl"])
    return f"{payment['method']}: paid at {page}"


async def _pay_by_alipay(walk: Walk) -> str:
    steps = [await _open_bill(walk), await _pay(walk, "ALIPAY"), await _settled(walk)]
    return "; ".join(steps)


async def _settled(walk: Walk) -> str:
    payment_id = walk.known["payment"]["id"]
    async with asyncio.timeout(_SETTLED_WITHIN_S):
        while True:
            answer = await walk.client.run(PAYMENT, {"id": payment_id})
            payment = answer.data["payment"]
            if payment["status"] == "SUCCEEDED":
                return f"settled and written off under {payment['receiptRef']}"
            await asyncio.sleep(0.2)


async def _message(walk: Walk) -> str:
    answer = await walk.client.run(INBOX)
    newest = answer.data["inbox"]["messages"]["edges"][0]["node"]
    return f"{newest['title']}: {newest['body']}"


STEPS = (
    Step(
        "登录",
        "log in",
        "app → bff → identity → queue → worker → SMS gateway → phone → identity",
        _log_in,
    ),
    Step("服务目录", "the catalogue", "app → bff → manifests", _catalogue),
    Step(
        "实名认证",
        "verify real name",
        "app → bff → identity → consent, access log → police registry",
        _verify,
    ),
    Step(
        "住房公积金",
        "the housing fund",
        "app → bff → welfare → consent, access log → housing fund centre",
        _housing_fund,
    ),
    Step(
        "预约挂号",
        "book a doctor",
        "app → bff → appointments → hold → hospital (FHIR) → confirm → inbox",
        _book_doctor,
    ),
    Step(
        "水费账单",
        "the water bill",
        "app → bff → bills → water supplier",
        _open_bill,
    ),
    Step(
        "缴费",
        "pay at the cashier",
        "app → bff → bills → payments → WeChat Pay → cashier",
        _pay_bill,
    ),
    Step(
        "入账与销账",
        "settle and write off",
        "WeChat Pay → callback → ledger → queue → worker → water supplier",
        _settled,
    ),
    Step(
        "支付宝缴费",
        "another bill by Alipay",
        "app → bff → bills → payments → Alipay → cashier → notice → ledger → water supplier",
        _pay_by_alipay,
    ),
    Step("收件箱", "the inbox", "worker → notifications → inbox → app", _message),
    Step("首页", "the home screen", "app → bff → every card at once", _home),
    Step("访问记录", "who looked", "app → bff → identity → access log", _access_log),
)

DEPARTMENTS = """query ($hospital: ID!) {
  hospitalDepartments(hospitalId: $hospital) { items { code name } }
}"""

DOCTORS = """query ($hospital: ID!, $department: ID!) {
  hospitalDoctors(hospitalId: $hospital, departmentId: $department) {
    items { scheduleId name }
  }
}"""

SLOTS = """query ($hospital: ID!, $schedule: ID!) {
  hospitalSlots(hospitalId: $hospital, scheduleId: $schedule, skipDays: 2) {
    items { code startsAt }
  }
}"""

BOOK = """mutation ($hospital: ID!, $slot: ID!, $key: String!) {
  bookHospitalNumber(hospitalId: $hospital, slotId: $slot, idempotencyKey: $key) {
    ... on HospitalNumberBooked { appointment { id state startsAt payBefore } }
    ... on HospitalNumberTaken { code message }
    ... on Refusal { code message }
  }
}"""

PAY_FEE = """mutation ($id: ID!, $key: String!) {
  payAppointment(appointmentId: $id, idempotencyKey: $key) {
    ... on AppointmentPaymentStarted { payment { id cashierUrl } }
    ... on Refusal { code message }
  }
}"""

APPOINTMENT = "query ($id: ID!) { appointment(id: $id) { state } }"

LINK = """mutation ($account: String!, $key: String!) {
  linkBillAccount(kind: WATER, accountNo: $account, idempotencyKey: $key) {
    ... on BillAccountLinked { account { id } }
    ... on Refusal { code message }
  }
}"""

BILLS = """query ($account: String!) {
  bills(kind: WATER, accountNo: $account) {
    status reason items { id billNo total status }
  }
}"""

PAY = """mutation ($bill: ID!, $key: String!, $method: PaymentMethod) {
  payBill(billId: $bill, idempotencyKey: $key, method: $method) {
    ... on BillPaymentStarted { payment { id cashierUrl status method } }
    ... on Refusal { code message }
  }
}"""

PAYMENT = "query ($id: ID!) { payment(id: $id) { status receiptRef reason } }"

INBOX = "{ inbox { unread messages(first: 5) { edges { node { title body template } } } } }"
