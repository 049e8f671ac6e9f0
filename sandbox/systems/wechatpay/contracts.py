"""Entrusted deduction: a payer signs once, the merchant deducts until the contract ends."""

from typing import Literal

import orjson
from pydantic import Field
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sandbox.server.state import Row
from sandbox.server.system import City
from sandbox.server.wire import Body, Refusal, read_body, reply
from sandbox.shared.cashier_page import Bill, Brand, Form, render, wants_json
from sandbox.systems.wechatpay import notices, orders
from sandbox.systems.wechatpay.keys import APPID, MCHID, load_keys
from sandbox.systems.wechatpay.wire import Answer, Call, Params, read_params, signed

SCHEMA = """
CREATE TABLE wechat_contract (
    contract_id TEXT PRIMARY KEY, out_contract_code TEXT NOT NULL UNIQUE, params BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('UNSIGNED', 'SIGNED', 'TERMINATED')),
    funds INTEGER NOT NULL DEFAULT 1, signed_at TEXT, terminated_at TEXT
);
"""
_BRAND = Brand("微信支付 委托代扣", "WeChat Pay, entrusted deduction", "#06783f")
_STATES = {
    "UNSIGNED": ("open", "待签约", "To be signed"),
    "SIGNED": ("paid", "已签约", "Signed"),
    "TERMINATED": ("shut", "已解约", "Ended"),
}


class SignParams(Params):
    """The contract that the payer is asked to sign."""

    appid: Literal["wxsandbox0000000001"]
    plan_id: int = Field(ge=1)
    out_contract_code: str = Field(pattern=r"^[0-9A-Za-z_\-|*]{6,32}$")
    contract_display_account: str = Field(min_length=1, max_length=32)


class EndParams(Params):
    """Why a contract ends."""

    contract_terminate_remark: str = Field(min_length=1, max_length=64)


class Deduction(orders.OrderParams):
    """An order that is paid at once under a contract."""

    contract_id: str = Field(min_length=1, max_length=64)


class Funds(Body):
    """Whether the payer's account can pay."""

    enough: bool


async def _sign(call: Call) -> Answer:
    """Where the payer signs; the same contract asked for again is the same."""
    params, city = read_params(call, SignParams), call.city
    members = orjson.dumps(params.model_dump())
    with city.state.transaction():
        known = _by_code(city, params.out_contract_code)
        if known is not None and known["params"] != members:
            raise Refusal(400, "INVALID_REQUEST", "签约协议号重复 / out_contract_code was used")
        if known is None:
            city.state.run(
                "INSERT INTO wechat_contract (contract_id, out_contract_code, params, state) "
                "VALUES (?, ?, ?, 'UNSIGNED')",
                (f"WC{city.serial('wechat_contract')}", params.out_contract_code, members),
            )
        found = _by_code(city, params.out_contract_code)
    assert found is not None
    page = f"{call.request.base_url}wechatpay/contracts/{found['contract_id']}"
    return 200, {"redirect_url": page}


async def _query(call: Call) -> Answer:
    """A contract by the merchant's number: 404 CONTRACT_NOT_EXIST until it is signed."""
    found = _by_code(call.city, call.request.path_params["code"])
    if found is None or found["state"] == "UNSIGNED":
        raise Refusal(404, "CONTRACT_NOT_EXIST", "签约协议不存在 / no such contract")
    return 200, _describe(found)


async def _end(call: Call) -> Answer:
    """The merchant ends a contract; one that is over stays over."""
    read_params(call, EndParams)
    _terminate(call.city, _get(call.city, call.request.path_params["contract_id"]))
    return 204, None


async def _deduct(call: Call) -> Answer:
    """Take an amount under a contract, at once; the same order is paid once."""
    params, city = read_params(call, Deduction), call.city
    contract = _get(city, params.contract_id)
    if contract["state"] != "SIGNED":
        raise Refusal(403, "CONTRACT_NOT_EXIST", "未签约或已解约 / not signed, or ended")
    if not contract["funds"]:
        raise Refusal(403, "NOT_ENOUGH", "余额不足 / the payer's account is short")
    placed = orders.place(city, "PAP", params)
    with city.state.transaction():
        paid = orders.settle(city, placed)
        notices.announce_payment(city, paid)
    return 200, orders.describe(paid)


