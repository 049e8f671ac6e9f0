"""What WeChat and Alipay answer to a server behind a mini-programme: who a code belongs to, and
which phone number the platform has for them.

Forms: developers.weixin.qq.com/miniprogram (code2Session, getPhoneNumber, getStableAccessToken);
opendocs.alipay.com (alipay.system.oauth.token, my.getPhoneNumber). Refusals come under HTTP 200.
"""

import base64
import hashlib
import secrets
from datetime import datetime, timedelta

import orjson
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.system import City, Operation, System
from sandbox.server.wire import Body, read_body, read_bytes, reply
from sandbox.systems.alipay.keys import load_keys
from sandbox.systems.alipay.wire import Answer, Call, Failure, dispatch, signed_node

APP_ID, SECRET = "wx0000000000000001", "sandbox-mini-programme"
CONTENT_KEY = b"sandbox-content!"
WECHAT_CODE_LIFE, ALIPAY_CODE_LIFE = timedelta(minutes=5), timedelta(days=1)
TOKEN_LIFE = timedelta(hours=2)
WECHAT_SCHEMA = """
CREATE TABLE wechat_mini_code (
    code TEXT PRIMARY KEY, kind TEXT NOT NULL, phone TEXT NOT NULL, country TEXT NOT NULL,
    ends_at TEXT NOT NULL, used INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE wechat_mini_token (token TEXT PRIMARY KEY, ends_at TEXT NOT NULL);
"""
ALIPAY_SCHEMA = """
CREATE TABLE alipay_mini_code (
    code TEXT PRIMARY KEY, phone TEXT NOT NULL, ends_at TEXT NOT NULL,
    used INTEGER NOT NULL DEFAULT 0
);
"""


class TokenRequest(BaseModel):
    """A body of which only this is read, as at the platform itself."""

    model_config = ConfigDict(extra="ignore")

    appid: str = ""
    secret: str = ""
    code: str = ""


class User(Body):
    """Somebody who opens our mini-programme, by the number that the platform has for them."""

    phone: str = Field(pattern=r"^[0-9]{6,15}$")
    country: str = Field("86", pattern=r"^[0-9]{1,4}$")


async def stable_token(request: Request, city: City) -> Response:
    """The present token, or a new one where it has ended: whoever asks gets the same."""
    body = TokenRequest.model_validate_json(await read_bytes(request))
    if refusal := _wrong_app(body.appid, body.secret):
        return refusal
    row = city.state.one("SELECT * FROM wechat_mini_token")
    if row is None or _has_ended(city, row["ends_at"]):
        token = secrets.token_urlsafe(64)
        city.state.run("DELETE FROM wechat_mini_token")
        city.state.run(
            "INSERT INTO wechat_mini_token VALUES (?, ?)", (token, _end(city, TOKEN_LIFE))
        )
        row = city.state.one("SELECT * FROM wechat_mini_token")
    assert row is not None
    left = datetime.fromisoformat(row["ends_at"]) - city.now()
    return reply({"access_token": row["token"], "expires_in": int(left.total_seconds())})


async def code_to_session(request: Request, city: City) -> Response:
    """Whose code of `wx.login` this is; JSON, but called text/plain."""
    query = request.query_params
    if refusal := _wrong_app(query.get("appid", ""), query.get("secret", "")):
        return _plain(refusal)
    phone, refusal = _spend(city, query.get("js_code", ""), "login")
    if refusal is not None:
        return _plain(refusal)
    session = {
        "session_key": base64.b64encode(secrets.token_bytes(16)).decode(),
        "openid": _name("o", phone)[:28],
        "unionid": _name("u", phone)[:28],
    }
    return _plain(reply(session))


async def phone_number(request: Request, city: City) -> Response:
    """The number behind a code of the button `getPhoneNumber`."""
    row = city.state.one(
        "SELECT * FROM wechat_mini_token WHERE token = ?",
        (request.query_params.get("access_token", ""),),
    )
    if row is None or _has_ended(city, row["ends_at"]):
        return _refusal(40001, "invalid credential, access_token is invalid or not latest")
    body = TokenRequest.model_validate_json(await read_bytes(request))
    phone, refusal = _spend(city, body.code, "phone")
    if refusal is not None:
        return refusal
    given = city.state.one("SELECT country FROM wechat_mini_code WHERE code = ?", (body.code,))
    assert given is not None
    country = given["country"]
    return reply(
        {
            "errcode": 0,
            "errmsg": "ok",
            "phone_info": {
                "phoneNumber": phone if country == "86" else f"+{country}{phone}",
                "purePhoneNumber": phone,
                "countryCode": country,
                "watermark": {"timestamp": int(city.now().timestamp()), "appid": APP_ID},
            },
        }
    )


async def give_wechat_codes(request: Request, city: City) -> Response:
    """What the mini-programme gets for somebody: a code of `wx.login` and one of the button."""
    user = await read_body(request, User)
    codes = {kind: secrets.token_hex(16) for kind in ("login", "phone")}
    for kind, code in codes.items():
        city.state.run(
            "INSERT INTO wechat_mini_code (code, kind, phone, country, ends_at) "
            "VALUES (?, ?, ?, ?, ?)",
            (code, kind, user.phone, user.country, _end(city, WECHAT_CODE_LIFE)),
        )
    return reply({"login_code": codes["login"], "phone_code": codes["phone"]}, 201)


