"""WeChat Pay, API v3: orders, refunds and callbacks; the envelope is payments.psp.wechatpay_wire.

Source: pay.weixin.qq.com/doc/v3/merchant.
"""

from collections.abc import Collection, Mapping
from copy import copy
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

import orjson

from core.clock import SHANGHAI, Clock, ensure_utc
from core.context.app import App
from core.deadline import Deadline
from core.upstream.client import Response, Upstream, UpstreamFailed, UpstreamRejected
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
from payments.psp.wechatpay_channels import PATHS, Caller, order_members, sdk_call
from payments.psp.wechatpay_merchant import SANDBOX_MERCHANT, Merchant, Party
from payments.psp.wechatpay_wire import Wire, nonce

CALLBACK_PATH = "/callbacks/wechatpay"
_REFUNDS = "/v3/refund/domestic/refunds"
_OF_MERCHANT = {"APPID_MCHID_NOT_MATCH", "MCH_NOT_EXISTS"}
"""Refusals of us that do not come as 401 or 403."""
_OF_ORDER = {
    *("OUT_TRADE_NO_USED", "ORDER_CLOSED", "ORDERPAID", "TRADE_ERROR", "RULE_LIMIT"),
    *("USER_ACCOUNT_ABNORMAL", "ACCOUNT_ERROR", "NOT_ENOUGH", "REQUEST_BLOCKED"),
    *("CONTRACT_NOT_EXIST", "CONTRACT_NOT_CONFIRM", "USER_NOT_EXIST"),
}
"""What a 403 may say of one order, refund or contract; any other 403 is about us. Source: the error
codes of pay.weixin.qq.com/doc/v3/merchant (H5 order 4012791834, refund 4012791862)."""
_OTHER_FUNDS = "AVAILABLE"
"""Where a refund comes from when unsettled money is too little: 可用余额."""
_BODILESS = {"close_order", "end_contract"}
_ORDER_STATES = {
    "NOTPAY": OrderState.UNPAID,
    "USERPAYING": OrderState.UNPAID,
    "SUCCESS": OrderState.PAID,
    "REFUND": OrderState.PAID,
    "CLOSED": OrderState.CLOSED,
    "REVOKED": OrderState.CLOSED,
    "PAYERROR": OrderState.CLOSED,
}
_REFUND_STATES = {
    "PROCESSING": RefundState.PROCESSING,
    "SUCCESS": RefundState.SUCCEEDED,
    "CLOSED": RefundState.FAILED,
    "ABNORMAL": RefundState.FAILED,
}


def open_client(app: App, address: str) -> "WeChatPayClient":
    """The client of this installation: keys of the key folder, merchant of UPSTREAMS_FILE."""
    return WeChatPayClient(
        http=app.http.upstream("wechatpay", address),
        clock=app.clock,
        merchant=read_merchant(app.settings, "wechatpay", SANDBOX_MERCHANT),
        private_key=app.keys.wechat_merchant_private,
        platform_key=app.keys.wechat_platform_public,
        apiv3_key=app.keys.wechat_apiv3,
        notify_url=app.settings.base_url + CALLBACK_PATH,
        other_platform_keys=app.keys.wechat_platform_others,
    )


