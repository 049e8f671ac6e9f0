"""Where PSPs call us back."""

from collections.abc import Callable, Mapping

import structlog
from prometheus_client import Counter
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.context.app import App
from core.context.contributions import Routes
from core.context.http import read_body
from core.database import Transaction, transaction
from core.errors import StartError
from payments import oddities, settlement, store
from payments.finance import finance_of
from payments.psp.alipay import CALLBACK_PATH as ALIPAY
from payments.psp.port import (
    Callback,
    CallbackRefused,
    ForeignRefund,
    OrderState,
    OrderView,
    RefundState,
    RefundView,
)
from payments.psp.routing import get_psp, names
from payments.psp.wechatpay import CALLBACK_PATH as WECHATPAY
from payments.psp.wechatpay_sp import CALLBACK_PATH as WECHATPAY_SP

_BODY_MAX_BYTES = 64_000

log = structlog.get_logger(__name__)


def routes(app: App) -> list[Route]:
    """The callback addresses of the PSPs in use. Raises StartError in production where a payee has
    merchants of its own at none of these: it could not be paid."""
    if app.settings.is_production:
        _check_merchants(app)
    callbacks = Counter(
        "quancheng_payments_callbacks",
        "Callbacks of PSPs by what became of them.",
        ("psp", "outcome"),
        registry=app.metrics.registry,
    )

    def route(psp: str) -> Route:
        path, answer = _PSPS[psp]

        async def callback(request: Request) -> Response:
            outcome = await hear(app, psp, request)
            callbacks.labels(psp, outcome).inc()
            if outcome not in _BELIEVED:
                log.warning("callback refused", psp=psp, outcome=outcome)
            return answer(outcome)

        return Route(path, callback, methods=["POST"])

    return [route(psp) for psp in names(app)]


def _check_merchants(app: App) -> None:
    for payee, merchants in finance_of(app).merchants.items():
        if not merchants.keys() & set(names(app)):
            raise StartError(f"finance.toml: {payee} has merchants at PSPs that are not in use")


_BELIEVED = frozenset({"captured", "late", "known", "refund", "foreign_refund", "ignored"})
_STATUS = {"signature": 401, "stale": 401, "replay": 401, "too_large": 413, "no_such_order": 404}


def _answer_wechatpay(outcome: str) -> Response:
    """A 2xx, or a reason: what is not taken is sent again, signed anew."""
    if outcome in _BELIEVED:
        return Response(status_code=204)
    return JSONResponse({"code": "FAIL", "message": outcome}, _STATUS.get(outcome, 400))


def _answer_alipay(outcome: str) -> Response:
    """The literal `success` ends it. A replay was taken the first time: it is the same notice."""
    if outcome in _BELIEVED or outcome == "replay":
        return PlainTextResponse("success")
    return PlainTextResponse("fail", _STATUS.get(outcome, 400))


_PSPS: Mapping[str, tuple[str, Callable[[str], Response]]] = {
    "wechatpay": (WECHATPAY, _answer_wechatpay),
    "alipay": (ALIPAY, _answer_alipay),
    "wechatpay_sp": (WECHATPAY_SP, _answer_wechatpay),
}


async def hear(app: App, psp: str, request: Request) -> str:
    """Judge a callback and act on it in one transaction; returns a stable word for the metrics.

    What is not believed leaves no trace but that word. The same news told again changes nothing.
    """
    body = await read_body(request, _BODY_MAX_BYTES)
    if body is None:
        return "too_large"
    try:
        callback = get_psp(app, psp).read_callback(request.headers, body)
    except CallbackRefused as refused:
        return refused.reason
    return await act_on(app, psp, callback)


async def act_on(app: App, psp: str, callback: Callback) -> str:
    """Take a believed callback's news into the books, once per nonce.

    A nonce counts as heard only once its news was acted on: what was refused may be told again.
    """
    nonce = f"{psp}:{callback.nonce}"
    async with transaction() as tx:
        if not await store.hear_nonce(tx, nonce, app.clock.now()):
            return "replay"
        outcome = await _act(app, tx, psp, callback)
        if outcome not in _BELIEVED:
            await store.forget_nonce(tx, nonce)
    return outcome


async def _act(app: App, tx: Transaction, psp: str, callback: Callback) -> str:
    match callback.news:
        case OrderView(state=OrderState.PAID) as view:
            return await settlement.settle(app, tx, psp, view)
        case RefundView() as refund:
            if await settlement.apply_refund(app, tx, psp, refund) is not None:
                return "refund"
            is_ours = await store.find_refund(refund.refund_id) is not None
            if is_ours or refund.intent_id is None or refund.state is not RefundState.SUCCEEDED:
                return "no_such_order"
            ref = refund.psp_ref or refund.refund_id.hex
            return await _foreign(
                app, tx, psp, ForeignRefund(refund.intent_id, ref, refund.amount_fen)
            )
        case ForeignRefund() as foreign:
            return await _foreign(app, tx, psp, foreign)
    return "ignored"


async def _foreign(app: App, tx: Transaction, psp: str, refund: ForeignRefund) -> str:
    is_ours = await oddities.note_foreign_refund(app, tx, psp, refund)
    return "foreign_refund" if is_ours else "no_such_order"


ROUTES = Routes(routes)
