"""Signing in from an Alipay mini-programme.

The forms are those of opendocs.alipay.com: `alipay.system.oauth.token` for the code of
`my.getAuthCode`, in the gateway's signed envelope, and `my.getPhoneNumber`, whose encrypted and
signed content the mini-programme carries to us. The code is good once; the content names no moment
and no user, so that it shows no more than that somebody with this number let our app know it.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from core.context.app import App
from core.deadline import Deadline
from core.standards.alipay_envelope import NotSigned, Signer, common_params
from core.upstream.client import ANY, UpstreamFailed
from core.upstream.operation import Answer, Request, System
from modules.identity.domain import Platform
from modules.identity.mini_programmes.port import (
    Known,
    MiniProgramme,
    NotAccepted,
    Revocation,
    content_key,
    credentials_of,
)

CANCELLED = "alipay.open.auth.userauth.cancelled"
METHOD = "alipay.system.oauth.token"
NODE = "alipay_system_oauth_token_response"
CODE_INVALID = "isv.code-invalid"
SUCCESS, UNAUTHORISED = "10000", "isv.invalid-auth-relations"
"""Of a content; the latter where the user has not agreed, or has taken it back."""

ALIPAY = System("alipay_sign_in", optional=True)


@ALIPAY.operation("POST", "/gateway.do", answers=Answer(lambda response: response.body), accept=ANY)
def call(params: Mapping[str, str]) -> Request:
    """Call the gateway with signed parameters; answers the body as it came."""
    return Request(
        data=urlencode(params).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"},
    )


async def ask(app: App, deadline: Deadline, code: str, phone_proof: str | None) -> Known:
    """Whom Alipay knows by a code; `phone_proof` is the `response` of `my.getPhoneNumber`. See the
    port."""
    ours = credentials_of(app, Platform.ALIPAY)
    signer = app.once(ALIPAY.name, lambda: _signer(app, ours))
    phone = None if phone_proof is None else read_phone(signer, content_key(ours), phone_proof)
    members = common_params(ours["app_id"], METHOD, app.clock.now())
    members |= {"grant_type": "authorization_code", "code": code}
    body = await call(app, deadline, signer.sign(members))
    try:
        return read_user(signer.open_answer(body, NODE), phone)
    except NotSigned:
        raise UpstreamFailed(ALIPAY.name, "call", "the answer's signature does not hold") from None


def read_user(node: Mapping[str, Any], phone: str | None) -> Known:
    """Whom a node names; a success has no code. Raises NotAccepted, UpstreamFailed.

    Older apps are told a `user_id`, newer ones an `open_id` instead.
    """
    if node.get("sub_code") == CODE_INVALID:
        raise NotAccepted
    subject, union = node.get("open_id") or node.get("user_id"), node.get("union_id")
    if not isinstance(subject, str):
        raise UpstreamFailed(ALIPAY.name, "call", str(node.get("sub_code", "unknown form"))[:64])
    return Known(subject, union if isinstance(union, str) else None, phone)


def read_phone(signer: Signer, key: bytes, response: str) -> str:
    """The number of a content. Raises NotAccepted where there is none, or Alipay did not sign it;
    UpstreamFailed where Alipay was busy when it was made."""
    try:
        members = json.loads(response)
        content = signer.open_content(members if isinstance(members, dict) else {}, key)
    except (NotSigned, ValueError, RecursionError):
        raise NotAccepted from None
    mobile = content.get("mobile")
    if content.get("code") == SUCCESS and isinstance(mobile, str):
        return mobile
    if content.get("subCode") == UNAUTHORISED:
        raise NotAccepted
    raise UpstreamFailed(ALIPAY.name, "phone", str(content.get("subCode", "unknown form"))[:64])


def read_revocation(app: App, body: bytes) -> Sequence[Revocation]:
    """Of whom a pushed message says that they took back what they allowed our app: by each name
    that it has for them. None for any other message. Raises NotSigned.

    Form: opendocs.alipay.com, message service (version 1.1), `alipay.open.auth.userauth.cancelled`.
    """
    ours = credentials_of(app, Platform.ALIPAY)
    if not ours:
        raise NotSigned
    signer = app.once(ALIPAY.name, lambda: _signer(app, ours))
    members = signer.open_form(body, may_sign_type=True)
    if members.get("msg_method") != CANCELLED or members.get("app_id") != ours["app_id"]:
        return []
    try:
        content = json.loads(members.get("biz_content", ""))
        revoked_at = datetime.fromtimestamp(int(content["cancel_time"]) / 1000, UTC)
        names = [content.get("open_id"), content.get("user_id")]
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
        return []
    app_id, subjects = ours["app_id"], [name for name in names if isinstance(name, str)]
    return [Revocation(Platform.ALIPAY, app_id, subject, revoked_at) for subject in subjects]


def _signer(app: App, ours: Mapping[str, str]) -> Signer:
    names = (ours["private_key_file"], ours["platform_key_file"])
    private, platform = ((app.settings.keys_path / name).read_bytes() for name in names)
    return Signer(private, platform)


ALIPAY_MINI = MiniProgramme(Platform.ALIPAY, ALIPAY.name, ask)
