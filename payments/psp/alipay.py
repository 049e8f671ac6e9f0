"""Alipay, open platform: signed calls to one gateway, a cashier by a signed address, notices.

An order is the address to which the payer's browser goes; Alipay knows a trade only once the payer
has been there, so that "no such trade" is no promise before the order's time is over.
Source: opendocs.alipay.com (alipay.trade.wap.pay, .app.pay, .query, .close, .refund,
.fastpay.refund.query).
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode
from uuid import UUID

import orjson

from core.clock import SHANGHAI, Clock, civil_time, ensure_utc
from core.context.app import App
from core.deadline import Deadline
from core.errors import StartError
from core.money import format_yuan, parse_yuan
from core.standards.alipay_envelope import NotSigned, Signer, common_params
from core.upstream.client import (
    ANY,
    Upstream,
    UpstreamError,
    UpstreamFailed,
    UpstreamRejected,
    UpstreamUnavailable,
)
from payments.psp.channels import PaymentChannel
from payments.psp.merchants import read_merchant
from payments.psp.port import (
    Callback,
    CallbackRefused,
    ForeignRefund,
    MerchantRefused,
    Order,
    OrderState,
    OrderView,
    RefundOrder,
    RefundState,
    RefundView,
)

FRESH = timedelta(minutes=5)
CALLBACK_PATH = "/callbacks/alipay"
NO_BILL = "isp.bill_not_exist"
"""The one refusal that is named as if the business system had failed."""
_SHORT = "ACQ.SELLER_BALANCE_NOT_ENOUGH"
_OF_MERCHANT = {"ACQ.ACCESS_FORBIDDEN", "ACQ.PARTNER_ERROR", "ACQ.INVALID_SELLER"}
"""What the business system says of us; all that the gateway itself refuses (`isv.…`: signature,
application, permission) is of us too. Source: opendocs.alipay.com/common/02km9f (gateway codes)."""
_GATEWAY = "/gateway.do"
_REFUND_STATES = {
    "REFUND_SUCCESS": RefundState.SUCCEEDED,
    "REFUND_PROCESSING": RefundState.PROCESSING,
    "REFUND_FAIL": RefundState.FAILED,
}
_CHANNELS = frozenset({PaymentChannel.BROWSER, PaymentChannel.APP})
_FORBIDDEN = str.maketrans("/=&", "   ")
"""What a subject may not contain."""


@dataclass(frozen=True, slots=True)
class AlipayMerchant:
    """Who we are at Alipay: the application, and the seller that the money is for."""

    app_id: str
    seller_id: str
    app_pay: bool = False
    """Whether Alipay has granted us payments from a mobile app (APP支付)."""


SANDBOX_MERCHANT = AlipayMerchant("2021000000000001", "2088000000000001", app_pay=True)


def open_client(app: App, address: str) -> "AlipayClient | None":
    """The client of this installation; None where Alipay is not used (PSPS)."""
    if "alipay" not in app.settings.psp_names:
        return None
    keys = app.keys
    if keys.alipay_merchant_private is None or keys.alipay_platform_public is None:
        raise StartError(
            f"{app.settings.keys_path}: alipay_merchant_private.pem and alipay_platform_public.pem "
            "are needed, or PSPS without alipay"
        )
    return AlipayClient(
        http=app.http.upstream("alipay", address),
        clock=app.clock,
        merchant=read_merchant(app.settings, "alipay", SANDBOX_MERCHANT),
        signer=Signer(
            keys.alipay_merchant_private, keys.alipay_platform_public, *keys.alipay_platform_others
        ),
        gateway_url=address + _GATEWAY,
        base_url=app.settings.base_url,
    )


class AlipayClient:
    """Speaks to Alipay as one merchant; fulfils payments.psp.port.Alipay."""

    name = "alipay"

    def __init__(
        self,
        *,
        http: Upstream,
        clock: Clock,
        merchant: AlipayMerchant,
        signer: Signer,
        gateway_url: str,
        base_url: str,
    ) -> None:
        self._http = http
        self._clock = clock
        self.merchant = merchant
        self._signer = signer
        self._gateway_url = gateway_url
        self._base_url = base_url

    @property
    def channels(self) -> Collection[PaymentChannel]:
        """The browser, and the app where that is granted."""
        return _CHANNELS if self.merchant.app_pay else _CHANNELS - {PaymentChannel.APP}

    async def order(self, order: Order, deadline: Deadline) -> str:
        """Sign the cashier's address, or the text that the app's SDK is called with; see the port.

        Nothing is done at Alipay: it is asked whether the number is free, which tells that it
        lives, too. So the outcome of every failure is known.
        """
        try:
            known = await self._query(order.intent_id, "order", deadline)
        except (UpstreamRejected, MerchantRefused):
            raise
        except UpstreamError as error:
            raise UpstreamUnavailable(
                self.name, "order", "no answer", blamed=error.blamed
            ) from error
        amount = format_yuan(order.amount_fen)
        is_free = known is None or (
            known.get("trade_status") == "WAIT_BUYER_PAY" and known.get("total_amount") == amount
        )
        if not is_free or order.expires_at <= self._clock.now():
            raise UpstreamRejected(self.name, "order", 409, b'{"sub_code":"ORDER_CLOSED_OR_OTHER"}')
        return self._cashier(order, amount)

    def _cashier(self, order: Order, amount: str) -> str:
        """A signed order: an address in a browser, the same parameters alone for the SDK."""
        in_app = order.channel is PaymentChannel.APP
        biz = {
            "out_trade_no": order.intent_id.hex,
            "total_amount": amount,
            "subject": order.title.translate(_FORBIDDEN),
            "product_code": "QUICK_MSECURITY_PAY" if in_app else "QUICK_WAP_WAY",
            "time_expire": civil_time(order.expires_at),
        }
        if not in_app:
            biz["quit_url"] = self._base_url
        params = self._params(f"alipay.trade.{'app' if in_app else 'wap'}.pay", biz)
        params["notify_url"] = self._base_url + CALLBACK_PATH
        parameters = urlencode(self._signer.sign(params), quote_via=quote)
        return parameters if in_app else f"{self._gateway_url}?{parameters}"

    async def find_order(self, intent_id: UUID, deadline: Deadline) -> OrderView:
        """Query by merchant order number; see the port. MISSING: the payer was not there yet."""
        members = await self._query(intent_id, "find_order", deadline)
        if members is None:
            return OrderView(intent_id, OrderState.MISSING)
        try:
            view = _order_view(members, members.get("send_pay_date"))
        except (KeyError, TypeError, ValueError):
            raise UpstreamFailed(self.name, "find_order", "not a trade") from None
        if view.intent_id != intent_id:
            raise UpstreamFailed(self.name, "find_order", "the answer tells of another order")
        return view

    async def close_order(self, intent_id: UUID, deadline: Deadline) -> OrderView:
        """Close, and where Alipay declines ask what the order is; see the port."""
        try:
            members = await self.call(
                "alipay.trade.close", {"out_trade_no": intent_id.hex}, "close_order", deadline
            )
        except UpstreamRejected as refusal:
            view = await self.find_order(intent_id, deadline)
            if view.state is OrderState.UNPAID:
                raise refusal from None
            return view
        if members.get("out_trade_no") != intent_id.hex:
            raise UpstreamFailed(self.name, "close_order", "the answer tells of another order")
        return OrderView(intent_id, OrderState.CLOSED)

    async def refund(self, refund: RefundOrder, deadline: Deadline) -> RefundView:
        """Refund at once; see the port. `fund_change` N needs the question after it."""
        biz = {
            "out_trade_no": refund.intent_id.hex,
            "out_request_no": refund.refund_id.hex,
            "refund_amount": format_yuan(refund.amount_fen),
            "refund_reason": refund.reason,
        }
        try:
            members = await self.call("alipay.trade.refund", biz, "refund", deadline)
        except UpstreamRejected as refusal:
            short = sub_code(refusal) == _SHORT
            return RefundView(refund.refund_id, RefundState.SHORT if short else RefundState.FAILED)
        if members.get("out_trade_no") != refund.intent_id.hex:
            raise UpstreamFailed(self.name, "refund", "the answer tells of another order")
        if members.get("fund_change") != "Y":
            return await self.find_refund(refund, deadline)
        return RefundView(
            refund.refund_id, RefundState.SUCCEEDED, refund.refund_id.hex, refund.amount_fen
        )

    async def find_refund(self, refund: RefundOrder, deadline: Deadline) -> RefundView:
        """Query by order and request number; see the port. Alipay has no number of its own."""
        biz = {"out_trade_no": refund.intent_id.hex, "out_request_no": refund.refund_id.hex}
        try:
            reply = await self.call(
                "alipay.trade.fastpay.refund.query", biz, "find_refund", deadline
            )
        except UpstreamRejected as refusal:
            if sub_code(refusal) == "ACQ.TRADE_NOT_EXIST":
                return RefundView(refund.refund_id, RefundState.MISSING)
            raise
        if "refund_status" not in reply:
            return RefundView(refund.refund_id, RefundState.MISSING)
        try:
            state = _REFUND_STATES[reply["refund_status"]]
            refund_id, amount_fen = (
                UUID(reply["out_request_no"]),
                parse_yuan(reply["refund_amount"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError):
            raise UpstreamFailed(self.name, "find_refund", "not a refund") from None
        if refund_id != refund.refund_id:
            raise UpstreamFailed(self.name, "find_refund", "another refund")
        return RefundView(refund_id, state, refund_id.hex, amount_fen)

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> Callback:
        """Believe a notice by its signature, age, application and seller; see the port.

        `notify_id` is its nonce: a notice sent again is the same to the letter.
        """
        try:
            members = self._signer.open_form(body)
        except NotSigned:
            raise CallbackRefused("signature") from None
        try:
            age = self._clock.now() - _read_time(members["notify_time"])
        except (KeyError, ValueError):
            raise CallbackRefused("stale") from None
        if abs(age) > FRESH:
            raise CallbackRefused("stale")
        if (members.get("app_id"), members.get("seller_id")) != (
            self.merchant.app_id,
            self.merchant.seller_id,
        ):
            raise CallbackRefused("merchant")
        notify_id = members.get("notify_id", "")
        if not 0 < len(notify_id) <= 128:
            raise CallbackRefused("malformed")
        nonce = hashlib.sha256(notify_id.encode()).hexdigest()
        if members.get("notify_type") != "trade_status_sync":
            return Callback(nonce, None)
        try:
            if members.get("gmt_refund"):
                return Callback(nonce, _refund_news(members))
            return Callback(nonce, _order_view(members, members.get("gmt_payment")))
        except (KeyError, TypeError, ValueError):
            raise CallbackRefused("malformed") from None

    async def _query(
        self, intent_id: UUID, operation: str, deadline: Deadline
    ) -> dict[str, Any] | None:
        """The trade as Alipay tells it; None where it knows none."""
        try:
            return await self.call(
                "alipay.trade.query", {"out_trade_no": intent_id.hex}, operation, deadline
            )
        except UpstreamRejected as refusal:
            if sub_code(refusal) == "ACQ.TRADE_NOT_EXIST":
                return None
            raise

    async def call(
        self, method: str, biz: Mapping[str, str], operation: str, deadline: Deadline
    ) -> dict[str, Any]:
        """One signed call; its node where the code says success.

        Raises UpstreamRejected for a refusal, with the node as its body, MerchantRefused for one
        of us, and UpstreamFailed for what Alipay itself calls unknown, or an answer that it did
        not sign.
        """
        answer = await self._http.request(
            "POST",
            _GATEWAY,
            operation=operation,
            deadline=deadline,
            data=urlencode(self._signer.sign(self._params(method, biz))).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
            accept=ANY,
            safe=method.endswith(".query"),
        )
        try:
            node = self._signer.open_answer(answer.body, method.replace(".", "_") + "_response")
        except NotSigned:
            raise UpstreamFailed(
                self.name, operation, "the answer's signature does not hold"
            ) from None
        if node.get("code") == "10000":
            return node
        if not _is_refusal(node):
            raise UpstreamFailed(self.name, operation, "the outcome is unknown to Alipay")
        refusal = UpstreamRejected(self.name, operation, 400, orjson.dumps(node))
        reason = sub_code(refusal)
        if reason in _OF_MERCHANT or not reason.startswith(("ACQ.", NO_BILL)):
            raise MerchantRefused(refusal, reason)
        raise refusal

    def _params(self, method: str, biz: Mapping[str, str]) -> dict[str, str]:
        members = common_params(self.merchant.app_id, method, self._clock.now())
        return members | {"biz_content": orjson.dumps(biz).decode()}


def _is_refusal(node: Mapping[str, Any]) -> bool:
    """Whether Alipay has certainly not acted: 4000x, unless the business system itself failed."""
    code, reason = str(node.get("code")), str(node.get("sub_code"))
    return code in ("40001", "40002", "40003", "40004", "40006") and not (
        (reason.startswith(("isp.", "aop.")) and reason != NO_BILL)
        or reason.endswith("SYSTEM_ERROR")
    )


def _order_view(members: Mapping[str, Any], paid_at: str | None) -> OrderView:
    """A trade as an answer or a notice tells it. Raises KeyError, TypeError, ValueError.

    TRADE_CLOSED is the end of an unpaid trade, and of one whose money all went back.
    """
    intent_id, status = UUID(members["out_trade_no"]), members["trade_status"]
    if status == "WAIT_BUYER_PAY":
        return OrderView(intent_id, OrderState.UNPAID)
    if status == "TRADE_CLOSED" and not paid_at:
        return OrderView(intent_id, OrderState.CLOSED)
    if status not in ("TRADE_SUCCESS", "TRADE_FINISHED", "TRADE_CLOSED") or not paid_at:
        raise ValueError(f"no trade is {status}")
    trade_no = members["trade_no"]
    if not isinstance(trade_no, str) or not 0 < len(trade_no) <= 64:
        raise ValueError("a trade has a number")
    return OrderView(
        intent_id,
        OrderState.PAID,
        trade_no,
        parse_yuan(members["total_amount"]),
        _read_time(paid_at),
        str(members.get("trans_currency") or "CNY"),
    )


def _refund_news(members: Mapping[str, str]) -> RefundView | ForeignRefund:
    """The refund of a notice; one by hand in Alipay's own portal has no number of ours.

    `refund_fee` is the sum of all refunds of the trade: it is no refund's own amount, which only
    the bill tells.
    """
    intent_id, number = UUID(members["out_trade_no"]), members.get("out_biz_no", "")
    try:
        refund_id = UUID(number)
    except ValueError:
        ref = number or members["trade_no"]
        return ForeignRefund(intent_id, ref[:64], None)
    return RefundView(refund_id, RefundState.SUCCEEDED, refund_id.hex, intent_id=intent_id)


def sub_code(refusal: UpstreamRejected) -> str:
    """Why Alipay refused."""
    return str(orjson.loads(refusal.body).get("sub_code", ""))


def _read_time(text: str) -> datetime:
    """A moment of Beijing, "yyyy-MM-dd HH:mm:ss"; notices of refunds add milliseconds."""
    moment = datetime.strptime(text[:19], "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007 - zone follows
    return ensure_utc(moment.replace(tzinfo=SHANGHAI))
