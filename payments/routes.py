"""Where PSPs call us back."""

import structlog
from prometheus_client import Counter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from core.app import App
from core.database import transaction
from payments import settlement, store
from payments.psp.port import Callback, CallbackRefused, OrderState, OrderView, RefundView
from payments.psp.routing import get_psp
from payments.psp.wechatpay import CALLBACK_PATH as WECHATPAY

_BODY_MAX_BYTES = 64_000

log = structlog.get_logger(__name__)


def routes(app: App) -> list[Route]:
    """The callback addresses."""
    heard = Counter(
        "quancheng_payments_callbacks",
        "Callbacks of PSPs by what became of them.",
        ("psp", "outcome"),
        registry=app.metrics.registry,
    )

    async def wechatpay(request: Request) -> Response:
        outcome = await hear(app, "wechatpay", request)
        heard.labels("wechatpay", outcome).inc()
        if outcome in _BELIEVED:
            return Response(status_code=204)
        log.warning("callback refused", psp="wechatpay", outcome=outcome)
        return JSONResponse({"code": "FAIL", "message": outcome}, _STATUS.get(outcome, 400))

    return [Route(WECHATPAY, wechatpay, methods=["POST"])]


_BELIEVED = frozenset({"captured", "late", "known", "refund", "ignored"})
_STATUS = {"signature": 401, "stale": 401, "replay": 401, "too_large": 413, "no_such_order": 404}


async def hear(app: App, psp: str, request: Request) -> str:
    """Judge a callback and act on it in one transaction; returns a stable word for the metrics.

    What is not believed leaves no trace but that word. The same news told again changes nothing.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_MAX_BYTES:
            return "too_large"
    try:
        callback = get_psp(app, psp).read_callback(request.headers, body)
    except CallbackRefused as refused:
        return refused.reason
    return await act_on(app, psp, callback)


async def act_on(app: App, psp: str, callback: Callback) -> str:
    """Take a believed callback's news into the books, once per nonce."""
    async with transaction() as tx:
        if not await store.hear_nonce(tx, f"{psp}:{callback.nonce}", app.clock.now()):
            return "replay"
        match callback.news:
            case OrderView(state=OrderState.PAID) as view:
                return await settlement.settle(app, tx, psp, view)
            case RefundView() as refund:
                noted = await settlement.apply_refund(app, tx, psp, refund)
                return "refund" if noted is not None else "no_such_order"
    return "ignored"
