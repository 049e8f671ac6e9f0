"""Sessions: tokens rotate, theft ends them, and a revocation is final."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from core.clock import ManualClock
from core.database import connection, fetch_all
from modules.identity import alarm, domain
from modules.identity.models import Citizen
from notifications.messages.models import Message
from notifications.reach.models import Address
from tests.asgi import Client
from tests.modules.identity.conftest import REFUSAL, Phone

REVOKE = f"""mutation R($id: ID!, $key: String!) {{
  revokeSession(sessionId: $id, idempotencyKey: $key) {{
    ... on SessionRevoked {{ sessionId }} {REFUSAL} }} }}"""
REGISTER = f"""mutation D($token: String!, $key: String!) {{
  registerDevice(pushService: JPUSH, token: $token, idempotencyKey: $key) {{
    ... on DeviceRegistered {{ device {{ id }} }} {REFUSAL} }} }}"""
SESSIONS = "{ viewer { sessions { id current } } }"


async def _revoke(phone: Phone, token: str, session_id: str) -> Any:
    variables = {"id": session_id, "key": "revoke-key-1"}
    return (await phone.ask(REVOKE, token, variables))["revokeSession"]


async def _sessions(phone: Phone, token: str) -> list[dict[str, Any]]:
    sessions: list[dict[str, Any]] = (await phone.ask(SESSIONS, token))["viewer"]["sessions"]
    return sessions


async def _alarms() -> list[bytes]:
    query = "SELECT payload FROM pgqueuer WHERE entrypoint = 'identity.alarm'"
    return [row["payload"] for row in await fetch_all(connection(), query)]


async def _is_refused(client: Client, token: str) -> bool:
    answer = await client.run("{ viewer { id } }", headers={"authorization": f"Bearer {token}"})
    if answer.status == 200:
        return False
    assert (answer.status, answer.codes) == (401, ["SESSION_EXPIRED"])
    return True


async def test_tokens_rotate(phone: Phone, clock: ManualClock) -> None:
    tokens = await phone.sign_in()
    for _ in range(3):
        clock.move(timedelta(minutes=10))
        fresh = await phone.refresh(tokens["refreshToken"])
        assert fresh["__typename"] == "Tokens"
        assert fresh["refreshToken"] != tokens["refreshToken"]
        tokens = fresh
    assert len(await _sessions(phone, tokens["accessToken"])) == 1


async def test_a_lost_reply_may_be_asked_for_again_after_a_tunnel(
    phone: Phone, clock: ManualClock
) -> None:
    first = await phone.sign_in()
    answers = await asyncio.gather(*(phone.refresh(first["refreshToken"]) for _ in range(4)))
    assert len({answer["refreshToken"] for answer in answers}) == 1
    second = await phone.refresh(answers[0]["refreshToken"])
    assert timedelta(minutes=10) <= domain.REFRESH_GRACE
    clock.move(domain.REFRESH_GRACE)
    for stale in (first, answers[0]):  # an app that wakes with an old copy harms nobody
        again = await phone.refresh(stale["refreshToken"])
        assert again["refreshToken"] == second["refreshToken"]


async def test_a_spent_token_ends_the_session_for_everybody(
    phone: Phone, client: Client, clock: ManualClock
) -> None:
    first = await phone.sign_in()
    second = await phone.refresh(first["refreshToken"])
    clock.move(domain.REFRESH_GRACE + timedelta(seconds=1))
    thief = await phone.refresh(first["refreshToken"])
    assert (thief["__typename"], thief["code"]) == ("LoginRequired", "SESSION_EXPIRED")
    assert (await phone.refresh(second["refreshToken"]))["code"] == "SESSION_EXPIRED"
    assert await _is_refused(client, second["accessToken"])
    for payload in await _alarms():
        await alarm.tell.run(client.app, payload)
    assert await Message.filter(template="identity.reused_token").count() == 1


async def test_a_token_of_another_device_is_refused_and_harms_nobody(phone: Phone) -> None:
    tokens = await phone.sign_in()
    stolen = await phone.refresh(tokens["refreshToken"], device={"id": "device-0002"})
    assert stolen["code"] == "SESSION_EXPIRED"
    assert (await phone.refresh(tokens["refreshToken"]))["__typename"] == "Tokens"


@pytest.mark.parametrize("token", ["", "x", "=" * 70, "A" * 70, "令牌", "A" * 50_000])
async def test_what_we_did_not_write_is_refused(phone: Phone, token: str) -> None:
    assert (await phone.refresh(token))["code"] == "SESSION_EXPIRED"


async def test_a_changed_token_is_refused(phone: Phone) -> None:
    token = (await phone.sign_in())["refreshToken"]
    for position in (0, 20, 40, len(token) - 2):
        letter = "A" if token[position] != "A" else "B"
        changed = token[:position] + letter + token[position + 1 :]
        assert (await phone.refresh(changed))["code"] == "SESSION_EXPIRED"


async def test_a_session_ends_after_sixty_days_of_silence(phone: Phone, clock: ManualClock) -> None:
    tokens = await phone.sign_in()
    clock.move(domain.REFRESH_LIFE)
    tokens = await phone.refresh(tokens["refreshToken"])
    assert tokens["__typename"] == "Tokens"
    clock.move(domain.REFRESH_LIFE + timedelta(seconds=1))
    assert (await phone.refresh(tokens["refreshToken"]))["code"] == "SESSION_EXPIRED"


async def test_a_revoked_session_is_over_at_once(phone: Phone, client: Client) -> None:
    tokens = await phone.sign_in()
    (session,) = await _sessions(phone, tokens["accessToken"])
    answer = await _revoke(phone, tokens["accessToken"], session["id"])
    assert answer["sessionId"] == session["id"]
    for _ in range(50):
        if await _is_refused(client, tokens["accessToken"]):
            break
        await asyncio.sleep(0.02)
    assert await _is_refused(client, tokens["accessToken"])
    assert (await phone.refresh(tokens["refreshToken"]))["code"] == "SESSION_EXPIRED"


async def test_one_device_ends_another(phone: Phone, clock: ManualClock) -> None:
    old = await phone.sign_in()
    clock.move(timedelta(minutes=2))
    new = await phone.sign_in()
    sessions = await _sessions(phone, new["accessToken"])
    assert [session["current"] for session in sessions] == [True, False]
    for _ in range(2):  # twice is once
        answer = await _revoke(phone, new["accessToken"], sessions[1]["id"])
        assert answer["__typename"] == "SessionRevoked"
    assert (await phone.refresh(old["refreshToken"]))["code"] == "SESSION_EXPIRED"
    assert (await phone.refresh(new["refreshToken"]))["__typename"] == "Tokens"


async def test_foreign_and_missing_sessions_are_told_in_the_same_words(phone: Phone) -> None:
    mine = await phone.sign_in()
    other = Phone(phone.client, phone.sms, "13900139000")
    theirs = await other.sign_in()
    (session,) = await _sessions(other, theirs["accessToken"])
    refusals = [
        await _revoke(phone, mine["accessToken"], id_)
        for id_ in (session["id"], str(uuid4()), "no-id", "")
    ]
    assert all(refusal == refusals[0] for refusal in refusals)
    assert (refusals[0]["__typename"], refusals[0]["code"]) == ("NotFound", "NOT_FOUND")
    assert (await other.refresh(theirs["refreshToken"]))["__typename"] == "Tokens"


async def test_the_owner_hears_of_a_new_device_and_old_sessions_make_room(
    phone: Phone, clock: ManualClock
) -> None:
    await phone.sign_in()
    for number in range(domain.SESSIONS_MAX + 1):
        clock.move(timedelta(minutes=15))
        other = replace(phone, device={"id": f"device-1{number:03d}", "name": "手机二"})
        tokens = await other.sign_in()
    assert len(await _sessions(phone, tokens["accessToken"])) == domain.SESSIONS_MAX
    payloads = await _alarms()
    assert len(payloads) == domain.SESSIONS_MAX + 1
    await alarm.tell.run(phone.client.app, payloads[0])
    assert await Message.filter(template="identity.new_device").count() == 1


async def test_a_stranger_locks_no_device_that_the_account_knows(
    phone: Phone, clock: ManualClock
) -> None:
    await phone.sign_in()
    clock.move(timedelta(minutes=2))
    await phone.request_code()
    code = await phone.read_code()
    stranger = {"id": "device-0666", "name": ""}
    for guess in range(domain.PHONE_FAILURES + domain.CODE_ATTEMPTS):
        wrong = f"{(int(code) + 1 + guess) % 1_000_000:06d}"
        await phone.login(wrong, device=stranger)
    assert (await phone.login(code, device=stranger))["__typename"] != "Tokens"
    assert (await phone.login(code))["__typename"] == "Tokens"


async def test_a_number_that_was_silent_for_months_proves_again(
    phone: Phone, clock: ManualClock
) -> None:
    await phone.sign_in()
    await Citizen.all().update(level=2, resident_index=b"theirs")
    clock.move(domain.SILENCE)
    assert (await phone.sign_in())["level"] == 2, "on the device that it was used on"
    clock.move(domain.SILENCE)
    other = replace(phone, device={"id": "device-0002", "name": ""})
    tokens = await other.sign_in()
    assert tokens["level"] == 1, "the number may be somebody else's by now"
    assert (await other.refresh(tokens["refreshToken"], other.device))["level"] == 1


async def test_a_device_is_sent_nothing_any_more_once_its_session_has_ended(
    phone: Phone, clock: ManualClock
) -> None:
    """A phone that was lost would go on to show its owner's messages on the lock screen."""
    lost = str((await phone.sign_in())["accessToken"])
    variables = {"token": "lost-phone", "key": "device-key-1"}
    registered = (await phone.ask(REGISTER, lost, variables))["registerDevice"]
    assert registered["__typename"] == "DeviceRegistered", registered
    clock.move(domain.CODE_COOLDOWN)
    kept = replace(phone, device={"id": "device-0002", "name": ""})
    token = str((await kept.sign_in())["accessToken"])
    variables = {"token": "kept-phone", "key": "device-key-2"}
    await phone.ask(REGISTER, token, variables)
    assert await Address.all().count() == 2
    other = next(one["id"] for one in await _sessions(kept, token) if not one["current"])
    assert (await _revoke(kept, token, other))["__typename"] == "SessionRevoked"
    (left,) = await Address.all()
    assert left.session_id is not None and str(left.session_id) != other
