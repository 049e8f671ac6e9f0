"""The open platform's envelope: one address, signed parameters in, a signed node out.

The answer is always HTTP 200; what went wrong is `code` (10000 is success) and `sub_code`. The
signature covers the node's JSON exactly as it is sent.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from urllib.parse import parse_qsl

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from sandbox.server.system import SHANGHAI, City
from sandbox.server.wire import Refusal, read_bytes
from sandbox.systems.alipay.keys import APP_ID, Keys, canonical, load_keys

CLOCK_SKEW_MAX_S = 900
_REQUIRED = ("method", "app_id", "sign", "sign_type", "timestamp", "version")
_MESSAGES = {
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40004": "Business Failed",
}


class Failure(Exception):
    """An answer other than success: 40001 missing, 40002 invalid, 40004 the business refuses."""

    def __init__(self, code: str, sub_code: str, sub_msg: str) -> None:
        super().__init__(f"{code} {sub_code}: {sub_msg}")
        self.node = {
            "code": code,
            "msg": _MESSAGES[code],
            "sub_code": sub_code,
            "sub_msg": sub_msg,
        }


def business_failure(sub_code: str, sub_msg: str) -> Failure:
    """40004 with a code of the acquiring service."""
    return Failure("40004", f"ACQ.{sub_code}", sub_msg)


@dataclass(frozen=True)
class Call:
    """A request whose signature holds."""

    request: Request
    city: City
    keys: Keys
    params: Mapping[str, str]


Answer = dict[str, object] | Response
Endpoint = Callable[[Call], Awaitable[Answer]]


class Biz(BaseModel):
    """A method's `biz_content`; unknown members are ignored, as at the real gateway."""

    model_config = ConfigDict(extra="ignore", frozen=True)


AnyBiz = TypeVar("AnyBiz", bound=Biz)


def read_biz(call: Call, model: type[AnyBiz]) -> AnyBiz:
    """The call's biz_content. Raises Failure ACQ.INVALID_PARAMETER naming the first wrong."""
    try:
        return model.model_validate_json(call.params.get("biz_content", "{}"))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "biz_content"
        raise business_failure("INVALID_PARAMETER", f"参数无效: {where}: {first['msg']}") from None


async def method_of(request: Request) -> str:
    """Which method a gateway request calls, as fault switches name it: `trade_query`."""
    params = await _params(request)
    method = "" if params is None else params.get("method", "")
    return method.removeprefix("alipay.").replace(".", "_") or "gateway"


async def dispatch(request: Request, city: City, methods: Mapping[str, Endpoint]) -> Response:
    """Answer a gateway request by the method it names, behind the checks of the envelope."""
    keys = load_keys(city.settings)
    params = await _params(request)
    if params is None:
        raise Refusal(413, "TOO_LARGE", "the body is larger than a megabyte")
    endpoint = methods.get(params.get("method", ""))
    name = "error" if endpoint is None else params["method"].replace(".", "_")
    try:
        _verify(params, keys, city)
        if endpoint is None:
            raise Failure("40002", "isv.invalid-method", "不存在的方法名")
        answer = await endpoint(Call(request, city, keys, params))
    except Failure as failure:
        return signed_node(f"{name}_response", failure.node, keys)
    if isinstance(answer, Response):
        return answer
    return signed_node(f"{name}_response", {"code": "10000", "msg": "Success"} | answer, keys)


def signed_node(name: str, content: Mapping[str, object], keys: Keys) -> Response:
    """`{name: content, "sign": …}` where the signature is over the content's exact text."""
    node = orjson.dumps(content).decode()
    body = f'{{"{name}":{node},"sign":"{keys.sign(node)}"}}'
    return Response(body, 200, media_type="application/json;charset=utf-8")


def local_time(moment: datetime) -> str:
    """A moment as Alipay writes it: Beijing time to the second."""
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


def parse_local_time(text: str) -> datetime:
    """The moment of `yyyy-MM-dd HH:mm:ss` in Beijing. Raises ValueError."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI)


async def _params(request: Request) -> dict[str, str] | None:
    """Query and form together, read once; None for a body that is too large."""
    if not hasattr(request.state, "alipay_params"):
        try:
            body = (await read_bytes(request)).decode("utf-8", "replace")
            request.state.alipay_params = dict(request.query_params) | dict(parse_qsl(body))
        except Refusal:
            request.state.alipay_params = None
    found: dict[str, str] | None = request.state.alipay_params
    return found


def _verify(params: Mapping[str, str], keys: Keys, city: City) -> None:
    for name in _REQUIRED:
        if not params.get(name):
            label = {"sign": "signature", "sign_type": "signature-type"}.get(
                name, name.replace("_", "-")
            )
            raise Failure("40001", f"isv.missing-{label}", f"缺少参数 {name}")
    _require(params["app_id"] == APP_ID, "app-id", "无效的AppID参数")
    _require(params["sign_type"] == "RSA2", "signature-type", "签名类型应为 RSA2")
    _require(params.get("charset", "utf-8").lower() == "utf-8", "charset", "字符集应为 utf-8")
    _require(params.get("format", "JSON").upper() == "JSON", "format", "格式应为 JSON")
    try:
        sent_at = parse_local_time(params["timestamp"])
    except ValueError:
        raise Failure("40002", "isv.invalid-timestamp", "时间戳应为 yyyy-MM-dd HH:mm:ss") from None
    fresh = abs((city.now() - sent_at).total_seconds()) <= CLOCK_SKEW_MAX_S
    _require(fresh, "timestamp", "时间戳与当前时间相差超过 15 分钟")
    members = {name: value for name, value in params.items() if name != "sign"}
    _require(keys.is_merchants(params["sign"], canonical(members)), "signature", "无效签名")


def _require(holds: bool, what: str, sub_msg: str) -> None:
    if not holds:
        raise Failure("40002", f"isv.invalid-{what}", sub_msg)
