"""Hostile input to signing in: no defect, nothing changed, nothing learned by words or by time."""

import asyncio
import base64
import hashlib
import hmac
import json
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.clock import ManualClock
from core.context.app import App
from core.database import connection, fetch_one
from core.security.authentication import ACCESS_TOKEN_LIFE, AUDIENCE, Viewer
from modules.identity import domain
from modules.identity.models import Citizen, LoginCode, Session
from tests.asgi import Client
from tests.fakes import FakeSms
from tests.modules.identity.conftest import DEVICE, PHONE, REFUSAL, Phone

MUTATIONS = {
    "requestLoginCode": ("phone",),
    "login": ("phone", "code", "device"),
    "staffLogin": ("phone", "code", "authenticatorCode", "device"),
    "refreshSession": ("refreshToken", "device"),
    "requestStepUpCode": (),
    "stepUp": ("code",),
    "verifyRealName": ("name", "residentId"),
    "addChild": ("name", "residentId"),
    "confirmProxy": ("mandateId",),
    "endMandate": ("mandateId",),
    "revokeSession": ("sessionId",),
    "grantConsent": ("purpose", "textVersion", "onBehalfOf"),
    "withdrawConsent": ("purpose", "onBehalfOf"),
}
TYPES = {
    "device": "DeviceInput!",
    "mandateId": "ID!",
    "sessionId": "ID!",
    "onBehalfOf": "ID",
}
ODD = st.one_of(
    st.text(max_size=80),
    st.sampled_from(
        [
            "",
            "\x00",
            PHONE,
            "１３８００１３８０００",
            "13800138000\n",
            "0" * 70_000,
            "'; DROP TABLE identity_citizen; --",
            "\u202e\u0000\ufeff",
            "11010519491231002X",
            "𠮷" * 200,
            "eyJhbGciOiJub25lIn0.e30.",
            "-1",
            "1e309",
        ]
    ),
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
@pytest.mark.parametrize("name", MUTATIONS)
@pytest.mark.parametrize("is_known", [False, True])
def test_no_input_is_a_defect(
    data: st.DataObject, client: Client, runner: Any, name: str, is_known: bool
) -> None:
    arguments = MUTATIONS[name]
    variables: dict[str, Any] = {"key": data.draw(ODD)}
    for argument in arguments:
        odd = data.draw(ODD)
        variables[argument] = {"id": odd, "name": data.draw(ODD)} if argument == "device" else odd
    declared = "".join(f", ${a}: {TYPES.get(a, 'String!')}" for a in arguments)
    passed = "".join(f", {a}: ${a}" for a in arguments)
    query = f"""mutation F($key: String!{declared}) {{
      {name}(idempotencyKey: $key{passed}) {{ __typename ... on Refusal {{ code }} }} }}"""
    viewer = Viewer(uuid4(), uuid4(), 2, frozenset(), client.app.clock.now()) if is_known else None
    try:
        variables_json = json.dumps(variables).encode()
    except UnicodeEncodeError:
        return
    answer = runner(client, query, json.loads(variables_json), viewer)
    assert answer.status < 500, answer.body
    assert "INTERNAL_ERROR" not in answer.codes, (name, variables, answer.json)


@pytest.fixture
async def runner() -> Any:
    """Runs one operation from a plain test: hypothesis knows no coroutines."""
    loop = asyncio.get_running_loop()

    def run(client: Client, query: str, variables: Any, viewer: Viewer | None) -> Any:
        return loop.run_until_complete(client.run(query, variables, viewer=viewer))

    return run


def _tampered(app: App, viewer: Viewer) -> dict[str, str]:
    """Tokens that are not good, each for another reason."""
    good = app.tokens.issue(viewer)
    head, body, signature = good.split(".")
    claims = jwt.decode(good, options={"verify_signature": False})
    kid = jwt.get_unverified_header(good)["kid"]
    public = next(iter(app.tokens._public.values()))
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def encoded(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    def hs256(secret: bytes) -> str:
        text = f"{encoded({'alg': 'HS256', 'kid': kid, 'typ': 'JWT'})}.{encoded(claims)}"
        mac = hmac.new(secret, text.encode(), hashlib.sha256).digest()
        return f"{text}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"

    def signed(**changes: Any) -> str:
        signer = app.tokens._signer
        return jwt.encode({**claims, **changes}, signer, algorithm="EdDSA", headers={"kid": kid})

    now = int(app.clock.now().timestamp())
    life_s = int(ACCESS_TOKEN_LIFE.total_seconds())
    return {
        "alg none": f"{encoded({'alg': 'none', 'kid': kid})}.{body}.",
        "HS256 with the public key": hs256(pem),
        "HS256 with the raw key": hs256(public.public_bytes(Encoding.Raw, PublicFormat.Raw)),
        "wrong kid": f"{encoded({'alg': 'EdDSA', 'kid': '0' * 16})}.{body}.{signature}",
        "wrong audience": signed(aud="quancheng-resume"),
        "wrong issuer": signed(iss="elsewhere"),
        "expired": signed(exp=now),
        "not yet valid": signed(nbf=now + 60, exp=now + life_s),
        "level raised": f"{head}.{encoded(claims | {'lvl': 9})}.{signature}",
        "roles added": f"{head}.{encoded(claims | {'rol': ['operator']})}.{signature}",
        "no signature": f"{head}.{body}.",
    }


async def test_tokens_that_are_not_good_are_told_alike_and_open_nothing(
    client: Client, citizen: Callable[..., Awaitable[Viewer]]
) -> None:
    viewer = await citizen()
    assert AUDIENCE
    told = set()
    for why, token in _tampered(client.app, viewer).items():
        answer = await client.run("{ viewer { id } }", headers={"authorization": f"Bearer {token}"})
        assert answer.status == 401, why
        told.add(answer.body)
    assert len(told) == 1


async def test_a_spent_refresh_token_from_two_devices_at_once_ends_the_session(
    phone: Phone, clock: ManualClock
) -> None:
    await phone.request_code()
    tokens = await phone.login(await phone.read_code())
    query = f"""mutation R($token: String!, $device: DeviceInput!, $key: String!) {{
      refreshSession(refreshToken: $token, device: $device, idempotencyKey: $key) {{
        ... on Tokens {{ refreshToken }} {REFUSAL} }} }}"""

    async def refresh(token: str, device: Any = DEVICE) -> Any:
        variables = {"token": token, "device": device, "key": uuid4().hex}
        return (await phone.client.data(query, variables))["refreshSession"]

    newest = await refresh(tokens["refreshToken"])
    newest = await refresh(newest["refreshToken"])
    clock.move(domain.REFRESH_GRACE + timedelta(seconds=1))
    thief = {"id": "another-device-1", "name": ""}
    answers = await asyncio.gather(
        refresh(tokens["refreshToken"]), refresh(tokens["refreshToken"], thief)
    )
    assert {answer["code"] for answer in answers} == {"SESSION_EXPIRED"}
    assert (await refresh(newest["refreshToken"]))["code"] == "SESSION_EXPIRED"
    assert await Session.filter(revoked_at=None).count() == 0


@pytest.mark.parametrize("guesses", [200, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_guesses_over_many_addresses_get_at_most_ten_looks_a_window(
    phone: Phone, app: App, clock: ManualClock, guesses: int
) -> None:
    """The limit is the phone's own: neither addresses nor new codes change anything."""
    from core.context.call import Call
    from core.deadline import Deadline
    from core.errors import AppError
    from modules.identity import service

    await phone.request_code()
    code = await phone.read_code()
    looked = 0
    for guess in range(guesses):
        if looked and looked % domain.CODE_ATTEMPTS == 0 and looked < domain.PHONE_FAILURES:
            clock.move(domain.CODE_COOLDOWN)  # the code is spent: the next guesses have another
            await phone.request_code()
            code = await phone.read_code()
        address = f"10.{guess % 250}.{guess // 250}.1"
        call = Call(app, Deadline.after(5), f"guess-{guess}", None, address=address)
        wrong = f"{(int(code) + 1 + guess) % 1_000_000:06d}"
        device = service.Device("device-0001", "")
        with pytest.raises(AppError) as refused:
            await service.login(call, PHONE, wrong, device, f"key-{guess:08d}")
        assert refused.value.code == ("CODE_WRONG" if looked < domain.PHONE_FAILURES else "LOCKED")
        looked += refused.value.code == "CODE_WRONG"
    assert looked == domain.PHONE_FAILURES
    assert (await phone.login(code))["code"] == "LOCKED"
    assert await Citizen.all().count() == 0


async def test_known_and_unknown_phones_are_told_alike(phone: Phone, sms: FakeSms) -> None:
    await phone.request_code()
    await phone.login(await phone.read_code())
    await LoginCode.all().delete()
    stranger = Phone(phone.client, sms, "13900139000")
    for ask in ("request_code", "login"):
        answers = [
            await getattr(who, ask)(*(("000000",) if ask == "login" else ()))
            for who in (phone, stranger)
        ]
        assert answers[0] == answers[1]


async def _times(ask: Callable[[Phone], Awaitable[Any]], phones: list[Phone], rounds: int) -> Any:
    """Seconds per answer for each phone, taken in turn so that the machine's moods hit both."""
    taken: list[list[float]] = [[] for _ in phones]
    for number in range(rounds):
        for index in (0, 1) if number % 2 else (1, 0):
            await fetch_one(connection(), "DELETE FROM core_rate_counter RETURNING key")
            started_s = time.perf_counter()
            await ask(phones[index])
            taken[index].append(time.perf_counter() - started_s)
    return taken


async def test_known_and_unknown_phones_take_the_same_time(phone: Phone, sms: FakeSms) -> None:
    """Mann-Whitney U on the times of a wrong code, with and without an account behind the phone.

    z = 4 happens by chance once in 16,000 runs; the second half shows that ten milliseconds more
    for one of the two would be seen, or as much more as the times themselves differ.
    """
    await phone.request_code()
    await phone.login(await phone.read_code())
    await LoginCode.all().delete()
    stranger = Phone(phone.client, sms, "13900139000")
    known, unknown = await _times(lambda p: p.login("000000"), [phone, stranger], 60)
    assert abs(_z(known, unknown)) < 4
    spread_s = sorted(known)[45] - sorted(known)[15]

    async def slower(who: Phone) -> None:
        await who.login("000000")
        if who is phone:
            await asyncio.sleep(max(0.01, spread_s))

    known, unknown = await _times(slower, [phone, stranger], 60)
    assert abs(_z(known, unknown)) > 4


def _z(first: list[float], second: list[float]) -> float:
    """The Mann-Whitney statistic as a normal deviate."""
    ranked = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    rank_sum = sum(rank for rank, (_, side) in enumerate(ranked, 1) if side == 0)
    n, m = len(first), len(second)
    u = rank_sum - n * (n + 1) / 2
    spread = statistics.NormalDist(0, 1).stdev * (n * m * (n + m + 1) / 12) ** 0.5
    return float((u - n * m / 2) / spread)


async def test_time_alone_unlocks(phone: Phone, clock: ManualClock) -> None:
    for _ in range(domain.PHONE_FAILURES // domain.CODE_ATTEMPTS):
        await phone.request_code()
        wrong = f"{(int(await phone.read_code()) + 1) % 1_000_000:06d}"
        for _ in range(domain.CODE_ATTEMPTS):
            assert (await phone.login(wrong))["code"] == "CODE_WRONG"
        clock.move(domain.CODE_COOLDOWN)
    assert (await phone.login("000000"))["code"] == "LOCKED"
    clock.move(domain.FAILURE_WINDOW + timedelta(seconds=1))
    assert (await phone.login("000000"))["code"] != "LOCKED"
