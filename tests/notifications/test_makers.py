"""Push Kit and the two mini-programmes against servers that share no code with ours."""

import base64
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from core.clock import ManualClock
from core.context.app import App
from core.deadline import Deadline
from core.settings import Settings
from notifications.channels import alipay_mini, hms, wechat_mini
from notifications.channels.port import Failed, Outbound, Outcome, Refused, Taken
from notifications.templates.domain import SendLane

LONG = "您的孩子已于今天上午七点四十二分进入实验小学南门。"
PEM = serialization.Encoding.PEM


@dataclass
class Makers:
    """Huawei's, WeChat's and Alipay's servers; `sent` are the messages they took."""

    url: str = ""
    tokens: int = 0
    sent: list[dict[str, Any]] = field(default_factory=list)
    ours: Any = None
    theirs: RSAPrivateKey = field(default_factory=lambda: generate_private_key(65537, 2048))

    async def huawei_token(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert form["grant_type"] == "client_credentials"
        if form["client_secret"] != "secret":
            return web.json_response({"error": 1101, "sub_error": 20042}, status=400)
        self.tokens += 1
        token = {"access_token": f"CV{self.tokens}", "expires_in": 3600, "token_type": "Bearer"}
        return web.json_response(token)

    async def push_kit(self, request: web.Request) -> web.Response:
        """Checks what Huawei's own examples check (messaging_hm_verify.go)."""
        message = (await request.json())["message"]
        (device,) = message["token"]
        android = message["android"]
        assert android["urgency"] in ("HIGH", "NORMAL")
        assert re.fullmatch(r"\d+(\.\d+)?s", android["ttl"])
        assert android["notification"]["default_sound"] is True
        assert android["notification"]["click_action"]["type"] in (1, 2, 3, 4)
        if request.headers["Authorization"] != f"Bearer CV{self.tokens}":
            return _huawei("80200003", 401)
        if device == "html":
            return web.Response(text="<html>busy</html>", content_type="text/html")
        codes = {"gone": "80300007", "large": "80300008", "broken": "81000001", "old": "80200003"}
        if device in codes:
            return _huawei(codes[device])
        if device == "busy":
            return web.json_response({}, status=429)
        self.sent.append(message)
        return _huawei("80000000")

    async def wechat_token(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert body["grant_type"] == "client_credential"
        if body["secret"] != "secret":
            return web.json_response({"errcode": 40125, "errmsg": "invalid appsecret"})
        self.tokens += 1
        return web.json_response({"access_token": f"W{self.tokens}", "expires_in": 7200})

    async def wechat(self, request: web.Request) -> web.Response:
        if request.query["access_token"] != f"W{self.tokens}":
            return web.json_response({"errcode": 40001, "errmsg": "invalid credential"})
        message = await request.json()
        assert all(len(field["value"]) <= 20 for field in message["data"].values())
        codes = {"nobody": 40003, "refuses": 43101, "wrong": 47003, "busy": -1, "limit": 45009}
        if message["touser"] in codes:
            return web.json_response({"errcode": codes[message["touser"]], "errmsg": "…"})
        if message["touser"] == "list":
            return web.json_response([])
        self.sent.append(message)
        return web.json_response({"errcode": 0, "errmsg": "ok", "msgid": 2258})

    async def alipay(self, request: web.Request) -> web.Response:
        params = dict(parse_qsl((await request.read()).decode(), keep_blank_values=True))
        signature = base64.b64decode(params.pop("sign"))
        text = "&".join(f"{name}={params[name]}" for name in sorted(params))
        self.ours.verify(signature, text.encode(), PKCS1v15(), SHA256())
        content = json.loads(params["biz_content"])
        answers = {
            "stranger": {"code": "40004", "sub_code": "USER_NOT_SUBSCRIBED"},
            "down": {"code": "20000", "sub_code": "isp.unknow-error"},
            "ours": {"code": "40006", "sub_code": "isv.insufficient-isv-permissions"},
        }
        name = content.get("to_user_id") or content["to_open_id"]
        answer = answers.get(name, {"code": "10000", "msg": "Success"})
        if answer["code"] == "10000":
            self.sent.append(content)
        node = json.dumps(answer)
        forged = name == "forged"
        signed = "{}" if forged else node
        sign = base64.b64encode(self.theirs.sign(signed.encode(), PKCS1v15(), SHA256())).decode()
        body = f'{{"{alipay_mini.NODE}":{node},"sign":"{sign}"}}'
        return web.Response(text=body, content_type="text/html")


def _huawei(code: str, status: int = 200) -> web.Response:
    return web.json_response({"code": code, "msg": "…", "requestId": "157440955549"}, status=status)


@pytest.fixture
async def makers() -> AsyncIterator[Makers]:
    """The servers."""
    there, server = Makers(), web.Application()
    server.router.add_post("/oauth2/v3/token", there.huawei_token)
    server.router.add_post("/v1/1001/messages:send", there.push_kit)
    server.router.add_post("/cgi-bin/stable_token", there.wechat_token)
    server.router.add_post("/cgi-bin/message/subscribe/send", there.wechat)
    server.router.add_post("/gateway.do", there.alipay)
    runner = web.AppRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    there.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield there
    await runner.cleanup()


@pytest.fixture
def secret() -> str:
    """With what we ask for tokens."""
    return "secret"


@pytest.fixture
def settings(
    settings: Settings, makers: Makers, tmp_path: Path, keys_dir: Path, secret: str
) -> Settings:
    """A process with credentials everywhere, in a key folder of its own."""
    folder = tmp_path / "keys"
    folder.mkdir()
    for file in keys_dir.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    ours = generate_private_key(65537, 2048)
    makers.ours = ours.public_key()
    private = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = serialization.PublicFormat.SubjectPublicKeyInfo
    (folder / "mini.pem").write_bytes(ours.private_bytes(PEM, *private))
    (folder / "alipay.pem").write_bytes(makers.theirs.public_key().public_bytes(PEM, public))
    mini = 'template_id = "T1"\ntitle_field = "thing1"\nbody_field = "thing2"\npage = "pages/inbox"'
    (folder / "notifications.toml").write_text(
        f'[hms]\napp_id = "1001"\napp_secret = "{secret}"\n'
        f'[wechat_mini]\napp_id = "wx1"\nsecret = "{secret}"\n{mini}\n'
        f'[alipay_mini]\napp_id = "2021"\nprivate_key_file = "mini.pem"\n'
        f'platform_key_file = "alipay.pem"\n{mini}\n'
    )
    names = ("hms", "huawei_oauth", "wechat_mini", "alipay_mini")
    upstreams = tmp_path / "upstreams.toml"
    upstreams.write_text("".join(f'[{name}]\nurl = "{makers.url}"\n' for name in names), "utf-8")
    return settings.model_copy(update={"keys_dir": folder, "upstreams_file": upstreams})


@pytest.fixture
def upstreams() -> Mapping[Any, Any]:
    """Nobody is played."""
    return {}


async def _send(maker: Any, app: App, *addresses: str) -> list[Outcome]:
    outbounds = [
        Outbound(f"ref-{address}", address, "到校提醒", LONG, "/x", SendLane.CRITICAL)
        for address in addresses
    ]
    return list(await maker.send(app, Deadline.after(5), outbounds))


async def test_push_kit_by_its_published_form(app: App, makers: Makers) -> None:
    devices = ("device", "gone", "large", "broken", "busy", "html")
    assert await _send(hms, app, *devices) == [
        Taken("157440955549"),
        Refused("hms_80300007", is_gone=True),
        Refused("hms_80300008"),
        Failed("hms_81000001", outcome_known=True),
        Failed("unavailable", outcome_known=True),
        Failed("failed"),
    ]
    (message,) = makers.sent
    assert message["notification"] == {"title": "到校提醒", "body": LONG}
    assert message["android"]["notification"]["tag"] == "ref-device"
    assert json.loads(message["android"]["data"]) == {"message": "ref-device", "link": "/x"}


async def test_a_token_is_asked_for_again_when_it_is_refused_or_ends(
    app: App, makers: Makers, clock: ManualClock
) -> None:
    assert await _send(hms, app, "old") == [Failed("hms_80200003", outcome_known=True)]
    assert [type(one) for one in await _send(hms, app, "a", "b")] == [Taken, Taken]
    assert makers.tokens == 2
    clock.move(hms.timedelta(minutes=56))
    assert [type(one) for one in await _send(hms, app, "a")] == [Taken]
    assert makers.tokens == 3


async def test_wechat_by_its_published_form(app: App, makers: Makers) -> None:
    people = ("openid", "nobody", "refuses", "wrong", "busy", "limit", "list")
    assert await _send(wechat_mini, app, *people) == [
        Taken("2258"),
        Refused("wechat_40003", is_gone=True),
        Refused("wechat_43101"),
        Refused("wechat_47003"),
        Failed("wechat_-1", outcome_known=True),
        Failed("wechat_45009", outcome_known=True),
        Failed("failed"),
    ]
    (message,) = makers.sent
    assert (message["touser"], message["page"]) == ("openid", "pages/inbox?link=%2Fx")
    assert message["data"] == {
        "thing1": {"value": "到校提醒"},
        "thing2": {"value": f"{LONG[:19]}…"},
    }
    makers.tokens = 9  # somebody else has taken ours out of use
    assert await _send(wechat_mini, app, "openid") == [Failed("wechat_40001", outcome_known=True)]
    assert await _send(wechat_mini, app, "openid") == [Taken("2258")]


async def test_alipay_by_its_published_form(app: App, makers: Makers) -> None:
    user = "2088102122458832"
    assert await _send(alipay_mini, app, user, "stranger", "down", "ours", "forged") == [
        Taken(),
        Refused("user_not_subscribed"),
        Failed("system_error"),
        Failed("alipay_40006", outcome_known=True),
        Failed("not_signed"),
    ]
    content = makers.sent[0]
    assert content["to_user_id"] == user and "to_open_id" not in content
    await _send(alipay_mini, app, "074a1CcTG1LelxKe4xQC0zgNdId0nxi95b5lsNpazWYoCo5")
    assert makers.sent[-1]["to_open_id"].startswith("074a") and "to_user_id" not in makers.sent[-1]
    assert (content["user_template_id"], content["page"]) == ("T1", "pages/inbox?link=%2Fx")
    assert json.loads(content["data"])["thing1"] == {"value": "到校提醒"}


@pytest.mark.parametrize("secret", ["wrong"])
@pytest.mark.parametrize("maker", [hms, wechat_mini])
async def test_refused_credentials_lose_nothing(app: App, makers: Makers, maker: Any) -> None:
    (outcome,) = await _send(maker, app, "device")
    assert isinstance(outcome, Failed) and outcome.outcome_known
    assert not makers.sent


@pytest.mark.parametrize("answer", [{}, {"code": None}, {"errcode": "0"}, {"msg": "ok"}])
def test_garbage_is_silence_and_no_yes(answer: dict[str, Any]) -> None:
    for outcome in (hms.judge(200, answer), wechat_mini.judge(answer), alipay_mini.judge(answer)):
        assert isinstance(outcome, Failed)
