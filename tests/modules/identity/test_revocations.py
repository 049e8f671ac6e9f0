"""What a user takes back at WeChat or Alipay, as the platforms push it and have published it.

WeChat: the example of developers.weixin.qq.com, "message-push" (secure mode, JSON), and the event
of "authorized_user_information_changes". Alipay: a message that its gateway sent in January 2024,
which stands in kysion/alipay-library (internal/logic/merchant), signed anew by openssl.
"""

import base64
import hashlib
import json
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from core.clock import ManualClock
from core.context.app import App
from core.database import transaction
from core.ids import new_id
from core.security.authentication import Viewer
from core.settings import Settings
from core.standards.wechat_push import NotFromWeChat, Push
from modules.identity.mini_programmes import alipay, wechat
from modules.identity.mini_programmes.service import index_of
from modules.identity.models import SUBJECT, MiniProgrammeLink, Session
from notifications.messages.models import Message
from notifications.reach import store as reach_store
from notifications.reach.models import Address
from notifications.templates.domain import Channel
from tests.asgi import Client
from tests.jobs import run_due
from tests.modules.identity.test_signed_out import session_of

MakeCitizen = Callable[..., Awaitable[Viewer]]

TOKEN, KEY = "AAAAA", "A" * 43
DOC = Push.of("wxba5fad812f8e6fb9", TOKEN, KEY)
SEALED = (
    "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcv"
    "ZqzDpVzazhZv6JsXUnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3F"
    "n2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSe"
    "OBrebufAlr7F9mFUPAJGj04="
)
SIGNED = ("046e02f8204d34f8ba5fa3b1db94908f3df2e9b3", "1714112445", "415670741")
WECHAT_APP, OPENID = "wx13974bf780d3dc89", "oaKk343WOktAaT2ygsX138BGblrg"
REVOKED: dict[str, Any] = {
    "ToUserName": "gh_870882ca4b1",
    "FromUserName": "oaKk346BaWE-eIn4oSRWbaM9vR7s",
    "CreateTime": 1627359464,
    "MsgType": "event",
    "Event": "user_authorization_revoke",
    "OpenID": OPENID,
    "AppID": WECHAT_APP,
    "RevokeInfo": "8",
}
ALIPAY_APP, USER = "2021004133631026", "2088032632355117"
CANCELLED = {
    "version": "1.1",
    "msg_method": "alipay.open.auth.userauth.cancelled",
    "utc_timestamp": "1706328088729",
    "sign_type": "RSA2",
    "notify_id": "2024012700262115922056303136304483",
    "charset": "UTF-8",
    "biz_content": '{"cancel_time":1706327962739,"user_id":"2088032632355117",'
    '"app_id":"2021004133631026"}',
    "app_id": ALIPAY_APP,
}


def _seal(text: str, app_id: str, first: bytes = b"707722b803182950") -> str:
    """What WeChat encrypts: written by the page's rules, and tried below on the page's example."""
    whole = first + len(text.encode()).to_bytes(4, "big") + text.encode() + app_id.encode()
    padder, key = PKCS7(256).padder(), base64.b64decode(KEY + "=")
    cipher = Cipher(AES(key), CBC(key[:16])).encryptor()
    padded = padder.update(whole) + padder.finalize()
    return base64.b64encode(cipher.update(padded) + cipher.finalize()).decode()


def _sign(*parts: str) -> str:
    return hashlib.sha1("".join(sorted((TOKEN, *parts))).encode()).hexdigest()


def _openssl(text: str, key: Path) -> str:
    command = ["openssl", "dgst", "-sha256", "-sign", str(key)]
    made = subprocess.run(command, input=text.encode(), capture_output=True, check=True)
    return base64.b64encode(made.stdout).decode()


def test_wechats_own_example_is_opened() -> None:
    assert DOC.is_signed("f464b24fc39322e44b38aa78f5edd27bd1441696", "1714036504", "1514711492")
    assert DOC.open(*SIGNED, SEALED) == {
        "ToUserName": "gh_97417a04a28d",
        "FromUserName": "o9AgO5Kd5ggOC-bXrbNODIiE3bGY",
        "CreateTime": 1714112445,
        "MsgType": "event",
        "Event": "debug_demo",
        "debug_str": "hello world",
    }
    reply = _seal('{"demo_resp":"good luck"}', DOC.app_id)
    assert reply == (
        "ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ=="
    )
    assert _sign("1713424427", "415670741", reply) == "1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1"


@pytest.mark.parametrize(
    ("signed", "sealed"),
    [
        (("0" * 40, *SIGNED[1:]), SEALED),
        ((SIGNED[0], "1714112446", SIGNED[2]), SEALED),
        (SIGNED, SEALED.replace("Q5c", "Q5d")),
        (("签名", *SIGNED[1:]), SEALED),
        (("", "", ""), ""),
    ],
)
def test_what_wechat_did_not_sign_is_not_opened(signed: tuple[str, str, str], sealed: str) -> None:
    with pytest.raises(NotFromWeChat):
        DOC.open(*signed, sealed)


