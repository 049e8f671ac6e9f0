"""Signing in from mini-programmes: against the sandbox's WeChat and Alipay over HTTP, and on what
their makers have published."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from core.clock import ManualClock
from core.context.app import App
from core.context.commands import CREDENTIAL_REPLAY
from core.database import connection
from core.settings import Settings
from core.standards.alipay_envelope import NotSigned, Signer, decrypt_content
from core.upstream.client import UpstreamFailed
from modules.identity import domain
from modules.identity.domain import Platform
from modules.identity.mini_programmes import alipay, port, wechat
from modules.identity.mini_programmes.port import NotAccepted
from modules.identity.models import PHONE, SUBJECT, Citizen, MiniProgrammeLink, Session
from notifications.reach.models import Address
from tests.jobs import run_due
from tests.modules.identity.conftest import REFUSAL, TOKENS, Phone
from tests.sandbox.serving import Client as Sandbox

LOGIN = f"""mutation L($platform: MiniProgrammePlatform!, $code: String!, $proof: String,
  $device: DeviceInput!, $key: String!) {{
  loginWithMiniProgramme(platform: $platform, code: $code, phoneProof: $proof, device: $device,
    idempotencyKey: $key) {{ {TOKENS} {REFUSAL} }} }}"""
LINK = f"""mutation L($platform: MiniProgrammePlatform!, $code: String!, $key: String!) {{
  linkMiniProgramme(platform: $platform, code: $code, idempotencyKey: $key) {{
    ... on MiniProgrammesChanged {{ links {{ platform }} }} {REFUSAL} }} }}"""
END = f"""mutation E($platform: MiniProgrammePlatform!, $key: String!) {{
  endMiniProgrammeLink(platform: $platform, idempotencyKey: $key) {{
    ... on MiniProgrammesChanged {{ links {{ platform }} }} {REFUSAL} }} }}"""
REGISTER = f"""mutation R($service: PushService!, $token: String!, $key: String!) {{
  registerDevice(pushService: $service, token: $token, idempotencyKey: $key) {{
    ... on DeviceRegistered {{ device {{ pushService }} }} {REFUSAL} }} }}"""
NUMBER, DEVICE = "13800138000", {"id": "mini-programme-1", "name": ""}


@pytest.fixture
def settings(settings: Settings, sandbox_port: int) -> Settings:
    """Settings of a process whose platforms are the sandbox's."""
    return settings.model_copy(update={"sandbox_port": sandbox_port})


@dataclass(frozen=True)
class Mini:
    """Our mini-programme on a platform, in the hand of who has a number there."""

    phone: Phone
    city: Sandbox
    platform: str
    number: str = NUMBER

    @property
    def app(self) -> App:
        return self.phone.client.app

    async def codes(self) -> tuple[str, str]:
        """What the platform gives the mini-programme: a code, and what proves the phone."""
        path = f"/_control/{self.platform.lower()}-sign-in/codes"
        status, given = await self.city.post(path, {"phone": self.number})
        assert status == 201, given
        return tuple(given.values())  # type: ignore[return-value]

    async def login(
        self, code: str, proof: str | None = None, key: str = "", device: Any = DEVICE
    ) -> Any:
        return await self.ask(LOGIN, code=code, proof=proof, key=key or uuid4().hex, device=device)

    async def link(self, token: str, code: str = "") -> Any:
        return await self.ask(LINK, token, code=code or (await self.codes())[0])

    async def ask(self, query: str, bearer: str | None = None, **variables: Any) -> Any:
        headers = {"authorization": f"Bearer {bearer}"} if bearer else {}
        given = {"platform": self.platform, "key": uuid4().hex} | variables
        answer = await self.phone.client.run(query, given, headers=headers)
        assert "errors" not in answer.json, answer.json
        (value,) = answer.json["data"].values()
        return value


@pytest.fixture(params=list(Platform))
def mini(
    request: pytest.FixtureRequest, phone: Phone, sandbox: Sandbox, clock: ManualClock
) -> Mini:
    """Each platform's; Alipay asks what time it is."""
    clock.move(datetime.now(UTC) - clock.now())
    return Mini(phone, sandbox, str(request.param))


async def counts() -> list[int]:
    models = (Citizen, Session, MiniProgrammeLink)
    return [await model.all().count() for model in models]