class WeChatPayClient:
    """Speaks to WeChat Pay as one merchant; fulfils payments.psp.port.WeChatPay."""

    name = "wechatpay"

    def __init__(
        self,
        *,
        http: Upstream,
        clock: Clock,
        merchant: Merchant,
        private_key: bytes,
        platform_key: bytes,
        apiv3_key: bytes,
        notify_url: str,
        other_platform_keys: Mapping[str, bytes] | None = None,
    ) -> None:
        self._http = http
        self.merchant = merchant
        self._party = self.party()
        self.wire = Wire(
            clock,
            mchid=merchant.mchid,
            merchant_serial=merchant.merchant_serial,
            private_key=private_key,
            platform_serial=merchant.platform_serial,
            platform_keys={merchant.platform_serial: platform_key}
            | dict(other_platform_keys or {}),
            apiv3_key=apiv3_key,
        )
        self._notify_url = notify_url

    def party(self) -> Party:
        """As whom it speaks unless told otherwise."""
        return Party(self.merchant.mchid)

    def speaking_as(self, party: Party) -> "WeChatPayClient":
        """The same client in another's name."""
        other = copy(self)
        other._party = party
        return other

    @property
    def channels(self) -> Collection[PaymentChannel]:
        """Those of which we have an application."""
        return self.merchant.appids.keys()

    async def order(self, order: Order, deadline: Deadline) -> str:
        """Open an order of the channel's kind; see the port. The call of an SDK is JSON."""
        answer = await self.send(
            "POST",
            f"{self._party.orders}/{PATHS[order.channel]}",
            operation="order",
            deadline=deadline,
            body=self.order_body(order) | order_members(order, self._party.ours("openid")),
        )
        if order.channel is PaymentChannel.BROWSER:
            return str(_member(answer, "h5_url"))
        parameters = sdk_call(
            order.channel,
            Caller(self.merchant.mchid, self.merchant.appids[order.channel]),
            str(_member(answer, "prepay_id")),
            timestamp=self.wire.timestamp(),
            nonce=nonce(),
            sign=self.wire.sign,
        )
        return orjson.dumps(parameters).decode()

    def order_body(self, order: Order) -> dict[str, object]:
        """What every kind of order tells."""
        sharing = {"settle_info": {"profit_sharing": True}} if order.is_shared else {}
        return sharing | {
            self._party.ours("appid"): self.merchant.appids[order.channel],
            **self._party.names,
            "description": order.title,
            "out_trade_no": order.intent_id.hex,
            "notify_url": self._notify_url,
            "time_expire": _write_time(order.expires_at),
            "amount": {"total": order.amount_fen, "currency": "CNY"},
        }

    async def find_order(self, intent_id: UUID, deadline: Deadline) -> OrderView:
        """Query by merchant order number; see the port."""
        try:
            answer = await self.send(
                "GET",
                f"{self._party.orders}/out-trade-no/{intent_id.hex}?{urlencode(self._party.names)}",
                operation="find_order",
                deadline=deadline,
            )
        except UpstreamRejected as refusal:
            if refusal.code == "ORDER_NOT_EXIST":
                return OrderView(intent_id, OrderState.MISSING)
            raise
        view = self._order_view(answer.json())
        known = (intent_id, self._party.sub_mchid)
        if view is None or (view.intent_id, view.merchant) != known:
            raise UpstreamFailed(self.name, "find_order", "the answer tells of another order")
        return view

    async def close_order(self, intent_id: UUID, deadline: Deadline) -> OrderView:
        """Close, and where the PSP declines ask what the order is; see the port."""
        try:
            await self.send(
                "POST",
                f"{self._party.orders}/out-trade-no/{intent_id.hex}/close",
                operation="close_order",
                deadline=deadline,
                body=self._party.names,
            )
        except UpstreamRejected as refusal:
            view = await self.find_order(intent_id, deadline)
            if view.state is OrderState.UNPAID:
                raise refusal from None
            return view
        return OrderView(intent_id, OrderState.CLOSED)

    async def refund(self, refund: RefundOrder, deadline: Deadline) -> RefundView:
        """Ask for a refund; see the port."""
        body = {
            **self._party.of_refund,
            "out_trade_no": refund.intent_id.hex,
            "out_refund_no": refund.refund_id.hex,
            "reason": refund.reason,
            "notify_url": self._notify_url,
            "amount": {
                "refund": refund.amount_fen,
                "total": refund.total_fen,
                "currency": "CNY",
            },
        }
        for source in ({}, {"funds_account": _OTHER_FUNDS}):
            try:
                answer = await self.send(
                    "POST", _REFUNDS, operation="refund", deadline=deadline, body=body | source
                )
                return self._refund_answer(answer, refund.refund_id)
            except UpstreamRejected as refusal:
                if refusal.status == 429 or refusal.code == "FREQUENCY_LIMITED":
                    raise
                if refusal.code != "NOT_ENOUGH":
                    return RefundView(refund.refund_id, RefundState.FAILED)
        return RefundView(refund.refund_id, RefundState.SHORT)

    async def find_refund(self, refund: RefundOrder, deadline: Deadline) -> RefundView:
        """Query by merchant refund number; see the port."""
        path = f"{_REFUNDS}/{refund.refund_id.hex}"
        if self._party.of_refund:
            path += f"?{urlencode(self._party.of_refund)}"
        try:
            answer = await self.send("GET", path, operation="find_refund", deadline=deadline)
        except UpstreamRejected as refusal:
            if refusal.code == "RESOURCE_NOT_EXISTS":
                return RefundView(refund.refund_id, RefundState.MISSING)
            raise
        return self._refund_answer(answer, refund.refund_id)

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> Callback:
        """Believe a callback by its signature, age, key and merchant; see the port."""
        nonce = self.wire.check_signature(headers, body)
        if nonce is None:
            raise CallbackRefused("signature")
        self.wire.check_age(headers)
        news = self.wire.open(body)
        kind = str(news.pop("event_type"))
        try:
            if news.get(self._party.ours("mchid")) != self.merchant.mchid:
                raise CallbackRefused("merchant")
            if kind.startswith("TRANSACTION."):
                if news.get(self._party.ours("appid")) not in self.merchant.appids.values():
                    raise CallbackRefused("merchant")
                view = self._order_view(news)
                if view is None:
                    raise CallbackRefused("malformed")
                return Callback(nonce, view)
            if kind.startswith("REFUND."):
                return Callback(nonce, _refund_news(news))
        except (KeyError, TypeError, ValueError):
            raise CallbackRefused("malformed") from None
        return Callback(nonce, None)

    async def send(
        self, method: str, target: str, *, operation: str, deadline: Deadline, body: object = None
    ) -> Response:
        """One signed call. The answer's signature is checked. Raises MerchantRefused and others.

        Orders, closings and refunds may be repeated, but by the saga and not here: an error must
        tell of one attempt whether it may have arrived.
        """
        text = "" if body is None else orjson.dumps(body).decode()
        path, _, query = target.partition("?")
        try:
            answer = await self._http.request(
                method,
                path,
                operation=operation,
                deadline=deadline,
                data=text.encode() if text else None,
                params=dict(parse_qsl(query)) or None,
                headers={
                    "Authorization": self.wire.authorization(method, target, text),
                    "Content-Type": "application/json",
                    "Wechatpay-Serial": self.wire.platform_serial,
                },
                accept="*/*" if operation in _BODILESS else "application/json",
                safe=method == "GET",
            )
        except UpstreamRejected as refusal:
            if _is_of_merchant(refusal):
                raise MerchantRefused(refusal, refusal.code) from refusal
            raise
        if self.wire.check_signature(answer.headers, answer.body) is None:
            raise UpstreamFailed(self.name, operation, "the answer's signature does not hold")
        return answer

    def _order_view(self, members: Any) -> OrderView | None:
        """An order as an answer or a callback tells it; None for nonsense."""
        try:
            state = _ORDER_STATES[members["trade_state"]]
            intent_id = UUID(members["out_trade_no"])
            merchant = _ref(members["sub_mchid"]) if "sub_mchid" in members else None
            if state is not OrderState.PAID:
                return OrderView(intent_id, state, merchant=merchant)
            return OrderView(
                intent_id,
                state,
                _ref(members["transaction_id"]),
                _fen(members["amount"]["total"]),
                _read_time(members["success_time"]),
                str(members["amount"].get("currency", "CNY")),
                merchant,
            )
        except (KeyError, TypeError, ValueError):
            return None

    def _refund_answer(self, answer: Response, refund_id: UUID) -> RefundView:
        members = answer.json()
        try:
            view = _refund_view(members, members["status"])
        except (KeyError, TypeError, ValueError):
            raise UpstreamFailed(self.name, answer.operation, "not a refund") from None
        if view.refund_id != refund_id:
            raise UpstreamFailed(self.name, answer.operation, "another refund")
        return view


