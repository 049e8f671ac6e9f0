"""Push through Huawei's Push Kit (HMS), REST v1.

The forms are those of developer.huawei.com, Push Kit, "Sending Downlink Messages" (its tables of
fields and response codes) and of Huawei's own server examples
(github.com/HMS-Core/hms-push-serverdemo-go): an access token by client credentials, a message to
tokens, and an answer whose `code` tells what became of it, mostly under HTTP 200. Push Kit shows a
repetition again; `tag` makes the second replace the first on the device.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import orjson

from core.context.access_tokens import Grant, access_token, drop_token
from core.context.app import App
from core.deadline import Deadline
from core.upstream.breaker import BreakerPolicy
from core.upstream.client import UpstreamError, UpstreamRejected
from core.upstream.operation import Request, System, json_of
from notifications.channels.credentials import credentials_of
from notifications.channels.port import (
    Failed,
    Outbound,
    Outcome,
    Provider,
    Refused,
    Taken,
    each,
    notice,
)
from notifications.templates.domain import Channel

AT_ONCE = 50
SUCCESS = "80000000"
BAD_TOKEN = frozenset({"80200001", "80200003"})
"""Our access token is refused, or has expired."""
GONE = "80300007"
"""All device tokens of the message are invalid; ours has one."""
OURS = frozenset({"80300002", "80600003"})
"""The application may not send, or its credentials are refused: of us, not of the message."""
PASSING = frozenset({"81000001"})
"""An internal error of Push Kit."""
OPENS_APP = 3
"""The click action that opens the application."""

HMS = System("hms", breaker=BreakerPolicy(open_s=1.0), optional=True)
HUAWEI = System("huawei_oauth", optional=True)


@HUAWEI.operation(
    "POST", "/oauth2/v3/token", answers=json_of(dict[str, Any]), name="grant", safe=True
)
def grant(app_id: str, app_secret: str) -> Request:
    """An access token for the application, with its life."""
    form = {"grant_type": "client_credentials", "client_id": app_id, "client_secret": app_secret}
    return Request(
        data=urlencode(form).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )


@HMS.operation(
    "POST", "/v1/{app_id}/messages:send", answers=json_of(dict[str, Any]), name="send_message"
)
def send_message(token: str, app_id: str, message: Mapping[str, Any]) -> Request:
    """Send one message; answers a code and the request's id."""
    return Request(
        path={"app_id": app_id},
        json={"validate_only": False, "message": message},
        headers={"Authorization": f"Bearer {token}"},
    )


async def send(app: App, deadline: Deadline, outbounds: Sequence[Outbound]) -> Sequence[Outcome]:
    """Send each by itself, many at once: devices of one message would have one text."""
    try:
        token = await _token(app, deadline)
    except UpstreamError as error:
        return [Failed(error.reason.lower(), outcome_known=True)] * len(outbounds)
    app_id = _credentials(app)["app_id"]

    async def one(outbound: Outbound) -> Outcome:
        try:
            answer = await send_message(app, deadline, token, app_id, describe(outbound))
        except UpstreamRejected as refusal:
            return _judge(app, token, refusal.status, _read(refusal.body))
        return _judge(app, token, 200, answer)

    return await each(outbounds, one, at_once=AT_ONCE)


def describe(outbound: Outbound) -> Mapping[str, Any]:
    """A message as Push Kit takes it."""
    data = {"message": outbound.ref} | ({"link": outbound.deep_link} if outbound.deep_link else {})
    urgent = outbound.lane.is_urgent
    title, text = notice(outbound)
    return {
        "notification": {"title": title, "body": text},
        "android": {
            "urgency": "HIGH" if urgent else "NORMAL",
            "ttl": "86400s",
            "bi_tag": outbound.ref[:64],
            "data": orjson.dumps(data).decode(),
            "notification": {
                "tag": outbound.ref,
                "default_sound": True,
                "click_action": {"type": OPENS_APP},
            },
        },
        "token": [outbound.address],
    }


def judge(status: int, answer: Mapping[str, Any]) -> Outcome:
    """What an answer means; one without a code is silence."""
    code = str(answer.get("code") or "")
    if code == SUCCESS:
        return Taken(str(answer.get("requestId", "")) or None)
    if code == GONE:
        return Refused(f"hms_{code}", is_gone=True)
    if code in BAD_TOKEN or code in OURS or code in PASSING:
        return Failed(f"hms_{code}", outcome_known=True)
    if status in (401, 403, 429):
        return Failed(f"http_{status}", outcome_known=True)
    if not code:
        return Failed("no_answer", outcome_known=status != 200)
    return Refused(f"hms_{code}")


def _judge(app: App, token: str, status: int, answer: Mapping[str, Any]) -> Outcome:
    if str(answer.get("code")) in BAD_TOKEN or status == 401:
        drop_token(app, "hms", token)
    return judge(status, answer)


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}


async def _token(app: App, deadline: Deadline) -> str:
    async def ask() -> Grant:
        credentials = _credentials(app)
        answer = await grant(app, deadline, credentials["app_id"], credentials["app_secret"])
        return Grant(str(answer["access_token"]), timedelta(seconds=int(answer["expires_in"])))

    return await access_token(app, "hms", ask)


def _credentials(app: App) -> Mapping[str, str]:
    credentials = credentials_of(app, "hms")
    assert credentials is not None  # is_set_up
    return credentials


HMS_PROVIDER = Provider(
    "hms",
    Channel.PUSH,
    send,
    is_set_up=lambda app: credentials_of(app, "hms") is not None,
    own_addresses=True,
)