async def test_who_is_unknown_becomes_an_account_of_the_phone(mini: Mini) -> None:
    needed = await mini.login((await mini.codes())[0])
    assert needed["code"] == "PLATFORM_PHONE_NEEDED" and await counts() == [0, 0, 0]
    opened = await mini.login(*await mini.codes())
    assert opened["level"] == 1 and await counts() == [1, 1, 1]
    again = await mini.login((await mini.codes())[0])
    assert again["level"] == 1 and await counts() == [1, 2, 1]
    await mini.phone.sign_in()
    (account,) = await Citizen.all()
    assert account.phone_index == mini.app.vault.blind_index(NUMBER, PHONE)
    (link,) = await MiniProgrammeLink.all()
    opened_by = [row.link_id for row in await Session.all().order_by("id")]
    assert opened_by == [link.id, link.id, None], "a revocation ends the sessions of the link"
    subject = mini.app.vault.decrypt(link.subject_sealed, SUBJECT)
    (row,) = await connection().execute_query_dict(
        "SELECT l::text AS whole FROM identity_mini_programme_link l"
    )
    assert len(subject) >= 28 and subject not in row["whole"]
    assert subject.encode().hex() not in row["whole"]


async def test_a_lost_reply_is_fetched_again_and_a_code_is_good_once(
    mini: Mini, clock: ManualClock
) -> None:
    code, proof = await mini.codes()
    key = uuid4().hex
    first = await mini.login(code, proof, key)
    assert (await mini.login(code, proof, key))["refreshToken"] == first["refreshToken"]
    assert (await mini.login(code, None, key))["code"] == "KEY_REUSED"
    spent = await mini.login(code, proof)
    assert (spent["code"], spent["field"]) == ("PLATFORM_CODE_REFUSED", "code")
    clock.move(CREDENTIAL_REPLAY)
    assert (await mini.login(code, proof, key))["code"] == "KEY_EXPIRED"
    for made_up in ("", "x" * 3000, "{}", code[:-1]):
        assert (await mini.login(made_up, made_up))["code"] == "PLATFORM_CODE_REFUSED"
    assert await counts() == [1, 1, 1]


async def test_two_at_once_make_one_account(mini: Mini) -> None:
    pairs = [await mini.codes() for _ in range(3)]
    opened = await asyncio.gather(*(mini.login(*pair) for pair in pairs))
    assert [one["__typename"] for one in opened] == ["Tokens"] * 3
    assert await counts() == [1, 3, 1]
    key, pair = uuid4().hex, await mini.codes()
    both = await asyncio.gather(*(mini.login(*pair, key) for _ in range(2)))
    told = {one.get("refreshToken", one.get("code")) for one in both}
    token = (await mini.login(*pair, key))["refreshToken"]
    assert token in told and told <= {token, "PLATFORM_CODE_REFUSED"}
    assert await counts() == [1, 4, 1]


async def test_a_platforms_word_about_a_phone_opens_no_account_that_there_is(mini: Mini) -> None:
    """The platform may have the number of who had it before; a text does not."""
    token = (await mini.phone.sign_in())["accessToken"]
    before = await counts()
    refused = await mini.login(*await mini.codes())
    assert refused["code"] == "TEXT_CODE_NEEDED" and await counts() == before
    linked = await mini.link(token)
    assert linked["links"] == [{"platform": mini.platform}]
    assert (await mini.login((await mini.codes())[0]))["__typename"] == "Tokens"
    await run_due(mini.app, "identity.alarm")
    told = await mini.ask("{ inbox { messages(first: 9) { edges { node { body } } } } }", token)
    bodies = [edge["node"]["body"] for edge in told["messages"]["edges"]]
    assert any("小程序" in body for body in bodies), bodies
    for _ in range(2):
        assert (await mini.ask(END, token, key="end-it-once"))["links"] == []
    assert (await mini.ask(END, token))["code"] == "NOT_FOUND"
    assert (await mini.login(*await mini.codes()))["code"] == "TEXT_CODE_NEEDED"


async def test_a_user_is_linked_to_one_account_and_an_account_to_one_user(mini: Mini) -> None:
    token = (await mini.phone.sign_in())["accessToken"]
    key, (code, _) = uuid4().hex, await mini.codes()
    for _ in range(2):
        linked = await mini.ask(LINK, token, code=code, key=key)
        assert linked["links"] == [{"platform": mini.platform}]
    other = replace(mini.phone, number="13900139000")
    theirs = (await other.sign_in())["accessToken"]
    assert (await mini.link(theirs))["code"] == "LINKED_ALREADY"
    second = replace(mini, number="13900139000")
    assert (await second.link(token))["code"] == "LINKED_ALREADY"
    assert await MiniProgrammeLink.all().count() == 1


