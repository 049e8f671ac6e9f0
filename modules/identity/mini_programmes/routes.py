"""Where platforms push what a user took back: `/callbacks/mini-programmes/wechat` and `/alipay`.

Whatever is signed is answered as taken, an unknown user or an event of no concern too: a platform
sends again what is not. What is not signed by the platform changes nothing.
"""

import structlog
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from core.context.app import App
from core.context.contributions import Routes, StartCheck
from core.context.http import read_body, read_object, text_in
from core.errors import StartError
from core.security.credential_tables import read_tables
from core.settings import Settings
from core.standards.alipay_envelope import NotSigned
from core.standards.wechat_push import NotFromWeChat
from modules.identity.domain import Platform
from modules.identity.mini_programmes import alipay, revocations, wechat
from modules.identity.mini_programmes.port import FILE

WECHAT_PATH = "/callbacks/mini-programmes/wechat"
ALIPAY_PATH = "/callbacks/mini-programmes/alipay"
_BODY_MAX_BYTES = 64_000

log = structlog.get_logger(__name__)


def routes(app: App) -> list[Route]:
    """The addresses of the platforms; one that this city has agreed on no pushes with believes
    nobody."""
    return [*_wechat(app), _alipay(app)]


def _wechat(app: App) -> list[Route]:
    async def verify(request: Request) -> Response:
        """WeChat asks once, when the address is entered in its console."""
        query, push = request.query_params, wechat.push_of(app)
        parts = (query.get("timestamp", ""), query.get("nonce", ""))
        if push is None or not push.is_signed(query.get("signature", ""), *parts):
            return _refused("wechat")
        return PlainTextResponse(query.get("echostr", ""))

    async def pushed(request: Request) -> Response:
        query, body = request.query_params, await read_object(request, _BODY_MAX_BYTES)
        push = wechat.push_of(app)
        if push is None:
            return _refused("wechat")
        try:
            message = push.open(
                query.get("msg_signature", ""),
                query.get("timestamp", ""),
                query.get("nonce", ""),
                text_in(body or {}, "Encrypt"),
            )
        except NotFromWeChat:
            return _refused("wechat")
        revocation = wechat.read_revocation(message, push.app_id)
        if revocation is not None:
            await revocations.end(app, revocation)
        return PlainTextResponse("success")

    return [
        Route(WECHAT_PATH, verify, methods=["GET"]),
        Route(WECHAT_PATH, pushed, methods=["POST"]),
    ]


def _alipay(app: App) -> Route:
    async def pushed(request: Request) -> Response:
        body = await read_body(request, _BODY_MAX_BYTES)
        try:
            revoked = alipay.read_revocation(app, body or b"")
        except NotSigned:
            return _refused("alipay")
        for revocation in revoked:
            await revocations.end(app, revocation)
        return PlainTextResponse("success")

    return Route(ALIPAY_PATH, pushed, methods=["POST"])


def _refused(platform: str) -> Response:
    log.warning("push refused", platform=platform)
    return PlainTextResponse("fail", 401)


def _check(settings: Settings, _manifests: object, _city: object) -> None:
    """Raise StartError for a malformed key."""
    ours = read_tables(settings.keys_path, FILE).get(Platform.WECHAT.lower(), {})
    try:
        wechat.read_push(ours)
    except ValueError as error:
        raise StartError(f"{FILE}: wechat: {error}") from None


ROUTES = Routes(routes)
CHECK = StartCheck(_check)
