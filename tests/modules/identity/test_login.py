"""Signing in: a code is sent once, good once, and guessing does not help."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from core.clock import Clock, ManualClock
from core.context.app import App
from core.database import connection, fetch_all, rate_limit, transaction
from modules.identity import domain
from modules.identity.jobs import forget_codes
from tests.asgi import Client
from tests.fakes import FakeCaptcha, FakeSms
from tests.modules.identity.conftest import Phone

NOTHING = {
    "identity_citizen": 0,
    "identity_login_code": 0,
    "identity_session": 0,
    "notifications_delivery": 0,
}
Counted = Callable[[], Awaitable[dict[str, int]]]


async def _fill(key: str, count: int, clock: Clock) -> None:
    """Count so many uses of a key within an hour."""
    hour = timedelta(hours=1)
    async with transaction() as tx:
        await rate_limit.take(tx, clock, key, limit=count, window=hour)
        await tx.execute_query(
            "UPDATE core_rate_counter SET count = $2 WHERE key = $1", [key, count]
        )


def _other(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


async def test_a_code_opens_a_session_and_makes_the_account(phone: Phone) -> None:
    sent = await phone.request_code()
    assert (sent["expiresAt"], sent["resendAfterS"]) == ("2026-11-23T04:05:00.000Z", 60)
    tokens = await phone.login(await phone.read_code())
    assert (tokens["level"], tokens["accessExpiresAt"]) == (1, "2026-11-23T04:15:00.000Z")
    query = "{ viewer { phone name level sessions { device current } } }"
    viewer = (await phone.ask(query, tokens["accessToken"]))["viewer"]
    assert viewer == {
        "phone": "138****8000",
        "name": None,
        "level": 1,
        "sessions": [{"device": "手机", "current": True}],
    }


async def test_the_second_login_finds_the_same_account(
    phone: Phone, clock: ManualClock, counted: Counted
) -> None:
    first = await phone.sign_in()
    clock.move(timedelta(minutes=2))
    second = await phone.sign_in()
    ids = {
        (await phone.ask("{ viewer { id } }", tokens["accessToken"]))["viewer"]["id"]
        for tokens in (first, second)
    }
    assert len(ids) == 1
    assert (await counted())["identity_citizen"] == 1
    assert (await counted())["identity_session"] == 2


async def test_phone_and_code_stand_nowhere_in_the_clear(phone: Phone) -> None:
    await phone.request_code()
    code = await phone.read_code()
    for table in ("identity_citizen", "identity_login_code", "notifications_delivery", "pgqueuer"):
        rows = await fetch_all(connection(), f"SELECT to_jsonb(t)::text AS text FROM {table} t")
        for row in rows:
            assert phone.number not in row["text"]
            assert f'"{code}"' not in row["text"]


@pytest.mark.parametrize(
    "number", ["", "1380013800", "+8513800138000", "１３８００１３８００", "x" * 5000]
)
async def test_what_is_no_phone_is_refused(phone: Phone, counted: Counted, number: str) -> None:
    other = Phone(phone.client, phone.sms, number)
    for refused in (await other.request_code(), await other.login("123456")):
        assert (refused["__typename"], refused["code"]) == ("InvalidInput", "PHONE_INVALID")
        assert refused["field"] == "phone"
    assert await counted() == NOTHING


async def test_a_phone_and_a_code_may_be_typed_as_phones_paste_them(
    phone: Phone, counted: Counted
) -> None:
    await phone.request_code()
    code = await phone.read_code()
    pasted = Phone(phone.client, phone.sms, "\u202d+86 138-0013 8000\u202c")
    tokens = await pasted.login(f" {code[:3]} {chr(0xFEE0 + ord(code[3]))}{code[4:]}")
    assert tokens["__typename"] == "Tokens", tokens
    assert (await counted())["identity_citizen"] == 1


async def test_the_same_key_sends_one_text(phone: Phone, sms: FakeSms, counted: Counted) -> None:
    answers = await asyncio.gather(*(phone.request_code("same-key-1") for _ in range(8)))
    assert {answer["__typename"] for answer in answers} == {"LoginCodeSent"}
    await phone.read_code()
    assert len(sms.sent) == 1
    assert (await counted())["identity_login_code"] == 1


async def test_another_code_waits_a_minute(
    phone: Phone, clock: ManualClock, counted: Counted
) -> None:
    await phone.request_code()
    clock.move(timedelta(seconds=20))
    refused = await phone.request_code()
    assert (refused["code"], refused["retryAfterS"]) == ("CODE_COOLDOWN", 41)
    assert (await counted())["identity_login_code"] == 1
    clock.move(timedelta(seconds=40))
    assert (await phone.request_code())["__typename"] == "LoginCodeSent"


async def test_ten_codes_an_hour_are_enough(
    phone: Phone, clock: ManualClock, captcha: FakeCaptcha
) -> None:
    captcha.is_silent = True
    for _ in range(domain.CODES_PER_HOUR):
        assert (await phone.request_code(captcha="-"))["__typename"] == "LoginCodeSent"
        clock.move(timedelta(minutes=2))
    refused = await phone.request_code(captcha="-")
    assert (refused["__typename"], refused["code"]) == ("RateLimited", "TOO_MANY_CODES")
    clock.move(timedelta(seconds=refused["retryAfterS"]))
    assert (await phone.request_code())["__typename"] == "LoginCodeSent"


async def test_one_address_cannot_send_codes_to_the_whole_city(
    phone: Phone, captcha: FakeCaptcha
) -> None:
    await _fill("code-from:127.0.0.1", domain.ADDRESS_CODES_PER_HOUR - 2, phone.client.app.clock)
    captcha.is_silent = True
    for number in range(2):
        other = Phone(phone.client, phone.sms, f"139{number:08d}")
        assert (await other.request_code(captcha="-"))["__typename"] == "LoginCodeSent"
    assert (await phone.request_code(captcha="-"))["code"] == "TOO_MANY_CODES"


async def test_a_carriers_address_serves_many_phones(phone: Phone) -> None:
    """Several hundred an hour stand behind one address; what is theirs is counted by phone."""
    await _fill("code-from:127.0.0.1", 1_000, phone.client.app.clock)
    await _fill("login-from:127.0.0.1", 500, phone.client.app.clock)
    assert (await phone.request_code())["__typename"] == "LoginCodeSent"
    assert (await phone.login(await phone.read_code()))["__typename"] == "Tokens"


async def test_a_wrong_code_is_refused_and_opens_nothing(phone: Phone, counted: Counted) -> None:
    await phone.request_code()
    code = await phone.read_code()
    refused = await phone.login(_other(code))
    assert (refused["code"], refused["field"]) == ("CODE_WRONG", "code")
    assert (await counted())["identity_session"] == (await counted())["identity_citizen"] == 0
    assert (await phone.login(code))["__typename"] == "Tokens"


@pytest.mark.parametrize("code", ["", "12345", "１２３４５６", "0" * 10_000])
async def test_odd_codes_are_just_wrong(phone: Phone, code: str) -> None:
    await phone.request_code()
    assert (await phone.login(code))["code"] == "CODE_WRONG"


async def test_a_code_is_good_once(phone: Phone, counted: Counted) -> None:
    await phone.request_code()
    code = await phone.read_code()
    await phone.login(code)
    assert (await phone.login(code))["code"] == "CODE_EXPIRED"
    assert (await counted())["identity_session"] == 1


async def test_two_at_once_with_one_code_make_one_session(phone: Phone, counted: Counted) -> None:
    await phone.request_code()
    code = await phone.read_code()
    answers = await asyncio.gather(*(phone.login(code) for _ in range(6)))
    assert sum(answer["__typename"] == "Tokens" for answer in answers) == 1
    assert (await counted())["identity_session"] == 1


async def test_a_lost_reply_can_be_fetched_again_with_the_same_key(
    phone: Phone, counted: Counted
) -> None:
    await phone.request_code()
    code = await phone.read_code()
    first = await phone.login(code, key="login-key-1")
    again = await phone.login(code, key="login-key-1")
    assert again["refreshToken"] == first["refreshToken"]
    assert (await counted())["identity_session"] == 1
    reused = await phone.login(_other(code), key="login-key-1")
    assert (reused["__typename"], reused["code"]) == ("Conflict", "KEY_REUSED")


async def test_a_code_ends_after_five_minutes(phone: Phone, clock: ManualClock) -> None:
    await phone.request_code()
    code = await phone.read_code()
    clock.move(domain.CODE_LIFE)
    assert (await phone.login(code))["code"] == "CODE_EXPIRED"


async def test_only_the_newest_code_counts(phone: Phone, clock: ManualClock) -> None:
    await phone.request_code()
    old = await phone.read_code()
    clock.move(timedelta(minutes=1))
    await phone.request_code()
    new = await phone.read_code()
    if old != new:
        assert (await phone.login(old))["code"] == "CODE_WRONG"
    assert (await phone.login(new))["__typename"] == "Tokens"


async def test_a_code_of_one_phone_opens_no_other(phone: Phone) -> None:
    other = Phone(phone.client, phone.sms, "13900139000")
    await phone.request_code()
    await other.request_code()
    theirs, ours = await other.read_code(), await phone.read_code()
    if theirs != ours:
        assert (await phone.login(theirs))["code"] == "CODE_WRONG"
    assert (await Phone(phone.client, phone.sms, "13700137000").login(ours))[
        "code"
    ] == "CODE_EXPIRED"


async def test_five_guesses_spend_a_code(phone: Phone) -> None:
    await phone.request_code()
    code = await phone.read_code()
    guesses = [await phone.login(_other(code)) for _ in range(domain.CODE_ATTEMPTS)]
    assert {guess["code"] for guess in guesses} == {"CODE_WRONG"}
    assert (await phone.login(code))["code"] == "CODE_EXPIRED"


async def test_ten_failures_lock_the_phone_even_for_the_right_code(
    phone: Phone, clock: ManualClock, counted: Counted
) -> None:
    for _ in range(domain.PHONE_FAILURES // domain.CODE_ATTEMPTS):
        await phone.request_code()
        code = await phone.read_code()
        for _ in range(domain.CODE_ATTEMPTS):
            assert (await phone.login(_other(code)))["code"] == "CODE_WRONG"
        clock.move(domain.CODE_COOLDOWN)
    await phone.request_code()
    code = await phone.read_code()
    refused = await phone.login(code)
    assert (refused["__typename"], refused["code"]) == ("RateLimited", "LOCKED")
    assert (await counted())["identity_session"] == 0
    clock.move(timedelta(seconds=refused["retryAfterS"]))
    await phone.request_code()
    assert (await phone.login(await phone.read_code()))["__typename"] == "Tokens"


async def test_guesses_while_no_code_is_out_lock_nobody(phone: Phone) -> None:
    for _ in range(domain.PHONE_FAILURES * 2):
        assert (await phone.login("000000"))["code"] == "CODE_EXPIRED"
    await phone.request_code()
    assert (await phone.login(await phone.read_code()))["__typename"] == "Tokens"


@pytest.mark.parametrize("device_id", ["", "short", "x" * 65, "设备设备设备设备"])
async def test_a_device_has_an_identifier(phone: Phone, counted: Counted, device_id: str) -> None:
    await phone.request_code()
    refused = await phone.login(await phone.read_code(), device={"id": device_id})
    assert (refused["code"], refused["field"]) == ("DEVICE_INVALID", "device")
    assert (await counted())["identity_session"] == 0


@pytest.mark.parametrize("name", ["", "𠮷田的手机 🚰", "x" * 5000, "\u202eevil"])
async def test_a_device_may_have_any_name(phone: Phone, name: str) -> None:
    await phone.request_code()
    tokens = await phone.login(await phone.read_code(), device={"id": "device-0001", "name": name})
    query = "{ viewer { sessions { device } } }"
    (session,) = (await phone.ask(query, tokens["accessToken"]))["viewer"]["sessions"]
    assert len(session["device"]) <= 64
    assert session["device"] == "".join(c for c in name if c.isprintable())[:64]


async def test_old_codes_are_forgotten(
    app: App, phone: Phone, clock: ManualClock, counted: Counted
) -> None:
    await phone.request_code()
    await forget_codes(app)
    assert (await counted())["identity_login_code"] == 1
    clock.move(timedelta(days=2))
    await forget_codes(app)
    assert (await counted())["identity_login_code"] == 0


async def test_a_stranger_is_nobody(client: Client) -> None:
    assert (await client.data("{ viewer { id } }"))["viewer"] is None
    assert (await client.run("{ inbox { unread } }")).codes == ["LOGIN_REQUIRED"]