async def end_token(request: Request, city: City) -> Response:
    """End the present access token before its time, as a reset of the secret does."""
    city.state.run("DELETE FROM wechat_mini_token")
    return Response(status_code=204)


async def gateway(request: Request, city: City) -> Response:
    """One request to `/gateway.do`."""
    return await dispatch(request, city, {"alipay.system.oauth.token": _oauth_token})


async def _oauth_token(call: Call) -> Answer:
    """Whose auth code this is. A success has no `code`, a refusal is an `error_response`."""
    state, code = call.city.state, call.params.get("code", "")
    with state.transaction():
        row = state.one("SELECT * FROM alipay_mini_code WHERE code = ?", (code,))
        is_good = row is not None and not row["used"] and not _has_ended(call.city, row["ends_at"])
        state.run("UPDATE alipay_mini_code SET used = 1 WHERE code = ?", (code,))
    if row is None or not is_good or call.params.get("grant_type") != "authorization_code":
        wrong = Failure("40002", "isv.code-invalid", "授权码code无效")
        return signed_node("error_response", wrong.node, call.keys)
    node = {
        "access_token": f"authbseB{secrets.token_hex(16)}",
        "auth_start": f"{call.city.now():%Y-%m-%d %H:%M:%S}",
        "expires_in": 1296000,
        "open_id": _name("", row["phone"]),
        "re_expires_in": 2592000,
        "refresh_token": f"authbseB{secrets.token_hex(16)}",
    }
    return signed_node("alipay_system_oauth_token_response", node, call.keys)


async def give_alipay_codes(request: Request, city: City) -> Response:
    """What the mini-programme gets for somebody: an auth code, and the `response` of
    `my.getPhoneNumber`."""
    user, code = await read_body(request, User), secrets.token_hex(16)
    city.state.run(
        "INSERT INTO alipay_mini_code (code, phone, ends_at) VALUES (?, ?, ?)",
        (code, user.phone, _end(city, ALIPAY_CODE_LIFE)),
    )
    content = {"code": "10000", "msg": "Success", "mobile": user.phone}
    sealed = _encrypt(orjson.dumps(content))
    sign = load_keys(city.settings).sign(f'"{sealed}"')
    response = orjson.dumps({"response": sealed, "sign": sign}).decode()
    return reply({"auth_code": code, "phone_response": response}, 201)


def _spend(city: City, code: str, kind: str) -> tuple[str, Response | None]:
    """The number of whose code it is, or the refusal; the code is gone."""
    with city.state.transaction():
        row = city.state.one(
            "SELECT * FROM wechat_mini_code WHERE code = ? AND kind = ?", (code, kind)
        )
        if row is None or _has_ended(city, row["ends_at"]):
            return "", _refusal(40029, "invalid code")
        if row["used"]:
            return "", _refusal(40163, "code been used")
        city.state.run("UPDATE wechat_mini_code SET used = 1 WHERE code = ?", (code,))
    return str(row["phone"]), None


def _wrong_app(app_id: str, secret: str) -> Response | None:
    if app_id != APP_ID:
        return _refusal(40013, "invalid appid")
    return None if secret == SECRET else _refusal(40125, "invalid appsecret")


def _refusal(code: int, message: str) -> Response:
    return reply({"errcode": code, "errmsg": f"{message}, rid: {secrets.token_hex(12)}"})


def _plain(answer: Response) -> Response:
    return Response(answer.body, 200, media_type="text/plain")


def _encrypt(content: bytes) -> str:
    padder, cipher = PKCS7(128).padder(), Cipher(AES(CONTENT_KEY), CBC(bytes(16))).encryptor()
    padded = padder.update(content) + padder.finalize()
    return base64.b64encode(cipher.update(padded) + cipher.finalize()).decode()


def _name(prefix: str, phone: str) -> str:
    """A platform's name for somebody: nothing of the number shows."""
    digest = hashlib.sha256(f"mini-programme {prefix} {phone}".encode()).digest()
    return prefix + base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _end(city: City, life: timedelta) -> str:
    return (city.now() + life).isoformat()


def _has_ended(city: City, ends_at: str) -> bool:
    return datetime.fromisoformat(ends_at) <= city.now()


SYSTEMS = (
    System(
        name="wechat_sign_in",
        title_zh="微信小程序登录",
        title_en="WeChat mini-programmes' log-in",
        schema=WECHAT_SCHEMA,
        operations=(
            Operation("grant", "POST", "/wechat-sign-in/cgi-bin/stable_token", stable_token),
            Operation(
                "code_to_session", "GET", "/wechat-sign-in/sns/jscode2session", code_to_session
            ),
            Operation(
                *("phone", "POST", "/wechat-sign-in/wxa/business/getuserphonenumber"), phone_number
            ),
        ),
        controls=(
            Operation("give_codes", "POST", "/_control/wechat-sign-in/codes", give_wechat_codes),
            Operation("end_token", "DELETE", "/_control/wechat-sign-in/token", end_token),
        ),
    ),
    System(
        name="alipay_sign_in",
        title_zh="支付宝小程序登录",
        title_en="Alipay mini-programmes' log-in",
        schema=ALIPAY_SCHEMA,
        operations=(Operation("call", "POST", "/alipay-sign-in/gateway.do", gateway),),
        controls=(
            Operation("give_codes", "POST", "/_control/alipay-sign-in/codes", give_alipay_codes),
        ),
    ),
)