async def test_messages_go_to_the_linked_user_and_to_nobody_else(mini: Mini) -> None:
    token = (await mini.phone.sign_in())["accessToken"]
    theirs = (await replace(mini.phone, number="13900139000").sign_in())["accessToken"]
    service, provider = f"{mini.platform}_MINI", f"{mini.platform.lower()}_mini"
    await mini.link(token)
    subject = mini.app.vault.decrypt((await MiniProgrammeLink.get()).subject_sealed, SUBJECT)

    async def register(who: str, name: str) -> Any:
        return await mini.ask(REGISTER, who, service=service, token=name)

    for who, name in ((token, f"{subject}1"), (theirs, subject)):
        refused = await register(who, name)
        assert (refused["code"], refused["field"]) == ("PLATFORM_USER_NOT_LINKED", "token")
        assert await Address.all().count() == 0
    for _ in range(2):
        assert (await register(token, subject))["device"] == {"pushService": service}
    (row,) = await Address.all()
    assert (row.provider, row.person_id) == (provider, (await MiniProgrammeLink.get()).citizen_id)
    assert (await register(theirs, subject))["code"] == "PLATFORM_USER_NOT_LINKED"
    assert (await Address.get()).person_id == row.person_id
    assert (await mini.ask(END, token))["links"] == []
    assert await Address.all().count() == 0
    assert (await register(token, subject))["code"] == "PLATFORM_USER_NOT_LINKED"


async def test_a_silent_platform_costs_nothing(mini: Mini) -> None:
    code, proof = await mini.codes()
    system = f"{mini.platform.lower()}_sign_in"
    await mini.city.put(f"/_control/faults/{system}", {"error_rate": 1.0})
    silent = await mini.login(code, proof)
    assert silent["code"] == "UPSTREAM_UNAVAILABLE" and await counts() == [0, 0, 0]


async def test_a_link_of_a_silent_account_proves_nobody(mini: Mini, clock: ManualClock) -> None:
    await mini.login(*await mini.codes())
    (account,) = await Citizen.all()
    await Citizen.filter(id=account.id).update(level=2, name_sealed=b"-", resident_index=b"-")
    assert (await mini.login((await mini.codes())[0], device=DEVICE))["level"] == 2
    await Session.all().update(last_used_at=clock.now() - domain.SILENCE)
    elsewhere = {"id": "mini-programme-2", "name": ""}
    assert (await mini.login((await mini.codes())[0], device=elsewhere))["level"] == 1
    assert (await mini.login((await mini.codes())[0], device=DEVICE))["level"] == 2


async def test_a_city_without_an_app_there_does_without(mini: Mini) -> None:
    mini.app.once(port.FILE, dict)  # an empty file
    off = await mini.login(*await mini.codes())
    assert (off["code"], off["field"]) == ("PLATFORM_OFF", "platform")


async def test_a_token_that_ended_early_is_asked_for_anew(
    phone: Phone, sandbox: Sandbox, clock: ManualClock
) -> None:
    clock.move(datetime.now(UTC) - clock.now())
    mini = Mini(phone, sandbox, "WECHAT")
    await mini.login(*await mini.codes())
    await sandbox.call("DELETE", "/_control/wechat-sign-in/token")
    other = replace(mini, number="13900139000")
    assert (await other.login(*await other.codes()))["level"] == 1


async def test_a_number_from_abroad_is_refused(
    phone: Phone, sandbox: Sandbox, clock: ManualClock
) -> None:
    clock.move(datetime.now(UTC) - clock.now())
    mini = Mini(phone, sandbox, "WECHAT")
    path, body = "/_control/wechat-sign-in/codes", {"phone": "61234567", "country": "852"}
    _, given = await sandbox.post(path, body)
    refused = await mini.login(given["login_code"], given["phone_code"])
    assert refused["code"] == "PHONE_INVALID" and await counts() == [0, 0, 0]


# ---- what the platforms have published

PHONE_ANSWER = {
    "errcode": 0,
    "errmsg": "ok",
    "phone_info": {
        "phoneNumber": "13580006666",
        "purePhoneNumber": "13580006666",
        "countryCode": 86,
        "watermark": {"timestamp": 1637744274, "appid": "wx1"},
    },
}
"""The members and types of developers.weixin.qq.com, "getPhoneNumber": the example has a number as
the country's code where the table says string."""


