"""A replayed key repeats an effect, never a credential: after a minute there is none to fetch."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeAlias

import pytest
from graphql import GraphQLObjectType, GraphQLUnionType, get_named_type

from bff.schema.build import build_schema
from core.clock import ManualClock
from core.context.app import App
from core.context.commands import CREDENTIAL_REPLAY
from core.database import transaction
from core.manifest import discover
from modules.identity import staff
from tests.modules.identity.conftest import PHONE, REFUSAL, Phone
from tests.modules.identity.test_staff import SECRET, STEP_UP, show, staff_login

KEY = "the-key-that-is-sent-again"
Counted = Callable[[], Awaitable[dict[str, int]]]
Send: TypeAlias = Callable[[], Awaitable[Any]]
WITHOUT_CODE = {
    *("refreshSession", "verifyRealName"),
    *("proveByPhone", "proveByCard", "finishNetworkProof"),
}
"""What they ask for is proved by a token that the caller holds already; no key is claimed."""
ELSEWHERE = {
    "makeClaimCode",  # test_families.py
    "loginWithPasskey",  # test_passkeys.py
    "stepUpWithPasskey",  # test_passkeys.py
    "stepUpWithDevice",  # test_device_keys.py
    "loginWithMiniProgramme",  # test_mini_programmes.py
    "openSchoolVideo",  # tests/modules/safety/video/test_video.py
    "presentLicence",  # tests/modules/affairs/test_licences.py
}
CREDENTIALS = {"accessToken", "refreshToken", "token", "claimCode", "presentation"}


async def _login(phone: Phone, clock: ManualClock) -> Send:
    await phone.request_code()
    code = await phone.read_code()
    return lambda: phone.login(code, key=KEY)


async def _staff_login(phone: Phone, clock: ManualClock) -> Send:
    async with transaction() as tx:
        await staff.enrol(
            phone.client.app, tx, phone=PHONE, roles=["operator"], department="", secret=SECRET
        )
    await phone.request_code()
    code, shown = await phone.read_code(), show(clock)
    return lambda: staff_login(phone, code, shown, key=KEY)


async def _step_up(phone: Phone, clock: ManualClock) -> Send:
    token = (await (await _login(phone, clock))())["accessToken"]
    headers = {"authorization": f"Bearer {token}"}
    ask = "mutation A($key: String!) { requestStepUpCode(idempotencyKey: $key) { __typename } }"
    prove = f"""mutation S($code: String!, $key: String!) {{
      stepUp(code: $code, idempotencyKey: $key) {{ ... on SteppedUp {{ accessToken }} {REFUSAL} }}
    }}"""
    await phone.client.run(ask, {"key": KEY}, headers=headers)
    variables = {"code": await phone.read_code(), "key": KEY}

    async def send() -> Any:
        return (await phone.client.run(prove, variables, headers=headers)).json["data"]["stepUp"]

    return send


async def _staff_step_up(phone: Phone, clock: ManualClock) -> Send:
    token = (await (await _staff_login(phone, clock))())["accessToken"]
    headers = {"authorization": f"Bearer {token}"}
    clock.move(timedelta(seconds=30))  # an authenticator's code is good once
    variables = {"code": show(clock), "key": KEY}

    async def send() -> Any:
        answer = await phone.client.run(STEP_UP, variables, headers=headers)
        return answer.json["data"]["staffStepUp"]

    return send


CASES = {
    "login": _login,
    "staffLogin": _staff_login,
    "stepUp": _step_up,
    "staffStepUp": _staff_step_up,
}


def test_every_mutation_that_answers_with_a_credential_is_tried_here() -> None:
    schema = build_schema(discover())._schema
    assert schema.mutation_type is not None
    found = set()
    for name, mutation in schema.mutation_type.fields.items():
        union = get_named_type(mutation.type)
        members = union.types if isinstance(union, GraphQLUnionType) else [union]
        objects = [member for member in members if isinstance(member, GraphQLObjectType)]
        if any(CREDENTIALS & one.fields.keys() for one in objects):
            found.add(name)
    assert found == CASES.keys() | WITHOUT_CODE | ELSEWHERE


@pytest.mark.parametrize("operation", CASES)
async def test_a_lost_reply_is_fetched_within_a_minute_and_never_after(
    operation: str, phone: Phone, clock: ManualClock, counted: Counted
) -> None:
    send = await CASES[operation](phone, clock)
    first = await send()
    before = await counted()
    assert (await send())["accessToken"] and first["accessToken"]
    clock.move(CREDENTIAL_REPLAY)
    refused = await send()
    assert (refused["__typename"], refused["code"]) == ("Conflict", "KEY_EXPIRED")
    assert await counted() == before


async def test_a_replay_needs_both_factors_again(
    phone: Phone, clock: ManualClock, app: App
) -> None:
    send = await _staff_login(phone, clock)
    assert (await send())["accessToken"]
    for wrong in ("000000", "not even digits", ""):
        refused = await staff_login(phone, await phone.read_code(), wrong, key=KEY)
        assert (refused["__typename"], refused["code"]) == ("Conflict", "KEY_REUSED")
