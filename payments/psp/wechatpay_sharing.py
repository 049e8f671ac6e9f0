"""WeChat Pay's profit sharing (分账) as a service provider, signed like everything of API v3.

Source: pay.weixin.qq.com/doc/v3/partner (share 4012690683, bill 4012715572; return, release and
receivers beside them), and its own client, github.com/wechatpay-apiv3/wechatpay-go,
services/profitsharing.
"""

from typing import Any
from urllib.parse import urlencode

from core.context.app import App
from core.deadline import Deadline
from core.upstream.client import Response, UpstreamFailed, UpstreamRejected
from payments.psp import wechatpay_sp
from payments.psp.merchants import read_merchant
from payments.psp.port import MerchantRefused
from payments.psp.sharing import (
    ReturnOrder,
    ReturnState,
    ReturnView,
    ShareOrder,
    ShareState,
    ShareView,
)
from payments.psp.wechatpay import WeChatPayClient
from payments.psp.wechatpay_merchant import SANDBOX_MERCHANT

_ROOT = "/v3/profitsharing"
_DESCRIPTION = "平台服务费"
_RELEASE = "解冻全部剩余资金"
_RETURN = "用户退款"
_NOT_THERE = "RESOURCE_NOT_EXISTS"
_SHORT = "NOT_ENOUGH"
_NO_AUTH = "NO_AUTH"
"""A payee's merchant does not let us share, or ours does not let shares be taken back."""
_TOO_OFTEN = 429
_SHARES = {
    "PENDING": ShareState.PROCESSING,
    "SUCCESS": ShareState.SUCCEEDED,
    "CLOSED": ShareState.CLOSED,
}
_RETURNS = {
    "PROCESSING": ReturnState.PROCESSING,
    "SUCCESS": ReturnState.SUCCEEDED,
    "FAILED": ReturnState.FAILED,
}


def open_client(app: App, address: str) -> "WeChatPaySharing | None":
    """The client of this installation; None where there is no service provider. The receiver is
    our own merchant."""
    provider = wechatpay_sp.open_client(app, address)
    if provider is None:
        return None
    ours = read_merchant(app.settings, "wechatpay", SANDBOX_MERCHANT)
    return WeChatPaySharing(provider, ours.mchid)


class WeChatPaySharing:
    """Fulfils payments.psp.sharing.ProfitSharing for one service provider."""

    def __init__(self, provider: WeChatPayClient, receiver: str) -> None:
        self._provider = provider
        self.receiver = receiver

    async def share(self, order: ShareOrder, deadline: Deadline) -> ShareView:
        """See the port."""
        receiver = {
            "type": "MERCHANT_ID",
            "account": order.receiver,
            "amount": order.amount_fen,
            "description": _DESCRIPTION,
        }
        body = _named(order) | {
            "appid": self._provider.merchant.appid,
            "receivers": [receiver],
            "unfreeze_unsplit": True,
        }
        try:
            answer = await self._post("orders", "share", body, deadline)
        except (UpstreamRejected, MerchantRefused) as refusal:
            if not _is_for_people(refusal):
                raise
            return ShareView(ShareState.REFUSED, reason=refusal.code)
        return _share_view(answer, order)

    async def find_share(self, order: ShareOrder, deadline: Deadline) -> ShareView:
        """Query by our number; see the port."""
        query = {"sub_mchid": order.merchant, "transaction_id": order.psp_ref}
        path = f"orders/{order.intent_id.hex}?{urlencode(query)}"
        answer = await self._find(path, "find_share", deadline)
        return ShareView(ShareState.MISSING) if answer is None else _share_view(answer, order)

    async def release(self, order: ShareOrder, deadline: Deadline) -> bool:
        """See the port. The number is another than the share's, which may have been used."""
        number = f"{order.intent_id.hex}R"
        body = _named(order) | {"out_order_no": number, "description": _RELEASE}
        try:
            answer = await self._post("orders/unfreeze", "release", body, deadline)
        except UpstreamRejected as refusal:
            if refusal.code == _SHORT:  # nothing is kept back any more
                return True
            raise
        if _text(answer, "out_order_no") != number:
            raise UpstreamFailed(self._provider.name, answer.operation, "another release")
        return _text(answer, "state") == "FINISHED"

    async def give_back(self, order: ReturnOrder, deadline: Deadline) -> ReturnView:
        """See the port."""
        body = {
            "sub_mchid": order.share.merchant,
            "out_order_no": order.share.intent_id.hex,
            "out_return_no": order.return_id.hex,
            "return_mchid": order.share.receiver,
            "amount": order.amount_fen,
            "description": _RETURN,
        }
        try:
            answer = await self._post("return-orders", "give_back", body, deadline)
        except (UpstreamRejected, MerchantRefused) as refusal:
            if not _is_for_people(refusal):
                raise
            state = ReturnState.SHORT if refusal.code == _SHORT else ReturnState.FAILED
            return ReturnView(state, reason=refusal.code)
        return _return_view(answer, order)

    async def find_return(self, order: ReturnOrder, deadline: Deadline) -> ReturnView:
        """Query by our number; see the port."""
        query = {"sub_mchid": order.share.merchant, "out_order_no": order.share.intent_id.hex}
        path = f"return-orders/{order.return_id.hex}?{urlencode(query)}"
        answer = await self._find(path, "find_return", deadline)
        return ReturnView(ReturnState.MISSING) if answer is None else _return_view(answer, order)

    async def add_receiver(self, merchant: str, name: str, deadline: Deadline) -> None:
        """See the port. A merchant's full name has to be there, and to be encrypted."""
        body: dict[str, object] = {
            "sub_mchid": merchant,
            "appid": self._provider.merchant.appid,
            "type": "MERCHANT_ID",
            "account": self.receiver,
            "name": self._provider.wire.encrypt(name),
            "relation_type": "SERVICE_PROVIDER",
        }
        answer = await self._post("receivers/add", "add_receiver", body, deadline)
        if _text(answer, "account") != self.receiver:
            raise UpstreamFailed(self._provider.name, answer.operation, "another receiver")

    async def _post(
        self, path: str, operation: str, body: dict[str, object], deadline: Deadline
    ) -> Response:
        return await self._provider.send(
            "POST", f"{_ROOT}/{path}", operation=operation, deadline=deadline, body=body
        )

    async def _find(self, path: str, operation: str, deadline: Deadline) -> Response | None:
        """What the PSP knows by a number of ours; None where it knows nothing."""
        try:
            return await self._provider.send(
                "GET", f"{_ROOT}/{path}", operation=operation, deadline=deadline
            )
        except UpstreamRejected as refusal:
            if refusal.code == _NOT_THERE:
                return None
            raise


