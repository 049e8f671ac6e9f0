"""A mother's care over HTTP: a plan, the birth of twins, two people without a number, their plans
and vaccinations, and the numbers that come later."""

from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from journeys.crowd import adult
from journeys.house import House

from bff.client.city import CityClient, ClientError, Person, key
from core.clock import civil_date

_REFUSED = "... on Refusal { code message }"
_CARE = "enrolment { id closeReason followUps { code state } measurements { typedAs } }"

MOTHER = f"""mutation ($period: Date!, $key: String!) {{
  enrolInMaternalCare(lastPeriodOn: $period, fetuses: 2, idempotencyKey: $key) {{
  ... on MaternalChanged {{ care {{ weeks days dates {{ dueOn }} {_CARE} }} }} {_REFUSED} }} }}"""
BIRTH = f"""mutation ($id: ID!, $born: Date!, $children: [NewbornInput!]!, $key: String!) {{
  reportBirth(enrolmentId: $id, bornOn: $born, children: $children, idempotencyKey: $key) {{
  ... on BirthReported {{ care {{ {_CARE} }}
  infants {{ gestationDays sex {_CARE} }} }} {_REFUSED} }} }}"""
GROWTH = f"""mutation ($id: ID!, $values: [MeasuredValueInput!]!, $for: ID, $key: String!) {{
  recordGrowth(enrolmentId: $id, values: $values, onBehalfOf: $for, idempotencyKey: $key) {{
  ... on MeasurementRecorded {{ {_CARE} }} {_REFUSED} }} }}"""
INFANTS = f"""query ($for: ID) {{ infantCare(onBehalfOf: $for) {{
  growth {{ percentile comparedAgeDays ageDays }} charts {{ svg }} {_CARE} }} }}"""
NOTICES = "{ birthNotices { status items { certificateNo sex bornOn } } }"
NEWBORN = f"""mutation ($no: String!, $key: String!) {{ addNewborn(certificateNo: $no,
  idempotencyKey: $key) {{ ... on ChildAdded {{ mandate {{ personId otherName }} }}
  {_REFUSED} }} }}"""
NUMBER = f"""mutation ($name: String!, $number: String!, $key: String!) {{ addChild(name: $name,
  residentId: $number, idempotencyKey: $key) {{
  ... on ChildAdded {{ mandate {{ personId }} }} {_REFUSED} }} }}"""
GIVE = f"""mutation ($id: ID!, $child: ID!, $key: String!) {{ giveInfantPlan(enrolmentId: $id,
  childId: $child, idempotencyKey: $key) {{ ... on InfantJoined {{ care {{ {_CARE} }} }}
  {_REFUSED} }} }}"""
DOSES = """query ($for: ID!) { vaccinations(onBehalfOf: $for) { status
  given { dose { vaccineCode number } } due { dose { vaccineCode number } } } }"""
CLINICS = "{ vaccinationClinics { code } }"
ROOMS = """query ($c: ID!) { vaccinationRooms(clinicId: $c) { items { scheduleId } } }"""
SLOTS = """query ($c: ID!, $s: ID!) { vaccinationSlots(clinicId: $c, scheduleId: $s, days: 14) {
  status items { code } } }"""
VACCINATE = f"""mutation ($c: ID!, $slot: ID!, $code: String!, $number: Int!, $for: ID!,
  $key: String!) {{ bookVaccination(clinicId: $c, slotId: $slot, vaccineCode: $code,
  doseNumber: $number, onBehalfOf: $for, idempotencyKey: $key) {{
  ... on HospitalNumberBooked {{ appointment {{ id state bookedFor }} }}
  ... on HospitalNumberTaken {{ code }} {_REFUSED} }} }}"""
APPOINTMENT = "query ($id: ID!) { appointment(id: $id) { id state bookedFor } }"
CANCEL = f"""mutation ($id: ID!, $key: String!) {{ cancelAppointment(appointmentId: $id,
  idempotencyKey: $key) {{ ... on AppointmentChanged {{ appointment {{ id state }} }}
  {_REFUSED} }} }}"""
INBOX = "{ inbox { messages(first: 20) { edges { node { title } } } } }"
CONSENTS = ("health.maternal-infant-care", "appointments.immunisation-record",
            "appointments.vaccination")  # fmt: skip


