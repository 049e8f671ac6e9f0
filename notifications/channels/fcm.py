"""Push through Firebase Cloud Messaging, HTTP v1.

The forms are those of firebase.google.com/docs/reference/fcm/rest/v1 (messages:send, ErrorCode) and
of developers.google.com/identity/protocols/oauth2/service-account (an assertion by RFC 7523 for an
access token of an hour). FCM shows a repetition again; `collapse_key` and `tag` make the second
replace the first on the device.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import jwt
import orjson

from core.context.access_tokens import Grant, access_token, drop_token
from core.context.app import App
from core.deadline import Deadline
from core.upstream.breaker import BreakerPolicy
from core.upstream.client import UpstreamError, UpstreamRejected
from core.upstream.operation import Request, System, json_of
from notifications.channels.credentials import credentials_of, key_file
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

SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFE = timedelta(hours=1)
AT_ONCE = 50

FCM = System("fcm", breaker=BreakerPolicy(open_s=1.0), optional=True)
GOOGLE = System("google_oauth", optional=True)


@GOOGLE.operation("POST", "/token", answers=json_of(str, "access_token"), name="grant", safe=True)
def grant(assertion: str) -> Request:
    """An access token for an assertion."""
    return Request(
        data=urlencode({"grant_type": GRANT, "assertion": assertion}).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )


@FCM.operation("POST", "/v1/projects/{project}/messages:send", answers=json_of(str, "name"))
def send_message(token: str, project: str, message: Mapping[str, Any]) -> Request:
    """Send one message; answers its name."""
    return Request(
        path={"project": project},
        json={"message": message},
        headers={"Authorization": f"Bearer {token}"},
    )


async def send(app: App, deadline: Deadline, outbounds: Sequence[Outbound]) -> Sequence[Outcome]:
    """Send each by itself, many at once: the form has no batch."""
    try:
        token = await _token(app, deadline)
    except UpstreamError as error:
        return [Failed(error.reason.lower(), outcome_known=True)] * len(outbounds)
    project = _credentials(app)["project_id"]

    async def one(outbound: Outbound) -> Outcome:
        try:
            return Taken(await send_message(app, deadline, token, project, describe(outbound)))
        except UpstreamRejected as refusal:
            if refusal.status == 401:
                drop_token(app, "fcm", token)
            return judge(refusal.status, refusal.body)

    return await each(outbounds, one, at_once=AT_ONCE)


def describe(outbound: Outbound) -> Mapping[str, Any]:
    """A message as FCM takes it."""
    data = {"message": outbound.ref} | ({"link": outbound.deep_link} if outbound.deep_link else {})
    urgent = outbound.lane.is_urgent
    title, text = notice(outbound)
    return {
        "token": outbound.address,
        "notification": {"title": title, "body": text},
        "data": data,
        "android": {
            "collapse_key": outbound.ref,
            "priority": "HIGH" if urgent else "NORMAL",
            "ttl": "86400s",
            "notification": {"tag": outbound.ref},
        },
    }


def judge(status: int, body: bytes) -> Outcome:
    """What an error means (firebase.google.com/docs/cloud-messaging/error-codes).

    One without a code is not of FCM, and says nothing of the message.
    """
    code = _error_code(body)
    if code in ("UNREGISTERED", "SENDER_ID_MISMATCH"):
        return Refused(code.lower(), is_gone=True)
    passing = code in ("", "QUOTA_EXCEEDED", "THIRD_PARTY_AUTH_ERROR")
    if passing or status in (401, 403, 429):
        return Failed((code or f"http_{status}").lower(), outcome_known=True)
    return Refused(code.lower())


def _error_code(body: bytes) -> str:
    """The FcmError's code; of an answer without one the status' name. A malformed token is an
    INVALID_ARGUMENT and keeps its device: so is a message that is wrong."""
    try:
        error = orjson.loads(body)["error"]
        for detail in error.get("details", ()):
            if "errorCode" in detail:
                return str(detail["errorCode"])
        return str(error.get("status", ""))
    except (KeyError, TypeError, AttributeError, orjson.JSONDecodeError):
        return ""


async def _token(app: App, deadline: Deadline) -> str:
    async def ask() -> Grant:
        return Grant(await grant(app, deadline, make_assertion(app, app.clock.now())), LIFE)

    return await access_token(app, "fcm", ask)


def make_assertion(app: App, now: datetime) -> str:
    """What the service account says of itself, signed RS256."""
    credentials = _credentials(app)
    claims = {
        "iss": credentials["client_email"],
        "scope": SCOPE,
        "aud": credentials["token_uri"],
        "iat": int(now.timestamp()),
        "exp": int((now + LIFE).timestamp()),
    }
    key = key_file(app, credentials["private_key_file"]).read_bytes()
    return jwt.encode(claims, key, "RS256")


def _credentials(app: App) -> Mapping[str, str]:
    credentials = credentials_of(app, "fcm")
    assert credentials is not None  # is_set_up
    return credentials


FCM_PROVIDER = Provider(
    "fcm",
    Channel.PUSH,
    send,
    is_set_up=lambda app: credentials_of(app, "fcm") is not None,
    own_addresses=True,
    rate_per_s=10_000,  # 600,000 a minute: firebase.google.com/docs/cloud-messaging/throttling
)
