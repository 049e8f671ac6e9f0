"""Proving again who is there, codes that do not arrive, signing out everywhere, new keys."""

import shutil
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.call import Call
from core.errors import Conflict, LoginRequired
from core.manifest import Manifest
from core.processes.open_app import open_app
from core.security.authentication import Viewer
from core.security.authorization import FRESH_AUTH_LIFE
from core.security.keys import add_token_key
from core.settings import Settings
from modules.identity import code_requests
from modules.identity.models import Citizen, LoginCode, Session
from modules.identity.service import step_up
from notifications.messages.models import Delivery
from tests.asgi import Client
from tests.fakes import FakeSms
from tests.messages import deliver_due
from tests.modules.identity.conftest import REFUSAL, Phone

STEP_UP = f"""mutation S($code: String!, $key: String!) {{
  stepUp(code: $code, idempotencyKey: $key) {{ ... on SteppedUp {{ accessToken }} {REFUSAL} }} }}"""
ASK = f"""mutation A($key: String!) {{
  requestStepUpCode(idempotencyKey: $key) {{ ... on LoginCodeSent {{ requestId }} {REFUSAL} }} }}"""
EXPORT = f"""mutation E($key: String!) {{
  exportMyData(idempotencyKey: $key) {{ ... on DataExport {{ content }} {REFUSAL}
    ... on LoginRequired {{ missing resumeTicket }} }} }}"""


async def _signed_in(phone: Phone) -> Any:
    await phone.request_code()
    return await phone.login(await phone.read_code())


async def _run(phone: Phone, token: str, query: str, **variables: Any) -> Any:
    headers = {"authorization": f"Bearer {token}"}
    answer = await phone.client.run(query, {"key": uuid4().hex, **variables}, headers=headers)
    return next(iter(answer.json["data"].values()))


async def _refreshed(phone: Phone, tokens: Any) -> str:
    query = """mutation R($token: String!, $device: DeviceInput!, $key: String!) {
      refreshSession(refreshToken: $token, device: $device, idempotencyKey: $key) {
        ... on Tokens { accessToken } ... on Refusal { code message } } }"""
    from tests.modules.identity.conftest import DEVICE

    variables = {"token": tokens["refreshToken"], "device": DEVICE, "key": uuid4().hex}
    data = await phone.client.data(query, variables)
    return str(data["refreshSession"]["accessToken"])


async def test_an_old_session_steps_up_and_goes_on_with_the_same_action(
    phone: Phone, clock: ManualClock
) -> None:
    tokens = await _signed_in(phone)
    clock.move(FRESH_AUTH_LIFE)
    token = await _refreshed(phone, tokens)
    refused = await _run(phone, token, EXPORT, key="export-key-1")
    assert (refused["code"], refused["missing"]) == ("FRESH_AUTH_REQUIRED", "FRESH_AUTH")
    assert refused["resumeTicket"]
    await _run(phone, token, ASK)
    code = await phone.read_code()
    fresh = (await _run(phone, token, STEP_UP, code=code))["accessToken"]
    assert "content" in await _run(phone, fresh, EXPORT, key="export-key-1")
    clock.move(FRESH_AUTH_LIFE - timedelta(seconds=1))
    assert "content" in await _run(phone, fresh, EXPORT)


async def test_a_log_in_code_steps_nobody_up_nor_the_other_way_round(
    phone: Phone, clock: ManualClock
) -> None:
    token = (await _signed_in(phone))["accessToken"]
    clock.move(timedelta(minutes=2))
    await phone.request_code()
    login_code = await phone.read_code()
    assert "To sign in" in phone.sms.texts[-1]
    assert (await _run(phone, token, STEP_UP, code=login_code))["code"] == "CODE_EXPIRED"
    await _run(phone, token, ASK)
    step_up_code = await phone.read_code()
    assert "To confirm a payment" in phone.sms.texts[-1]
    if step_up_code != login_code:  # one in a million
        assert (await phone.login(step_up_code))["code"] == "CODE_WRONG"


async def test_stepping_up_is_repeat_safe_and_counts_failures(phone: Phone) -> None:
    token = (await _signed_in(phone))["accessToken"]
    await _run(phone, token, ASK)
    code = await phone.read_code()
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    assert (await _run(phone, token, STEP_UP, code=wrong))["code"] == "CODE_WRONG"
    for _ in range(2):
        assert "accessToken" in await _run(phone, token, STEP_UP, code=code, key="same-key-1")
    assert (await _run(phone, token, STEP_UP, code=code))["code"] == "CODE_EXPIRED"


async def _delivery(phone: Phone, request_id: str) -> str:
    query = "query D($id: ID!) { codeDelivery(requestId: $id) }"
    return str((await phone.client.data(query, {"id": request_id}))["codeDelivery"])


