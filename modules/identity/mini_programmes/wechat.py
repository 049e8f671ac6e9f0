"""Signing in from a WeChat mini-programme.

The forms are those of developers.weixin.qq.com/miniprogram: "code2Session" for the code of
`wx.login`, "getPhoneNumber" for that of the button `getPhoneNumber`, "getStableAccessToken" for the
token that the latter takes. Both codes are good once and for five minutes. A refusal is an
`errcode` under HTTP 200.
"""

from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from core.context.access_tokens import Grant, access_token, drop_token
from core.context.app import App
from core.deadline import Deadline
from core.standards.wechat_push import Push
from core.upstream.client import ANY, UpstreamFailed
from core.upstream.operation import Request, System, json_of
from modules.identity.domain import Platform
from modules.identity.mini_programmes.port import (
    Known,
    MiniProgramme,
    NotAccepted,
    Revocation,
    credentials_of,
)

NOT_ACCEPTED = frozenset({40029, 40163, 40226})
"""A code that is none, that was used, and one of a user whom WeChat itself blocks."""
BAD_TOKEN = frozenset({40001, 40014, 42001})
MAINLAND = "86"

WECHAT = System("wechat_sign_in", optional=True)


@WECHAT.operation(
    "POST", "/cgi-bin/stable_token", answers=json_of(dict[str, Any]), name="grant", safe=True
)
def grant(app_id: str, secret: str) -> Request:
    """An access token for the mini-programme, with its life."""
    return Request(json={"grant_type": "client_credential", "appid": app_id, "secret": secret})


@WECHAT.operation(
    "GET", "/sns/jscode2session", answers=json_of(dict[str, Any]), safe=False, accept=ANY
)
def code_to_session(app_id: str, secret: str, code: str) -> Request:
    """Spend a code of `wx.login`; answers as text/plain. Asked once: the code is gone after it."""
    form = {"grant_type": "authorization_code", "appid": app_id, "secret": secret, "js_code": code}
    return Request(params=form)


@WECHAT.operation(
    "POST", "/wxa/business/getuserphonenumber", answers=json_of(dict[str, Any]), name="phone"
)
def phone_number(token: str, code: str) -> Request:
    """Spend a code of the button `getPhoneNumber`."""
    return Request(params={"access_token": token}, json={"code": code})


async def ask(app: App, deadline: Deadline, code: str, phone_proof: str | None) -> Known:
    """Whom WeChat knows by a code; `phone_proof` is the button's code. See the port."""
    ours = credentials_of(app, Platform.WECHAT)
    session = await code_to_session(app, deadline, ours["app_id"], ours["secret"], code)
    judge("code_to_session", session)
    subject, union = _text(session, "openid"), session.get("unionid")
    phone = None
    if phone_proof is not None:
        phone = read_phone(await _phone_answer(app, deadline, phone_proof), ours["app_id"])
    return Known(subject, union if isinstance(union, str) and union else None, phone)


def judge(operation: str, answer: Mapping[str, Any]) -> None:
    """Raise NotAccepted for a refused code, UpstreamFailed for any other refusal."""
    code = answer.get("errcode", 0)
    if code in NOT_ACCEPTED:
        raise NotAccepted
    if code != 0:
        raise UpstreamFailed(WECHAT.name, operation, f"errcode {code}")


def read_phone(answer: Mapping[str, Any], app_id: str) -> str:
    """The number of an answer that is for our app: of the mainland without its country's code.

    Raises NotAccepted for a proof of another app, UpstreamFailed for an unknown form.
    """
    members = answer.get("phone_info")
    try:
        if not isinstance(members, Mapping) or members["watermark"]["appid"] != app_id:
            raise NotAccepted
        is_mainland = str(members["countryCode"]) == MAINLAND
        return _text(members, "purePhoneNumber" if is_mainland else "phoneNumber")
    except (KeyError, TypeError):
        raise UpstreamFailed(WECHAT.name, "phone", "unknown form") from None


async def _phone_answer(app: App, deadline: Deadline, code: str) -> Mapping[str, Any]:
    """The answer to a phone's code; where our token has ended before its time, with a new one."""
    token = await _token(app, deadline)
    answer = await phone_number(app, deadline, token, code)
    if answer.get("errcode") in BAD_TOKEN:
        drop_token(app, WECHAT.name, token)
        answer = await phone_number(app, deadline, await _token(app, deadline), code)
    judge("phone", answer)
    return answer


REVOKED, CLOSED = "user_authorization_revoke", "user_authorization_cancellation"
PHONE_NUMBER = "8"
NOT_KEPT = frozenset(map(str, (1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15, 16, 18, 19, 20)))
"""What a user may take back and this app has never asked for: plates, addresses, a picture. The
link rests on the phone number; what WeChat adds later is taken for it."""


def push_of(app: App) -> Push | None:
    """How pushes come; None where none are agreed on. Raises ValueError for a malformed key."""
    return read_push(credentials_of(app, Platform.WECHAT))


def read_push(ours: Mapping[str, str]) -> Push | None:
    """The same, of the platform's table."""
    if "push_token" not in ours:
        return None
    return Push.of(ours.get("app_id", ""), ours["push_token"], ours.get("push_key", ""))


def read_revocation(message: Mapping[str, Any], app_id: str) -> Revocation | None:
    """Who took back what the link rests on, or has closed their account at WeChat; None for any
    other message, of another app, and of a plug-in.

    Form: .../event_push/platform/authorized_user_information_changes; some samples of it have
    blanks before the names of members.
    """
    members = {name.strip(): value for name, value in message.items()}
    event, subject, made_at = members.get("Event"), members.get("OpenID"), members.get("CreateTime")
    is_ours = members.get("AppID") == app_id and not members.get("PluginID")
    is_of_link = event == CLOSED or (event == REVOKED and members.get("RevokeInfo") not in NOT_KEPT)
    if not (is_ours and is_of_link and isinstance(subject, str) and isinstance(made_at, int)):
        return None
    return Revocation(Platform.WECHAT, app_id, subject, datetime.fromtimestamp(made_at, UTC))


def _token(app: App, deadline: Deadline) -> Awaitable[str]:
    ours = credentials_of(app, Platform.WECHAT)

    async def ask_grant() -> Grant:
        answer = await grant(app, deadline, ours["app_id"], ours["secret"])
        judge("grant", answer)
        life = answer.get("expires_in")
        if not isinstance(life, int):
            raise UpstreamFailed(WECHAT.name, "grant", "unknown form")
        return Grant(_text(answer, "access_token"), timedelta(seconds=life))

    return access_token(app, WECHAT.name, ask_grant)


def _text(answer: Mapping[str, Any], member: str) -> str:
    value = answer.get(member)
    if not isinstance(value, str) or not value:
        raise UpstreamFailed(WECHAT.name, member, "unknown form")
    return value


WECHAT_MINI = MiniProgramme(Platform.WECHAT, WECHAT.name, ask)
