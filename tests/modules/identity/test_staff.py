"""Staff: two factors, roles only in their own sessions, every look seen, too many flagged."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.database import transaction
from core.database.models import AccessFlag, AccessLog
from core.errors import Forbidden, NotFound
from core.ids import new_id
from core.security.authentication import Viewer
from modules.identity import domain, staff
from modules.identity.models import Session
from tests.cases import open_case
from tests.modules.identity.conftest import DEVICE, PHONE, REFUSAL, Phone

SECRET = b"12345678901234567890"  # of RFC 6238, appendix B
STAFF_LOGIN = f"""mutation S(
  $phone: String!, $code: String!, $totp: String!, $device: DeviceInput!, $key: String!
) {{ staffLogin(phone: $phone, code: $code, authenticatorCode: $totp, device: $device,
                idempotencyKey: $key) {{ ... on Tokens {{ accessToken }} {REFUSAL} }} }}"""


@pytest.mark.parametrize(
    ("unix_s", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
        (20000000000, "353130"),
    ],
)
def test_authenticator_codes_are_those_of_the_standard(unix_s: int, code: str) -> None:
    assert domain.totp(SECRET, unix_s // 30) == code


@pytest.fixture
async def officer(app: App) -> None:
    """The owner of PHONE is a department officer."""
    async with transaction() as tx:
        await staff.enrol(
            app,
            tx,
            phone=PHONE,
            roles=["department_officer"],
            department="police",
            secret=SECRET,
        )


def show(clock: ManualClock, steps: int = 0) -> str:
    """What the authenticator shows."""
    return domain.totp(SECRET, int(clock.now().timestamp()) // 30 + steps)


async def staff_login(phone: Phone, code: str, totp: str, key: str | None = None) -> Any:
    """Sign in with both factors."""
    variables = {"phone": phone.number, "code": code, "totp": totp, "device": DEVICE}
    data = await phone.client.data(STAFF_LOGIN, variables | {"key": key or uuid4().hex})
    return data["staffLogin"]


async def test_both_factors_open_a_session_with_roles(
    phone: Phone, clock: ManualClock, app: App, officer: None
) -> None:
    await phone.request_code()
    tokens = await staff_login(phone, await phone.read_code(), show(clock))
    viewer = app.tokens.verify(tokens["accessToken"])
    assert viewer.roles == {"department_officer"}
    assert viewer.scopes == {
        "people.read",
        "cases.handle",
        "accounts.recover",
        "appointments.check_in",
    }


async def test_the_same_persons_citizen_session_has_no_roles(
    phone: Phone, app: App, officer: None
) -> None:
    await phone.request_code()
    tokens = await phone.login(await phone.read_code())
    viewer = app.tokens.verify(tokens["accessToken"])
    assert (viewer.roles, viewer.scopes) == (frozenset(), frozenset())


async def test_wrong_factors_and_strangers_are_told_alike(
    phone: Phone, clock: ManualClock, officer: None
) -> None:
    await phone.request_code()
    code = await phone.read_code()
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    stranger = Phone(phone.client, phone.sms, "13900139000")
    await stranger.request_code()
    refused = [
        await staff_login(phone, wrong, show(clock)),
        await staff_login(phone, code, show(clock, steps=5)),
        await staff_login(phone, code, ""),
        await staff_login(stranger, await stranger.read_code(), show(clock)),
    ]
    assert {answer["code"] for answer in refused} == {"STAFF_REFUSED"}
    assert await Session.all().count() == 0


async def test_an_authenticator_code_is_good_once_and_a_step_early_or_late(
    phone: Phone, clock: ManualClock, officer: None
) -> None:
    for steps, opens in ((-1, True), (-1, False), (0, True), (1, True)):
        clock.move(timedelta(seconds=0))
        await phone.request_code()
        code = await phone.read_code()
        answer = await staff_login(phone, code, show(clock, steps))
        assert ("accessToken" in answer) is opens, steps
        from modules.identity.models import LoginCode

        await LoginCode.all().delete()  # the cooldown is not what is tried here


async def test_suspended_staff_lose_everything_at_once(
    phone: Phone, clock: ManualClock, app: App, officer: None
) -> None:
    await phone.request_code()
    tokens = await staff_login(phone, await phone.read_code(), show(clock))
    assert await staff.suspend(app, PHONE)
    assert not await staff.suspend(app, PHONE)
    headers = {"authorization": f"Bearer {tokens['accessToken']}"}
    for _ in range(50):
        answer = await phone.client.run("{ viewer { id } }", headers=headers)
        if answer.status == 401:
            break
    assert answer.codes == ["SESSION_EXPIRED"]


async def _desk(app: App, call: Callable[..., Call], phone: str) -> Call:
    """An officer of the police at work."""
    async with transaction() as tx:
        officer_id = await staff.enrol(
            *(app, tx),
            phone=phone,
            roles=["department_officer"],
            department="police",
            secret=SECRET,
        )
    made = call(level=2, roles=frozenset({"department_officer"}))
    return made.of(replace(made.require_viewer(), user_id=officer_id))


async def test_a_look_is_for_a_case_of_the_person_that_the_unit_works_on(
    app: App, citizen: Callable[..., Awaitable[Viewer]], call: Callable[..., Call]
) -> None:
    looked_at, other = await citizen(), await citizen()
    desk = await _desk(app, call, "13600000001")
    await open_case(app, looked_at.user_id, "〔2026〕12号", "police")
    await open_case(app, looked_at.user_id, "AC-8", "health")
    await open_case(app, other.user_id, "AC-9", "police")
    person = await staff.look_up_person(desk, looked_at.user_id, "〔2026〕12号")
    assert person.id == looked_at.user_id
    (row,) = await AccessLog.filter(subject_id=looked_at.user_id)
    assert (row.actor_role, row.basis_ref) == ("department_officer", "〔2026〕12号")
    for case_no in ("", "1", "AC-8", "AC-9", "a" * 65, "x y"):
        with pytest.raises(NotFound):
            await staff.look_up_person(desk, looked_at.user_id, case_no)
    with pytest.raises(NotFound):
        await staff.look_up_person(desk, new_id(), "AC-9")
    for role in ("operator", "grid_worker", "bank_officer"):
        with pytest.raises(Forbidden):
            stranger = call(level=2, roles=frozenset({role}))
            await staff.look_up_person(stranger, looked_at.user_id, "〔2026〕12号")
    assert await AccessLog.all().count() == 1


async def test_looking_at_many_people_is_flagged_once_and_counted_on(
    app: App, call: Callable[..., Call], citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    curious, diligent = [await _desk(app, call, f"1360000000{n}") for n in (1, 2)]
    people = [await citizen(level=1) for _ in range(staff.UNUSUAL_PEOPLE_PER_HOUR + 2)]
    for n, person in enumerate(people):
        await open_case(app, person.user_id, f"AC-{n}", "police")
    for n, person in enumerate(people[:-1]):
        await staff.look_up_person(curious, person.user_id, f"AC-{n}")
    for _ in range(staff.UNUSUAL_PEOPLE_PER_HOUR + 5):  # one person, many times
        await staff.look_up_person(diligent, people[0].user_id, "AC-0")
    await staff.flag_unusual_access(app)
    await staff.look_up_person(curious, people[-1].user_id, f"AC-{len(people) - 1}")
    await staff.flag_unusual_access(app)
    (flag,) = await AccessFlag.all()
    assert flag.actor_id == curious.subject_id
    assert flag.people_count == staff.UNUSUAL_PEOPLE_PER_HOUR + 2
    assert [row.id for row in await staff.list_flags(first=10)] == [flag.id]


STEP_UP = f"""mutation U($code: String!, $key: String!) {{
  staffStepUp(authenticatorCode: $code, idempotencyKey: $key) {{
    ... on SteppedUp {{ accessToken }} {REFUSAL} }} }}"""
LOOK = 'query ($id: ID!) { staffPerson(id: $id, caseNo: "AC-1") { level } }'


async def test_a_session_of_staff_ends_with_the_day_and_people_are_seen_freshly(
    phone: Phone, clock: ManualClock, officer: None
) -> None:
    async def run(query: str, token: str, **variables: Any) -> Any:
        headers = {"authorization": f"Bearer {token}"}
        answer = await phone.client.run(query, variables, headers=headers)
        return answer.json

    await phone.request_code()
    variables = {
        "phone": PHONE,
        "code": await phone.read_code(),
        "totp": show(clock),
        "device": DEVICE,
        "key": uuid4().hex,
    }
    query = STAFF_LOGIN.replace("accessToken", "accessToken refreshToken")
    tokens = (await phone.client.data(query, variables))["staffLogin"]
    me = (await run("{ viewer { id } }", tokens["accessToken"]))["data"]["viewer"]["id"]
    await open_case(phone.client.app, UUID(me), "AC-1", "police")
    assert (await run(LOOK, tokens["accessToken"], id=me))["data"]["staffPerson"]
    clock.move(timedelta(minutes=20))
    tokens = await phone.refresh(tokens["refreshToken"])
    refused = await run(LOOK, tokens["accessToken"], id=me)
    assert refused["errors"][0]["extensions"]["code"] == "FRESH_AUTH_REQUIRED"
    by_sms = """mutation { requestStepUpCode(idempotencyKey: "step-up-1") {
      ... on Refusal { code } } }"""
    answer = (await run(by_sms, tokens["accessToken"]))["data"]["requestStepUpCode"]
    assert answer["code"] == "NOT_ALLOWED", "the phone alone proves no member of staff"
    key = uuid4().hex
    wrong = await run(STEP_UP, tokens["accessToken"], code="000000", key=key)
    assert wrong["data"]["staffStepUp"]["code"] == "STAFF_REFUSED"
    fresh = await run(STEP_UP, tokens["accessToken"], code=show(clock), key=key)
    token = fresh["data"]["staffStepUp"]["accessToken"]
    assert (await run(LOOK, token, id=me))["data"]["staffPerson"]
    again = await run(STEP_UP, tokens["accessToken"], code=show(clock), key=uuid4().hex)
    assert again["data"]["staffStepUp"]["code"] == "STAFF_REFUSED", "a code is good once"
    for _ in range(49):
        clock.move(timedelta(minutes=14))
        tokens = await phone.refresh(tokens["refreshToken"])
        assert tokens["__typename"] == "Tokens"
    clock.move(timedelta(minutes=14))
    assert (await phone.refresh(tokens["refreshToken"]))["code"] == "SESSION_EXPIRED"
