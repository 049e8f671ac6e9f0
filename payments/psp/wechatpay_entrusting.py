"""WeChat Pay's entrusted deduction (委托代扣), signed like everything of API v3.

Source: pay.weixin.qq.com/doc/global/v3 (query 4013015477, deduction 4013015482).
"""

from dataclasses import dataclass
from uuid import UUID

from core.context.app import App
from core.deadline import Deadline
from core.upstream.client import Response, UpstreamFailed, UpstreamRejected
from payments.psp.entrusting import ContractState, ContractView
from payments.psp.merchants import read_merchant
from payments.psp.port import Order
from payments.psp.wechatpay import WeChatPayClient
from payments.psp.wechatpay import open_client as open_payments

_ROOT = "/v3/papay"
_STATES = {"SIGNED": ContractState.SIGNED, "TERMINATED": ContractState.ENDED}


@dataclass(frozen=True, slots=True)
class Plan:
    """The deduction template (委托代扣模板) that WeChat Pay gave the merchant."""

    plan_id: int


SANDBOX_PLAN = Plan(1)


def open_client(app: App, address: str) -> "WeChatEntrusting":
    """The client of this installation; merchant and keys are those of payments."""
    plan = read_merchant(app.settings, "wechatpay", SANDBOX_PLAN)
    return WeChatEntrusting(open_payments(app, address), plan)


class WeChatEntrusting:
    """Fulfils payments.psp.entrusting.Entrusting for one merchant."""

    def __init__(self, payments: WeChatPayClient, plan: Plan = SANDBOX_PLAN) -> None:
        self._payments = payments
        self._plan_id = plan.plan_id

    async def sign(self, contract_id: UUID, display: str, deadline: Deadline) -> str:
        """Ask for the page on which the payer signs; see the port."""
        body = {
            "appid": self._payments.merchant.appid,
            "plan_id": self._plan_id,
            "out_contract_code": contract_id.hex,
            "contract_display_account": display,
        }
        answer = await self._payments.send(
            "POST",
            f"{_ROOT}/contracts/pre-entrust-sign",
            operation="sign",
            deadline=deadline,
            body=body,
        )
        return _text(answer, "redirect_url")

    async def find_contract(self, contract_id: UUID, deadline: Deadline) -> ContractView:
        """Query by our number; see the port."""
        query = f"appid={self._payments.merchant.appid}&plan_id={self._plan_id}"
        try:
            answer = await self._payments.send(
                "GET",
                f"{_ROOT}/contracts/out-contract-code/{contract_id.hex}?{query}",
                operation="find_contract",
                deadline=deadline,
            )
        except UpstreamRejected as refusal:
            if refusal.code == "CONTRACT_NOT_EXIST":
                return ContractView(contract_id, ContractState.MISSING)
            raise
        state = _STATES.get(_text(answer, "contract_state"))
        if state is None or _text(answer, "out_contract_code") != contract_id.hex:
            raise UpstreamFailed("wechatpay", "find_contract", "unknown form")
        return ContractView(contract_id, state, _text(answer, "contract_id")[:64])

    async def end_contract(self, psp_ref: str, deadline: Deadline) -> None:
        """End a contract; see the port."""
        await self._payments.send(
            "POST",
            f"{_ROOT}/contracts/{psp_ref}/terminate",
            operation="end_contract",
            deadline=deadline,
            body={"contract_terminate_remark": "用户解约"},
        )

    async def deduct(self, order: Order, psp_ref: str, deadline: Deadline) -> None:
        """Deduct; see the port. What the answer says is not taken for paid: the order is asked."""
        await self._payments.send(
            "POST",
            f"{_ROOT}/transactions",
            operation="deduct",
            deadline=deadline,
            body=self._payments.order_body(order) | {"contract_id": psp_ref},
        )


def _text(answer: Response, name: str) -> str:
    try:
        found = answer.json()[name]
    except (KeyError, TypeError):
        found = None
    if not isinstance(found, str) or not found:
        raise UpstreamFailed(answer.upstream, answer.operation, f"no {name}")
    return found