def _named(order: ShareOrder) -> dict[str, object]:
    return {
        "sub_mchid": order.merchant,
        "transaction_id": order.psp_ref,
        "out_order_no": order.intent_id.hex,
    }


def _is_for_people(refusal: UpstreamRejected | MerchantRefused) -> bool:
    """Whether asking again is of no use until people have changed something."""
    if isinstance(refusal, MerchantRefused):
        return refusal.code == _NO_AUTH
    return refusal.status != _TOO_OFTEN


def _share_view(answer: Response, order: ShareOrder) -> ShareView:
    """What an answer says of our receiver; the rest of the payment is the payee's own.

    A receiver's result counts once all of the order is finished.
    """
    members = answer.json()
    try:
        (ours,) = [r for r in members["receivers"] if r["account"] == order.receiver]
        is_same = (members["out_order_no"], members["transaction_id"], ours["amount"]) == (
            order.intent_id.hex, order.psp_ref, order.amount_fen,
        )  # fmt: skip
        result = {"PROCESSING": "PENDING", "FINISHED": ours["result"]}[members["state"]]
        reason = _reason(ours) if result == "CLOSED" else ""
        view = ShareView(_SHARES[result], _ref(members["order_id"]), reason)
    except (KeyError, TypeError, ValueError):
        raise UpstreamFailed(answer.upstream, answer.operation, "not a share") from None
    if not is_same:
        raise UpstreamFailed(answer.upstream, answer.operation, "another share")
    return view


def _return_view(answer: Response, order: ReturnOrder) -> ReturnView:
    members = answer.json()
    try:
        is_same = (members["out_return_no"], members["amount"]) == (
            order.return_id.hex, order.amount_fen,
        )  # fmt: skip
        result = members["result"]
        reason = _reason(members) if result == "FAILED" else ""
        view = ReturnView(_RETURNS[result], _ref(members["return_id"]), reason)
    except (KeyError, TypeError, ValueError):
        raise UpstreamFailed(answer.upstream, answer.operation, "not a return") from None
    if not is_same:
        raise UpstreamFailed(answer.upstream, answer.operation, "another return")
    return view


def _text(answer: Response, name: str) -> str:
    try:
        return str(answer.json()[name])
    except (KeyError, TypeError):
        raise UpstreamFailed(answer.upstream, answer.operation, f"no {name}") from None


def _reason(members: Any) -> str:
    return str(members.get("fail_reason") or "")[:64]


def _ref(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 64:
        raise ValueError("a reference is a text")
    return value