async def show(request: Request, city: City) -> Response:
    """The page on which the payer signs or ends a contract, or its state in JSON."""
    load_keys(city.settings)
    return _page(request, _get(city, request.path_params["contract_id"]))


async def sign_here(request: Request, city: City) -> Response:
    """The payer signs. 409 CONTRACT_TERMINATED where it is over."""
    load_keys(city.settings)
    contract = _get(city, request.path_params["contract_id"])
    if contract["state"] == "TERMINATED":
        raise Refusal(409, "CONTRACT_TERMINATED", "已解约 / the contract is over")
    city.state.run(
        "UPDATE wechat_contract SET state = 'SIGNED', signed_at = coalesce(signed_at, ?) "
        "WHERE contract_id = ?",
        (orders.rfc3339(city.now()), contract["contract_id"]),
    )
    return _done(request, _get(city, contract["contract_id"]))


async def end_here(request: Request, city: City) -> Response:
    """The payer ends the contract in the wallet, without asking the merchant."""
    load_keys(city.settings)
    contract = _get(city, request.path_params["contract_id"])
    _terminate(city, contract)
    return _done(request, _get(city, contract["contract_id"]))


async def set_funds(request: Request, city: City) -> Response:
    """Control: let the payer's account be short, or not."""
    enough = (await read_body(request, Funds)).enough
    contract = _get(city, request.path_params["contract_id"])
    city.state.run(
        "UPDATE wechat_contract SET funds = ? WHERE contract_id = ?",
        (int(enough), contract["contract_id"]),
    )
    return reply(_describe(contract) | {"enough": enough})


def _by_code(city: City, code: str) -> Row | None:
    return city.state.one("SELECT * FROM wechat_contract WHERE out_contract_code = ?", (code,))


def _get(city: City, contract_id: str) -> Row:
    found = city.state.one("SELECT * FROM wechat_contract WHERE contract_id = ?", (contract_id,))
    if found is None:
        raise Refusal(404, "CONTRACT_NOT_EXIST", "签约协议不存在 / no such contract")
    return found


def _terminate(city: City, contract: Row) -> None:
    city.state.run(
        "UPDATE wechat_contract SET state = 'TERMINATED', "
        "terminated_at = coalesce(terminated_at, ?) WHERE contract_id = ?",
        (orders.rfc3339(city.now()), contract["contract_id"]),
    )


def _describe(contract: Row) -> dict[str, object]:
    params = orjson.loads(contract["params"])
    return {
        "mchid": MCHID,
        "appid": APPID,
        "contract_id": contract["contract_id"],
        "plan_id": params["plan_id"],
        "out_contract_code": contract["out_contract_code"],
        "contract_display_account": params["contract_display_account"],
        "contract_state": contract["state"],
        "contract_signed_time": contract["signed_at"],
        "contract_terminated_time": contract["terminated_at"],
    }


def _page(request: Request, contract: Row) -> Response:
    if wants_json(request):
        return reply(_describe(contract))
    root = f"/wechatpay/contracts/{contract['contract_id']}"
    sign = Form(f"{root}/sign", "pay", "同意并签约", "Agree and sign")
    end = Form(f"{root}/end", "cancel", "解约", "End")
    forms = {"UNSIGNED": (sign,), "SIGNED": (end,)}.get(contract["state"], ())
    name = orjson.loads(contract["params"])["contract_display_account"]
    outcome, state_zh, state_en = _STATES[contract["state"]]
    bill = Bill(name, 0, contract["contract_id"], outcome, state_zh, state_en)
    return render(_BRAND, bill, forms, None)


def _done(request: Request, contract: Row) -> Response:
    if wants_json(request):
        return reply(_describe(contract))
    return RedirectResponse(f"/wechatpay/contracts/{contract['contract_id']}", 303)


sign = signed(_sign)
query = signed(_query)
end = signed(_end)
deduct = signed(_deduct)