@pytest.mark.parametrize("sealed", ["", "AAAA", "x", SEALED[:64], _seal("[]", DOC.app_id)])
def test_what_is_signed_and_holds_no_message_is_not_opened(sealed: str) -> None:
    with pytest.raises(NotFromWeChat):
        DOC.open(_sign("1", "2", sealed), "1", "2", sealed)
    other = Push.of("wx0000000000000001", TOKEN, KEY)
    with pytest.raises(NotFromWeChat):
        other.open(*SIGNED, SEALED)  # sent to another app
    for key in ("", "A" * 42, "A" * 44, "的" * 43):
        with pytest.raises(ValueError):
            Push.of("wx", TOKEN, key)


@pytest.mark.parametrize(
    ("changes", "is_taken"),
    [
        ({}, True),
        ({"Event": "user_authorization_cancellation", "RevokeInfo": ""}, True),
        ({"RevokeInfo": "99"}, True),  # what WeChat adds later
        ({"RevokeInfo": "1"}, False),  # a plate number
        ({"RevokeInfo": "6"}, False),  # name and picture
        ({"Event": "user_info_modified"}, False),
        ({"AppID": "wx0000000000000009"}, False),
        ({"PluginID": "wx13974bf780d3dc89"}, False),
        ({"OpenID": None}, False),
        ({"CreateTime": "soon"}, False),
    ],
)
def test_which_of_wechats_events_end_a_link(changes: dict[str, Any], is_taken: bool) -> None:
    message = {f" {name}": value for name, value in (REVOKED | changes).items()}
    found = wechat.read_revocation(message, WECHAT_APP)
    assert (found is not None) is is_taken
    if found is not None:
        assert (found.subject, found.revoked_at.timestamp()) == (OPENID, 1627359464)


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """A city that has agreed with both platforms on pushes."""
    keys = tmp_path / "push-keys"
    assert settings.keys_dir is not None
    shutil.copytree(settings.keys_dir, keys)
    (keys / "mini_programmes.toml").write_text(
        f'[wechat]\napp_id = "{WECHAT_APP}"\nsecret = "s"\npush_token = "{TOKEN}"\n'
        f'push_key = "{KEY}"\n[alipay]\napp_id = "{ALIPAY_APP}"\n'
        'private_key_file = "alipay_merchant_private.pem"\n'
        'platform_key_file = "alipay_platform_public.pem"\n'
    )
    return settings.model_copy(update={"keys_dir": keys})


class Linked:
    """Somebody whose account a platform opens, with a session by it and one beside it."""

    def __init__(self, client: Client, link: MiniProgrammeLink, sessions: list[Session]) -> None:
        self.client, self.app, self.link, self.sessions = client, client.app, link, sessions

    async def push(self, **changes: Any) -> tuple[int, bytes]:
        """The platform's push: of its own example, with some members changed."""
        if self.link.platform == "WECHAT":
            return await self._wechat(json.dumps(REVOKED | changes))
        return await self._alipay(CANCELLED | changes)

    async def _wechat(self, text: str) -> tuple[int, bytes]:
        sealed = _seal(text, WECHAT_APP)
        query = urlencode(
            {
                "signature": _sign("1627359465", "7"),
                "timestamp": "1627359465",
                "nonce": "7",
                "openid": OPENID,
                "encrypt_type": "aes",
                "msg_signature": _sign("1627359465", "7", sealed),
            }
        )
        body = json.dumps({"ToUserName": "gh_870882ca4b1", "Encrypt": sealed}).encode()
        return await self.post(f"/callbacks/mini-programmes/wechat?{query}", body)

    async def _alipay(self, members: Mapping[str, str], *, with_type: bool = False) -> Any:
        left_out = {"sign"} if with_type else {"sign", "sign_type"}
        signed = {name: value for name, value in members.items() if name not in left_out}
        text = "&".join(f"{name}={signed[name]}" for name in sorted(signed))
        key = self.app.settings.keys_path / "alipay_platform_private.pem"
        form = {**members, "sign": _openssl(text, key)}
        return await self.post("/callbacks/mini-programmes/alipay", urlencode(form).encode())

    async def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """A request to our address."""
        answer = await self.client.post(body, path=path)
        return answer.status, answer.body

    async def told(self) -> int:
        """How often the owner was told."""
        await run_due(self.app, "identity.alarm", "identity.tell_signed_out")
        rows = await Message.filter(person_id=self.link.citizen_id)
        assert {row.template for row in rows} <= {"identity.mini_programme_unlinked"}
        return len(rows)

    async def live(self) -> list[bool]:
        """Which of the sessions go on."""
        rows = [await Session.get(id=session.id) for session in self.sessions]
        return [row.revoked_at is None for row in rows]


