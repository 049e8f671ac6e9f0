"""Subscription messages of an Alipay mini-programme.

The form is that of opendocs.alipay.com/mini/02cth2, `alipay.open.app.mini.templatemessage.send`, in
the gateway's signed envelope. Alipay knows no name of ours for a message.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson

from core.context.app import App
from core.deadline import Deadline
from core.standards.alipay_envelope import NotSigned, Signer, common_params
from core.upstream.breaker import BreakerPolicy
from core.upstream.client import ANY
from core.upstream.operation import Answer, Request, System
from notifications.channels.credentials import credentials_of, key_file
from notifications.channels.mini_programme import fields_of, page_of
from notifications.channels.port import Failed, Outbound, Outcome, Provider, Refused, Taken, each
from notifications.templates.domain import Channel

METHOD = "alipay.open.app.mini.templatemessage.send"
NODE = "alipay_open_app_mini_templatemessage_send_response"
SUCCESS, BUSINESS, UNAVAILABLE = "10000", "40004", "20000"
"""Of the gateway's codes (opendocs.alipay.com/common/02km9f); all others are of us."""

_USER_ID = re.compile(r"2088[0-9]{12}", re.ASCII)

ALIPAY = System("alipay_mini", breaker=BreakerPolicy(open_s=1.0), optional=True)
NAME = ALIPAY.name


@ALIPAY.operation("POST", "/gateway.do", answers=Answer(lambda response: response.body), accept=ANY)
def call(params: Mapping[str, str]) -> Request:
    """Call the gateway with signed parameters; answers the body as it came."""
    return Request(
        data=urlencode(params).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded;charset=utf-8"},
    )


async def send(app: App, deadline: Deadline, outbounds: Sequence[Outbound]) -> Sequence[Outcome]:
    """Send each by itself: the form has no batch."""
    signer = app.once(NAME, lambda: _signer(app))

    async def one(outbound: Outbound) -> Outcome:
        body = await call(app, deadline, signer.sign(describe(app, outbound)))
        try:
            return judge(signer.open_answer(body, NODE))
        except NotSigned:
            return Failed("not_signed")

    return await each(outbounds, one)


def describe(app: App, outbound: Outbound) -> Mapping[str, str]:
    """The parameters of a call."""
    credentials = _credentials(app)
    content = {
        _receiver(outbound.address): outbound.address,
        "user_template_id": credentials["template_id"],
        "page": page_of(credentials, outbound),
        "data": orjson.dumps(fields_of(credentials, outbound)).decode(),
    }
    members = common_params(credentials["app_id"], METHOD, app.clock.now())
    return members | {"biz_content": orjson.dumps(content).decode()}


def _receiver(name: str) -> str:
    """How the form calls a name: a user id is sixteen digits from 2088 on, all others are open ids
    (opendocs.alipay.com, "openid")."""
    return "to_user_id" if _USER_ID.fullmatch(name) else "to_open_id"


def judge(answer: Mapping[str, Any]) -> Outcome:
    """What a signed answer means."""
    code, sub_code = str(answer.get("code")), str(answer.get("sub_code", ""))
    if code == SUCCESS:
        return Taken()
    if code == UNAVAILABLE or sub_code.endswith("SYSTEM_ERROR"):
        return Failed("system_error")
    if code == BUSINESS:
        return Refused(sub_code.lower() or "alipay_40004")
    return Failed(f"alipay_{code}", outcome_known=True)


def _signer(app: App) -> Signer:
    credentials = _credentials(app)
    files = (credentials["private_key_file"], credentials["platform_key_file"])
    private, platform = (key_file(app, name).read_bytes() for name in files)
    return Signer(private, platform)


def _credentials(app: App) -> Mapping[str, str]:
    credentials = credentials_of(app, NAME)
    assert credentials is not None  # is_set_up
    return credentials


ALIPAY_PROVIDER = Provider(
    NAME,
    Channel.MINI_PROGRAMME,
    send,
    is_set_up=lambda app: credentials_of(app, NAME) is not None,
    own_addresses=True,
)