async def test_twins_are_people_from_birth_through_vaccination_to_their_numbers(
    house: House,
) -> None:
    her = await adult(house, 2800, born=(1985, 1999), female=True)
    him = await adult(house, 3200, born=(1980, 1999), female=False)
    async with AsyncExitStack() as stack:
        mother, father = [await _parent(house, stack, who) for who in (her, him)]
        plans = await _give_birth(house, mother, her)
        twins = await _register(house, mother, father, her, him)
        await _hand_over(mother, plans, twins)
        booked = await _vaccinate(mother, father, twins)
        await _numbers_come(mother, father, twins, booked)


async def _parent(house: House, stack: AsyncExitStack, who: Person) -> CityClient:
    client = await stack.enter_async_context(CityClient(house.api_urls[0], house.sandbox_url))
    await client.sign_in(who["phone"])
    await client.verify_real_name(who)
    return client


async def _give_birth(house: House, mother: CityClient, who: Person) -> list[str]:
    """From a plan in the 36th week to the plans of twins, which stand under her account."""
    await mother.consent("health.maternal-infant-care")
    today = civil_date(house.clock.now())
    care = (await mother.do(MOTHER, {"period": str(today - timedelta(days=250)), "key": key()}))[
        "care"
    ]
    assert (care["weeks"], care["days"]) == (35, 5)
    assert care["dates"]["dueOn"] == str(today + timedelta(days=30))
    children = [{"sex": "MALE", "label": "大宝"}, {"sex": "FEMALE", "label": "小宝"}]
    told = {"id": care["enrolment"]["id"], "born": str(today), "children": children, "key": key()}
    with pytest.raises(ClientError, match="MATERNAL_BORN_IN_FUTURE"):
        tomorrow = str(today + timedelta(days=1))
        await mother.do(BIRTH, told | {"born": tomorrow, "key": key()})
    born = await mother.do(BIRTH, told)
    assert born == await mother.do(BIRTH, told)  # the same key, the same twins
    closed = born["care"]["enrolment"]
    assert (closed["closeReason"], closed["followUps"]) == ("BIRTH", [])
    assert [infant["gestationDays"] for infant in born["infants"]] == [250, 250]
    for infant, weight in zip(born["infants"], (2.4, 2.2), strict=True):
        values = [{"quantity": "WEIGHT", "value": weight}]
        row = {"id": infant["enrolment"]["id"], "values": values, "key": key()}
        await mother.do(GROWTH, row)
    return [infant["enrolment"]["id"] for infant in born["infants"]]


async def _register(
    house: House, mother: CityClient, father: CityClient, her: Person, him: Person
) -> list[dict[str, str]]:
    """Both parents register their children by certificate, and each child is one person."""
    today = civil_date(house.clock.now())
    for sex, name in (("FEMALE", "示小宝"), ("MALE", "示大宝")):
        certified = {"mother_id": her["resident_id"], "father_id": him["resident_id"],
                     "sex": sex, "name": name, "gestation_days": 250}  # fmt: skip
        await mother.sandbox("POST", "/_control/birth-register/births", certified)
    await mother.consent("health.birth-register")
    notices = (await mother.run(NOTICES)).data["birthNotices"]
    assert notices["status"] == "LIVE"
    assert [(one["sex"], one["bornOn"]) for one in notices["items"]] == [
        (sex, str(today)) for sex in ("MALE", "FEMALE")
    ]
    with pytest.raises(ClientError, match="CONSENT_REQUIRED"):
        await mother.do(NEWBORN, {"no": notices["items"][0]["certificateNo"], "key": key()})
    twins = []
    for parent in (mother, father):
        await parent.consent("identity.newborn")
    for notice in notices["items"]:
        told = {"no": notice["certificateNo"], "key": key()}
        mine = (await mother.do(NEWBORN, told))["mandate"]
        his = (await father.do(NEWBORN, told | {"key": key()}))["mandate"]
        assert mine == his
        twins.append({"id": mine["personId"], "name": mine["otherName"], **notice})
    assert [twin["name"] for twin in twins] == ["示大宝", "示小宝"]
    with pytest.raises(ClientError, match="NOT_YOUR_NEWBORN"):
        await father.do(NEWBORN, {"no": "Z379999999", "key": key()})
    return twins


