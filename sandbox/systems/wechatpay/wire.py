"""APIv3's envelope: a request is believed by its signature, an answer carries ours.

The signed path begins at `/v3`, as at the real gateway: a client's base address is this
sandbox's `/wechatpay` or `/wechatpay-sp`, which is not part of what it signs.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.system import City, Handler
from sandbox.server.wire import Refusal, read_bytes
from sandbox.systems.wechatpay.keys import MERCHANT, SCHEME, Account, Keys, load_keys

CLOCK_SKEW_MAX_S = 300
_FIELD = re.compile(r'(\w+)="([^"]*)"')
_FIELDS = {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}


@dataclass(frozen=True)
class Call:
    """A request whose signature holds."""

    request: Request
    city: City
    body: bytes
    account: Account = MERCHANT
    """Whose."""


Answer = tuple[int, dict[str, object] | None]
Endpoint = Callable[[Call], Awaitable[Answer | Response]]
"""A Response is sent as it is: a file's download is not signed."""


class Params(BaseModel):
    """A request's parameters; unknown ones are ignored, as at the real gateway."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


AnyParams = TypeVar("AnyParams", bound=Params)


class ParamRefusal(Refusal):
    """400 PARAM_ERROR with the field and the issue."""

    def __init__(self, field: str, issue: str) -> None:
        super().__init__(400, "PARAM_ERROR", f"参数错误: {field} {issue}")
        self.detail = {"field": field, "issue": issue, "location": "body"}


def signed(endpoint: Endpoint, account: Account = MERCHANT) -> Handler:
    """Let the endpoint see only what the merchant signed, and sign what it answers."""

    async def handle(request: Request, city: City) -> Response:
        keys = load_keys(city.settings, account)
        body = await read_bytes(request)
        try:
            _verify(request, body, keys, city, account)
            answer = await endpoint(Call(request, city, body, account))
            if isinstance(answer, Response):
                return answer
            status, content = answer
        except Refusal as refusal:
            status = refusal.status
            content = {"code": refusal.code, "message": refusal.message}
            if isinstance(refusal, ParamRefusal):
                content["detail"] = refusal.detail
        raw = b"" if content is None else orjson.dumps(content)
        headers = keys.signed_headers(raw.decode(), int(city.now().timestamp()))
        return Response(raw, status, headers, "application/json; charset=utf-8")

    return handle


def read_params(call: Call, model: type[AnyParams]) -> AnyParams:
    """The body as parameters. Raises ParamRefusal for the first that is wrong."""
    try:
        return model.model_validate_json(call.body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = "/" + "/".join(str(part) for part in first["loc"])
        raise ParamRefusal(field, first["msg"]) from None


def check_mchid(mchid: str | None, account: Account = MERCHANT) -> None:
    """Raise ParamRefusal where a parameter names another merchant than the signature."""
    if mchid != account.mchid:
        raise ParamRefusal("/mchid", "与签名的商户号不一致 / not the merchant who signed")


def _verify(request: Request, body: bytes, keys: Keys, city: City, account: Account) -> None:
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    fields = dict(_FIELD.findall(rest))
    if scheme != SCHEME or set(fields) != _FIELDS:
        raise _sign_error(f"Authorization 应为 {SCHEME} / malformed Authorization")
    if (fields["mchid"], fields["serial_no"]) != (account.mchid, account.merchant_serial):
        raise _sign_error("商户号或证书序列号不存在 / unknown mchid or serial_no")
    if not fields["timestamp"].isdigit() or not _is_fresh(int(fields["timestamp"][:12]), city):
        raise _sign_error("签名时间戳已过期 / the timestamp is more than five minutes off")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise _sign_error("请求体不是 UTF-8 / the body is not UTF-8") from None
    lines = (
        request.method,
        _signed_path(request, account),
        fields["timestamp"],
        fields["nonce_str"],
        text,
    )
    if not keys.is_merchants(fields["signature"], *lines):
        raise _sign_error("签名错误 / wrong signature")


def _signed_path(request: Request, account: Account) -> str:
    raw_path = request.scope.get("raw_path") or request.url.path.encode()
    path: str = raw_path.decode("ascii").partition("?")[0].removeprefix(account.path)
    return f"{path}?{request.url.query}" if request.url.query else path


def _is_fresh(timestamp: int, city: City) -> bool:
    return abs(city.now().timestamp() - timestamp) <= CLOCK_SKEW_MAX_S


def _sign_error(message: str) -> Refusal:
    return Refusal(401, "SIGN_ERROR", message)
