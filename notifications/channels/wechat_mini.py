"""Subscription messages of a WeChat mini-programme.

The forms are those of developers.weixin.qq.com/miniprogram, "subscribeMessage.send" and
"getStableAccessToken" (a token that several processes may ask for without ending each other's).
Somebody may be sent one message for each time that they have agreed to it in the mini-programme;
otherwise the answer is 43101, and the message stays in the inbox. WeChat knows no name of ours for
a message: one whose answer did not come is sent again, and may be shown twice.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from core.context.access_tokens import Grant, access_token, drop_token
from core.context.app import App
from core.deadline import Deadline
from core.upstream.breaker import BreakerPolicy
from core.upstream.client import UpstreamError
from core.upstream.operation import Request, System, json_of
from notifications.channels.credentials import credentials_of
from notifications.channels.mini_programme import fields_of, page_of
from notifications.channels.port import Failed, Outbound, Outcome, Provider, Refused, Taken, each
from notifications.templates.domain import Channel

BAD_TOKEN = frozenset({40001, 40014, 42001})
PASSING = frozenset({-1, 43108, 45009, 45011})
"""Busy, two calls at once, and the limits of a day and of a minute."""
NO_SUCH_PERSON = 40003

WECHAT = System("wechat_mini", breaker=BreakerPolicy(open_s=1.0), optional=True)
NAME = WECHAT.name


@WECHAT.operation(
    "POST", "/cgi-bin/stable_token", answers=json_of(dict[str, Any]), name="grant", safe=True
)
def grant(app_id: str, secret: str) -> Request:
    """An access token for the mini-programme, with its life."""
    return Request(json={"grant_type": "client_credential", "appid": app_id, "secret": secret})


@WECHAT.operation(
    "POST", "/cgi-bin/message/subscribe/send", answers=json_of(dict[str, Any]), name="send"
)
def send_message(token: str, message: Mapping[str, Any]) -> Request:
    """Send one message; answers an `errcode`, 0 for taken."""
    return Request(params={"access_token": token}, json=message)


async def send(app: App, deadline: Deadline, outbounds: Sequence[Outbound]) -> Sequence[Outcome]:
    """Send each by itself: the form has no batch."""
    try:
        token = await _token(app, deadline)
    except UpstreamError as error:
        return [Failed(error.reason.lower(), outcome_known=True)] * len(outbounds)
    except (KeyError, ValueError):  # an errcode under HTTP 200: of our credentials
        return [Failed("no_access", outcome_known=True)] * len(outbounds)

    async def one(outbound: Outbound) -> Outcome:
        answer = await send_message(app, deadline, token, describe(_credentials(app), outbound))
        if answer.get("errcode") in BAD_TOKEN:
            drop_token(app, NAME, token)
        return judge(answer)

    return await each(outbounds, one)


def describe(credentials: Mapping[str, str], outbound: Outbound) -> Mapping[str, Any]:
    """A message as WeChat takes it."""
    return {
        "touser": outbound.address,
        "template_id": credentials["template_id"],
        "page": page_of(credentials, outbound),
        "data": fields_of(credentials, outbound),
        "miniprogram_state": credentials.get("state", "formal"),
        "lang": "zh_CN",
    }


def judge(answer: Mapping[str, Any]) -> Outcome:
    """What an answer means; one without a code is silence."""
    code = answer.get("errcode")
    if code == 0:
        return Taken(str(answer["msgid"]) if "msgid" in answer else None)
    if not isinstance(code, int):
        return Failed("no_answer")
    if code in BAD_TOKEN or code in PASSING:
        return Failed(f"wechat_{code}", outcome_known=True)
    return Refused(f"wechat_{code}", is_gone=code == NO_SUCH_PERSON)


async def _token(app: App, deadline: Deadline) -> str:
    async def ask() -> Grant:
        credentials = _credentials(app)
        answer = await grant(app, deadline, credentials["app_id"], credentials["secret"])
        return Grant(str(answer["access_token"]), timedelta(seconds=int(answer["expires_in"])))

    return await access_token(app, NAME, ask)


def _credentials(app: App) -> Mapping[str, str]:
    credentials = credentials_of(app, NAME)
    assert credentials is not None  # is_set_up
    return credentials


WECHAT_PROVIDER = Provider(
    NAME,
    Channel.MINI_PROGRAMME,
    send,
    is_set_up=lambda app: credentials_of(app, NAME) is not None,
    own_addresses=True,
)