def test_wechats_answers_as_documented() -> None:
    assert wechat.read_phone(PHONE_ANSWER, "wx1") == "13580006666"
    info: Mapping[str, Any] = PHONE_ANSWER["phone_info"]  # type: ignore[assignment]
    assert wechat.read_phone({"phone_info": info | {"countryCode": "86"}}, "wx1") == "13580006666"
    with pytest.raises(NotAccepted):
        wechat.read_phone(PHONE_ANSWER, "wx2")
    for broken in ({}, {"phone_info": {}}, {"phone_info": info | {"purePhoneNumber": 1}}):
        with pytest.raises((NotAccepted, UpstreamFailed)):
            wechat.read_phone(broken, "wx1")
    wechat.judge("code_to_session", {"openid": "o", "session_key": "k"})  # without an errcode
    for spent in (40029, 40163, 40226):
        with pytest.raises(NotAccepted):
            wechat.judge("code_to_session", {"errcode": spent, "errmsg": "invalid code"})
    for ours_or_busy in (-1, 40013, 40125, 45011):
        with pytest.raises(UpstreamFailed):
            wechat.judge("code_to_session", {"errcode": ours_or_busy})


def test_alipays_content_as_its_own_libraries_encrypt_it() -> None:
    """The pair stands in the tests of Alipay's SDKs for Java, C#, PHP (alipay/alipay-easysdk,
    util/aes; alipay-sdk-java, EncryptTest)."""
    key = port.content_key({"content_key": "aa4BtZ4tspm2wnXLb1ThQA=="})
    assert decrypt_content(key, "ILpoMowjIQjfYMR847rnFQ==") == b"test1234567"
    for wrong in ("", "ILpoMowjIQjfYMR847rnFQ", "AAAA", "ILpoMowjIQjfYMR847rnFA=="):
        with pytest.raises(ValueError):
            decrypt_content(key, wrong)


def test_alipays_answers_as_documented() -> None:
    """opendocs.alipay.com, alipay.system.oauth.token: members of a success, a refusal's codes."""
    told = {"user_id": "2088102150477652", "access_token": "2012…", "expires_in": "3600"}
    assert alipay.read_user(told, None).subject == "2088102150477652"
    newer = {"open_id": "074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5", "union_id": "u1"}
    assert alipay.read_user(newer, "1").union == "u1"
    with pytest.raises(NotAccepted):
        alipay.read_user({"code": "40002", "sub_code": "isv.code-invalid"}, None)
    for other in ({"code": "20000", "sub_code": "isp.unknow-error"}, {}, {"open_id": 5}):
        with pytest.raises(UpstreamFailed):
            alipay.read_user(other, None)


class _Contents(Signer):
    """Believes a content, whoever signed it: what is read of it is tried here."""

    def __init__(self) -> None:
        pass

    def open_content(self, told: Mapping[str, Any], content_key: bytes) -> dict[str, Any]:
        if "code" not in told:
            raise NotSigned
        return dict(told)


def test_alipays_contents_as_documented() -> None:
    """AlipayDocs/open-docs, my.getPhoneNumber: a success, an authorisation that was taken back, a
    busy moment."""

    def read(content: object) -> str:
        return alipay.read_phone(_Contents(), b"", json.dumps(content))

    assert read({"code": "10000", "msg": "Success", "mobile": "1597671905"}) == "1597671905"
    for refused in (
        {"code": "40003", "subCode": "isv.invalid-auth-relations"},
        {"mobile": "13800138000"},
        [],
        "x",
    ):
        with pytest.raises(NotAccepted):
            read(refused)
    with pytest.raises(UpstreamFailed):
        read({"code": "20000", "subCode": "aop.unknow-error"})


async def test_contents_that_alipay_did_not_sign_are_refused(
    phone: Phone, sandbox: Sandbox, clock: ManualClock
) -> None:
    clock.move(datetime.now(UTC) - clock.now())
    mini = Mini(phone, sandbox, "ALIPAY")
    code, proof = await mini.codes()
    _, others = await replace(mini, number="13900139000").codes()
    mixed = json.loads(proof) | {"response": json.loads(others)["response"]}
    assert (await mini.login(code, json.dumps(mixed)))["code"] == "PLATFORM_CODE_REFUSED"
    assert (await mini.login(code, proof))["level"] == 1, "the code was not spent on it"