async def _hand_over(mother: CityClient, plans: list[str], twins: list[dict[str, str]]) -> None:
    """The plans become the children's own, with what was measured."""
    for plan, twin in zip(plans, twins, strict=True):
        told = {"id": plan, "child": twin["id"], "key": key()}
        with pytest.raises(ClientError, match="CONSENT_REQUIRED"):
            await mother.do(GIVE, told)
        for purpose in CONSENTS:
            await mother.consent(purpose, on_behalf_of=twin["id"])
        given = await mother.do(GIVE, told)
        assert given == await mother.do(GIVE, told)
        (shown,) = (await mother.run(INFANTS, {"for": twin["id"]})).data["infantCare"]
        (point,) = shown["growth"]  # before term the standard is silent
        assert point == {"percentile": None, "comparedAgeDays": -30, "ageDays": 0}
        assert "<svg" in shown["charts"][0]["svg"]
        assert "month-3" in {one["code"] for one in shown["enrolment"]["followUps"]}
        values = [{"quantity": "HEAD", "value": 32.5}]
        row = {"id": plan, "values": values, "for": twin["id"], "key": key()}
        recorded = (await mother.do(GROWTH, row))["enrolment"]
        assert {one["typedAs"] for one in recorded["measurements"]} == {"self", "guardian"}
    assert (await mother.run(INFANTS)).data["infantCare"] == []


async def _vaccinate(
    mother: CityClient, father: CityClient, twins: list[dict[str, str]]
) -> list[str]:
    """Each twin has a slot at a clinic for the first dose; both parents are told and see it."""
    clinic = (await mother.run(CLINICS)).data["vaccinationClinics"][0]["code"]
    rooms = (await mother.run(ROOMS, {"c": clinic})).data["vaccinationRooms"]["items"]
    where = {"c": clinic, "s": rooms[0]["scheduleId"]}
    slots = (await mother.run(SLOTS, where)).data["vaccinationSlots"]
    assert slots["status"] == "LIVE"
    booked = []
    before = len(await _inbox(father))
    for twin, slot in zip(twins, slots["items"][-2:], strict=True):
        due = await _doses(mother, twin, "due")
        assert ("HepB", 1) in due and ("BCG", 1) in due
        told = {"c": clinic, "slot": slot["code"], "code": "HepB", "number": 1, "for": twin["id"]}
        made = (await mother.do(VACCINATE, told | {"key": key()}))["appointment"]
        assert (made["state"], made["bookedFor"]) == ("CONFIRMED", twin["id"])
        seen = (await father.run(APPOINTMENT, {"id": made["id"]})).data["appointment"]
        assert seen == made
        booked.append(str(made["id"]))
    assert len(await _inbox(father)) == before + 2
    return booked


async def _numbers_come(
    mother: CityClient, father: CityClient, twins: list[dict[str, str]], booked: list[str]
) -> None:
    """The household registration gives numbers: the same two people, with all that was theirs."""
    for twin in twins:
        given = {"resident_id": twin["certificateNo"], "vaccine_code": "BCG", "dose_number": 1}
        await mother.sandbox("POST", "/_control/immunisation/doses", given)
    for parent in (father, mother):
        await parent.consent("identity.family")
        for twin in twins:
            certificate = {"certificate_no": twin["certificateNo"]}
            registered = await mother.sandbox("POST", "/_control/police/households", certificate)
            told = {"name": twin["name"], "number": registered["resident_id"], "key": key()}
            assert (await parent.do(NUMBER, told))["mandate"]["personId"] == twin["id"]
    for twin, appointment_id in zip(twins, booked, strict=True):
        assert await _doses(mother, twin, "given") == {("BCG", 1)}
        (shown,) = (await father.run(INFANTS, {"for": twin["id"]})).data["infantCare"]
        assert len(shown["growth"]) == 2
        cancelled = await father.do(CANCEL, {"id": appointment_id, "key": key()})
        assert cancelled["appointment"]["state"] == "CANCELLED"
    mandates = (await father.run("{ mandates { personId actsForOther } }")).data["mandates"]
    mine = {one["personId"] for one in mandates if one["actsForOther"]}
    assert mine == {twin["id"] for twin in twins}


async def _doses(client: CityClient, twin: dict[str, str], which: str) -> set[tuple[str, int]]:
    read = (await client.run(DOSES, {"for": twin["id"]})).data["vaccinations"]
    assert read["status"] == "LIVE"
    return {(one["dose"]["vaccineCode"], one["dose"]["number"]) for one in read[which]}


async def _inbox(client: CityClient) -> list[Any]:
    return list((await client.run(INBOX)).data["inbox"]["messages"]["edges"])