async def test_a_code_that_does_not_arrive_is_told_so(
    phone: Phone, sms: FakeSms, clock: ManualClock
) -> None:
    query = f"""mutation R($phone: String!, $key: String!) {{
      requestLoginCode(phone: $phone, idempotencyKey: $key) {{
        ... on LoginCodeSent {{ requestId }} {REFUSAL} }} }}"""

    async def ask() -> Any:
        variables = {"phone": phone.number, "key": uuid4().hex}
        return (await phone.client.data(query, variables))["requestLoginCode"]

    request_id = (await ask())["requestId"]
    assert await _delivery(phone, request_id) == "UNDERWAY"
    assert (await phone.login("000000"))["code"] == "CODE_WRONG"
    clock.move(timedelta(seconds=30))
    assert await _delivery(phone, request_id) == "LATE"
    assert (await phone.login("000000"))["code"] == "CODE_UNDELIVERED"
    assert (await ask())["code"] == "CODE_COOLDOWN"
    await Delivery.filter(state="created").update(state="permanent-failure")
    assert await _delivery(phone, request_id) == "FAILED"
    again = (await ask())["requestId"]  # what failed is not waited for
    await phone.read_code()
    assert await _delivery(phone, again) == "SENT"
    assert sms.sent


@pytest.mark.parametrize(
    ("status", "body", "state"),
    [
        (422, b'{"code": "TEXT_FORBIDDEN"}', "permanent-failure"),
        (422, b"<html>Unprocessable", "created"),
        (403, b"", "created"),
    ],
    ids=["the message", "a page", "us"],
)
async def test_what_the_gateway_refuses_has_failed_for_good(
    phone: Phone, sms: FakeSms, status: int, body: bytes, state: str
) -> None:
    """A message that it will never take. Where it refuses us, or a page stands before it, the
    message is tried again."""
    sms.refuses, sms.refusal_status, sms.refusal_body = True, status, body
    await phone.request_code()
    (delivery,) = await Delivery.all()
    await deliver_due(phone.client.app)
    assert (await Delivery.get(id=delivery.id)).state == state
    assert not sms.sent


async def test_sessions_are_listed_with_their_network_and_ended_together(
    phone: Phone, clock: ManualClock
) -> None:
    first = await _signed_in(phone)
    clock.move(timedelta(minutes=2))
    token = (await _signed_in(phone))["accessToken"]
    listed = await _run(phone, token, "{ viewer { sessions { device network current staff } } }")
    assert [row["current"] for row in listed["sessions"]] == [True, False]
    assert {row["network"] for row in listed["sessions"]} == {"127.0.*.*"}
    end = """mutation E($key: String!, $keep: Boolean!) {
      revokeAllSessions(idempotencyKey: $key, keepThis: $keep) {
        ... on SessionsRevoked { count } ... on Refusal { code } } }"""
    assert (await _run(phone, token, end, keep=True))["count"] == 1
    with pytest.raises(KeyError):  # a refusal holds no token
        await _refreshed(phone, first)
    assert (await _run(phone, token, end, keep=False))["count"] == 1
    assert await Session.filter(revoked_at=None).count() == 0


async def test_a_new_signing_key_logs_nobody_out(
    settings: Settings,
    keys_dir: Path,
    tmp_path: Path,
    clock: ManualClock,
    manifests: tuple[Manifest, ...],
    citizen: Callable[..., Awaitable[Viewer]],
    app: App,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.security.authentication._RELOAD_EVERY_S", 0.0)
    shutil.copytree(keys_dir, tmp_path / "keys")
    own = Settings(**settings.model_dump() | {"keys_dir": tmp_path / "keys"})
    viewer = await citizen()
    old_process = app.tokens.__class__(
        app.keys.token_signing, "quancheng:jinan", clock, lambda: _keys(tmp_path)
    )
    before = old_process.issue(viewer)
    add_token_key(tmp_path / "keys")
    async with open_app(own, clock=clock, manifests=manifests, application="second") as later:
        after = later.tokens.issue(viewer)
        assert later.tokens.verify(before).user_id == viewer.user_id
        assert old_process.verify(after).user_id == viewer.user_id  # it has never seen that key
        assert len(later.tokens.jwks()["keys"]) == 2
    forged = before.replace(".", ".x", 1)
    with pytest.raises(LoginRequired):
        old_process.verify(forged)


def _keys(folder: Path) -> Any:
    from core.security.keys import load_token_keys

    return load_token_keys(folder / "keys")


async def test_public_keys_are_at_their_well_known_address(client: Client) -> None:
    answer = await client.request("GET", "/.well-known/jwks.json")
    (key,) = answer.json["keys"]
    assert (answer.status, key["kty"], key["crv"]) == (200, "OKP", "Ed25519")
    assert "d" not in key


async def test_codes_stand_nowhere_in_the_clear(phone: Phone) -> None:
    await phone.request_code()
    code = await phone.read_code()
    (row,) = await LoginCode.all()
    assert code.encode() not in bytes(row.code_hash)


async def test_an_account_without_a_phone_asks_no_code(
    app: App, citizen: Callable[..., Awaitable[Viewer]], call: Callable[..., Call]
) -> None:
    """Nor is one taken that was asked for another's: all such accounts would share one."""
    viewer = await citizen()
    await Citizen.filter(id=viewer.user_id).update(phone_index=None, phone_sealed=None)
    own = call(user_id=viewer.user_id, session_id=viewer.session_id, level=2)
    with pytest.raises(Conflict) as asked:
        await code_requests.to_step_up(own, "code-0001")
    with pytest.raises(Conflict) as used:
        await step_up(own, "123456", "step-0001")
    assert (asked.value.code, used.value.code) == ("NO_PHONE", "NO_PHONE")
    assert await LoginCode.all().count() == 0