def _refund_news(news: Any) -> RefundView | ForeignRefund:
    """The refund of a callback; one made in the merchant's portal has no number of ours."""
    try:
        UUID(news["out_refund_no"])
    except ValueError:
        return ForeignRefund(
            UUID(news["out_trade_no"]), _ref(news["refund_id"]), _fen(news["amount"]["refund"])
        )
    return _refund_view(news, news["refund_status"])


def _refund_view(members: Any, status: str) -> RefundView:
    if members["amount"].get("currency", "CNY") != "CNY":
        raise ValueError("a refund in another currency")
    return RefundView(
        UUID(members["out_refund_no"]),
        _REFUND_STATES[status],
        _ref(members["refund_id"]),
        _fen(members["amount"]["refund"]),
        UUID(members["out_trade_no"]) if "out_trade_no" in members else None,
    )


def _member(answer: Response, name: str) -> Any:
    try:
        return answer.json()[name]
    except (KeyError, TypeError):
        raise UpstreamFailed(answer.upstream, answer.operation, f"no {name}") from None


def _is_of_merchant(refusal: UpstreamRejected) -> bool:
    """Whether a refusal is of us, and not of what we asked."""
    if refusal.status == 401 or refusal.code in _OF_MERCHANT:
        return True
    return refusal.status == 403 and refusal.code not in _OF_ORDER


def _fen(value: object) -> int:
    if type(value) is not int:
        raise ValueError("an amount is a whole number of fen")
    return value


def _ref(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 64:
        raise ValueError("a reference is a text")
    return value


def _write_time(moment: datetime) -> str:
    return moment.astimezone(SHANGHAI).isoformat(timespec="seconds")


def _read_time(text: str) -> datetime:
    return ensure_utc(datetime.fromisoformat(text))