@pytest.fixture(params=["WECHAT", "ALIPAY"])
async def linked(
    request: pytest.FixtureRequest,
    client: Client,
    app: App,
    citizen: MakeCitizen,
    clock: ManualClock,
) -> Linked:
    """Linked a day before the example was sent."""
    is_wechat = request.param == "WECHAT"
    sent_at = datetime.fromtimestamp(1627359464 if is_wechat else 1706327962, UTC)
    clock.move(sent_at - timedelta(days=1) - clock.now())
    person_id = (await citizen()).user_id
    app_id, subject = (WECHAT_APP, OPENID) if is_wechat else (ALIPAY_APP, USER)
    link = await MiniProgrammeLink.create(
        id=new_id(),
        citizen_id=person_id,
        platform=request.param,
        subject_index=index_of(app, request.param, app_id, subject),
        subject_sealed=app.vault.encrypt(subject, SUBJECT),
        linked_at=clock.now(),
        last_used_at=clock.now(),
    )
    async with transaction() as tx:
        provider = f"{request.param.lower()}_mini"
        await reach_store.put_address(
            app, tx, person_id, Channel.MINI_PROGRAMME, provider, subject, new_id()
        )
    sessions = [await session_of(app, person_id, device) for device in ("one", "two")]
    await Session.filter(id=sessions[0].id).update(link_id=link.id)
    clock.move(timedelta(days=1, minutes=1))
    return Linked(client, link, sessions)


async def test_a_revocation_ends_the_link_and_what_it_opened_and_is_told_once(
    linked: Linked,
) -> None:
    for _ in range(2):
        assert await linked.push() == (200, b"success")
    assert not await MiniProgrammeLink.exists(id=linked.link.id)
    assert await Address.all().count() == 0
    assert await linked.live() == [False, True]
    assert await linked.told() == 1


async def test_sent_again_later_it_ends_no_link_that_was_made_after_it(
    linked: Linked, clock: ManualClock
) -> None:
    await MiniProgrammeLink.filter(id=linked.link.id).update(linked_at=clock.now())
    assert await linked.push() == (200, b"success")
    assert await MiniProgrammeLink.exists(id=linked.link.id)
    assert (await linked.live(), await linked.told()) == ([True, True], 0)


async def test_an_unknown_user_is_answered_as_taken(linked: Linked) -> None:
    other = {"OpenID": "oNobodyNobodyNobodyNobody123"}
    if linked.link.platform == "ALIPAY":
        content = CANCELLED["biz_content"].replace(USER, "2088000000000000")
        other = {"biz_content": content}
    assert await linked.push(**other) == (200, b"success")
    assert (await linked.live(), await linked.told()) == ([True, True], 0)


async def test_what_the_platform_did_not_sign_changes_nothing(linked: Linked) -> None:
    path = f"/callbacks/mini-programmes/{linked.link.platform.lower()}"
    forged = urlencode({**CANCELLED, "sign": base64.b64encode(b"x" * 256).decode()})
    plain = json.dumps(REVOKED)  # plain mode: its signature is not over the body
    signed = f"?signature={_sign('1', '2')}&timestamp=1&nonce=2&msg_signature={_sign('1', '2')}"
    for body in (b"", b"{}", b"[]", forged.encode(), plain.encode(), b"x" * 100_000):
        assert (await linked.post(path + signed, body))[0] == 401
    assert (await linked.live(), await linked.told()) == ([True, True], 0)


async def test_a_push_that_holds_no_text_is_not_wechats(client: Client) -> None:
    deep = b'{"Encrypt": %b}' % (b"[" * 1_000 + b"]" * 1_000)  # too deep to be written out
    for body in (deep, b'{"Encrypt": 1}', b"{}", b"[]", b""):
        answer = await client.post(body, path="/callbacks/mini-programmes/wechat")
        assert (answer.status, answer.body) == (401, b"fail"), body[:20]


async def test_wechat_is_answered_when_the_address_is_entered_in_its_console(
    linked: Linked,
) -> None:
    path = "/callbacks/mini-programmes/wechat"
    query = "timestamp=1714036504&nonce=1514711492&echostr=4375120948345356249"
    good = await linked.client.request(
        "GET", f"{path}?signature=f464b24fc39322e44b38aa78f5edd27bd1441696&{query}"
    )
    assert (good.status, good.body) == (200, b"4375120948345356249")
    bad = await linked.client.request("GET", f"{path}?signature={'0' * 40}&{query}")
    assert (bad.status, b"4375" in bad.body) == (401, False)


async def test_alipays_signature_may_be_over_its_type_and_names_may_be_newer(
    linked: Linked,
) -> None:
    if linked.link.platform != "ALIPAY":
        return
    content = json.dumps({"cancel_time": 1706327962739, "open_id": USER, "app_id": ALIPAY_APP})
    assert (await linked._alipay(CANCELLED | {"biz_content": "x"}, with_type=True))[0] == 200
    assert (await linked._alipay(CANCELLED | {"app_id": "2021"}))[0] == 200
    assert await linked.live() == [True, True]
    assert (await linked._alipay(CANCELLED | {"biz_content": content}, with_type=True))[0] == 200
    assert await linked.live() == [False, True]
    assert CANCELLED["msg_method"] == alipay.CANCELLED
