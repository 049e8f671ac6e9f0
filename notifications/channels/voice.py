"""Calls that read a message out, by Alibaba Cloud's voice service.

The form is that of help.aliyun.com, Dyvmsapi 2017-05-25, SingleCallByTts, signed in the RPC style
(HMAC-SHA1 over the sorted parameters). A text is read by an approved template of one variable,
whose name is in the credentials; it is read twice. The service knows no reference of ours before a
call, so one whose answer did not come may ring again.
"""

import base64
import hashlib
import hmac
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from core.context.app import App
from core.deadline import Deadline
from core.upstream.breaker import BreakerPolicy
from core.upstream.client import UpstreamRejected
from core.upstream.operation import Request, System, json_of
from notifications.channels.credentials import credentials_of
from notifications.channels.port import Failed, Outbound, Outcome, Provider, Refused, Taken, each
from notifications.templates.domain import Channel

OF_US = (
    *("InvalidAccessKeyId", "SignatureDoesNotMatch", "SignatureNonceUsed", "Forbidden", "isp."),
    *("isv.AMOUNT", "isv.OUT_OF_SERVICE", "isv.TTS_TEMPLATE"),
)
"""How codes begin that say nothing of the number called."""
CROWDED = "isv.BUSINESS_LIMIT_CONTROL"
"""The number was called once in a minute, five times in an hour or twenty in a day."""

VOICE = System("voice", breaker=BreakerPolicy(open_s=1.0), optional=True)
NAME = VOICE.name


@VOICE.operation("POST", "/", answers=json_of(dict[str, Any]))
def call(params: Mapping[str, str]) -> Request:
    """Have a number called; answers a `Code`, OK for taken."""
    return Request(
        data=urlencode(params).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )


async def send(app: App, deadline: Deadline, outbounds: Sequence[Outbound]) -> Sequence[Outcome]:
    """Call each number."""
    ours = credentials_of(app, NAME)
    assert ours is not None  # is_set_up

    async def one(outbound: Outbound) -> Outcome:
        params = describe(app, ours, outbound)
        signed = params | {"Signature": signature(params, ours["access_key_secret"])}
        try:
            return judge(await call(app, deadline, signed))
        except UpstreamRejected as refusal:
            return judge(_answer(refusal.body))

    return await each(outbounds, one)


def describe(app: App, ours: Mapping[str, str], outbound: Outbound) -> dict[str, str]:
    """A call's parameters without their signature."""
    return {
        "AccessKeyId": ours["access_key_id"],
        "Action": "SingleCallByTts",
        "CalledNumber": outbound.address,
        "Format": "JSON",
        "OutId": outbound.ref[:15],
        "PlayTimes": "2",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": uuid.uuid4().hex,
        "SignatureVersion": "1.0",
        "Timestamp": app.clock.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "TtsCode": ours["tts_code"],
        "TtsParam": orjson.dumps({ours["text_field"]: outbound.body}).decode(),
        "Version": "2017-05-25",
    }


def signature(params: Mapping[str, str], secret: str, method: str = "POST") -> str:
    """The signature of parameters in Base64."""
    pairs = "&".join(f"{_escaped(name)}={_escaped(params[name])}" for name in sorted(params))
    text = f"{method}&{_escaped('/')}&{_escaped(pairs)}"
    digest = hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def judge(answer: Mapping[str, Any]) -> Outcome:
    """What an answer means; one without a code is silence."""
    code = answer.get("Code")
    if code == "OK":
        return Taken(str(answer["CallId"]) if "CallId" in answer else None)
    if not isinstance(code, str):
        return Failed("no_answer")
    if code == CROWDED:
        return Refused("too_often")
    if code.startswith(OF_US):
        return Failed(code.lower(), outcome_known=True)
    return Refused(code.lower())


def _answer(body: bytes) -> Mapping[str, Any]:
    try:
        members = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return members if isinstance(members, dict) else {}


def _escaped(text: str) -> str:
    return quote(text, safe="~")


VOICE_PROVIDER = Provider(
    NAME,
    Channel.VOICE,
    send,
    is_set_up=lambda app: (
        credentials_of(app, NAME) is not None and app.upstreams.find_address(NAME) is not None
    ),
)
