"""A voice service in the form of Alibaba Cloud's Dyvmsapi (SingleCallByTts): it calls a number and
reads a template out. Refusals have a `Code`; those of the signature come with HTTP 400."""

import base64
import hashlib
import hmac
from urllib.parse import parse_qsl, quote

import orjson
from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.system import City, Operation, System
from sandbox.server.wire import read_bytes, reply

KEY_ID, KEY_SECRET, TEMPLATE = "sandbox", "sandbox-voice-secret", "TTS_000000001"
_REQUIRED = ("Action", "CalledNumber", "SignatureNonce", "Timestamp", "TtsCode", "Version")
SCHEMA = """
CREATE TABLE voice_call (
    id INTEGER PRIMARY KEY, phone TEXT NOT NULL, text TEXT NOT NULL, nonce TEXT NOT NULL UNIQUE,
    called_at TEXT NOT NULL
);
"""


async def call(request: Request, city: City) -> Response:
    """Call one number."""
    form = dict(parse_qsl((await read_bytes(request)).decode()))
    members = dict(request.query_params) | form
    for name in _REQUIRED:
        if not members.get(name):
            return _refusal(city, f"Missing{name}", f"{name} is mandatory for this action.")
    if members.get("AccessKeyId") != KEY_ID:
        return _refusal(city, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
    given = members.pop("Signature", "")
    if not hmac.compare_digest(given, _signature(members, request.method)):
        return _refusal(city, "SignatureDoesNotMatch", "Specified signature is not matched.")
    if city.state.one("SELECT 1 FROM voice_call WHERE nonce = ?", (members["SignatureNonce"],)):
        return _refusal(city, "SignatureNonceUsed", "Specified signature nonce was used already.")
    if members["TtsCode"] != TEMPLATE:
        return _answer(city, "isv.TTS_TEMPLATE_ILLEGAL", "未找到审核通过的文本转语音模板")
    if not (members["CalledNumber"].isdigit() and len(members["CalledNumber"]) == 11):
        return _answer(city, "isv.MOBILE_NUMBER_ILLEGAL", "手机号码格式错误")
    text = " ".join(str(value) for value in orjson.loads(members.get("TtsParam", "{}")).values())
    city.state.run(
        "INSERT INTO voice_call (phone, text, nonce, called_at) VALUES (?, ?, ?, ?)",
        (members["CalledNumber"], text, members["SignatureNonce"], city.timestamp()),
    )
    return _answer(city, "OK", "OK", CallId=f"{city.serial('voice_call')}^100000")


async def list_calls(request: Request, city: City) -> Response:
    """What was read out to a number, the oldest first."""
    rows = city.state.all(
        "SELECT text, called_at FROM voice_call WHERE phone = ? ORDER BY id",
        (request.query_params.get("phone", ""),),
    )
    return reply([dict(row) for row in rows])


def _answer(city: City, code: str, message: str, status: int = 200, **more: str) -> Response:
    request_id = f"00000000-0000-0000-0000-{city.serial('voice_request')[-12:]}"
    return reply({"Code": code, "Message": message, "RequestId": request_id} | more, status)


def _refusal(city: City, code: str, message: str) -> Response:
    return _answer(city, code, message, 400)


def _signature(members: dict[str, str], method: str) -> str:
    query = "&".join(
        f"{quote(name, safe='~')}={quote(value, safe='~')}"
        for name, value in sorted(members.items())
    )
    message = f"{method}&%2F&{quote(query, safe='~')}"
    digest = hmac.new(f"{KEY_SECRET}&".encode(), message.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


SYSTEMS = (
    System(
        name="voice",
        title_zh="语音通知平台",
        title_en="Voice service",
        schema=SCHEMA,
        operations=(Operation("call", "POST", "/voice/", call),),
        controls=(Operation("list_calls", "GET", "/_control/voice/calls", list_calls),),
    ),
)
