"""Callbacks to the merchant: encrypted, signed anew at each attempt, repeated on the ladder."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson

from sandbox.server.background import repeated
from sandbox.server.callbacks import Sender
from sandbox.server.state import Row
from sandbox.server.system import City
from sandbox.systems.wechatpay import orders, refunds
from sandbox.systems.wechatpay.keys import MERCHANT, Account, account_of, load_keys

_MINUTE, _HOUR = 60, 3600
LADDER_S = (
    15, 15, 30, 3 * _MINUTE, 10 * _MINUTE, 20 * _MINUTE, 30 * _MINUTE, 30 * _MINUTE,
    30 * _MINUTE, 60 * _MINUTE, 3 * _HOUR, 3 * _HOUR, 3 * _HOUR, 6 * _HOUR, 6 * _HOUR,
)  # fmt: skip
"""The documented waits between attempts: 24 h 4 min in all."""
REFUND_POLL_S = 0.25


def announce_payment(city: City, order: Row) -> None:
    """Owe the merchant TRANSACTION.SUCCESS. Inside the caller's transaction."""
    url = orjson.loads(order["params"])["notify_url"]
    account = account_of(order["sub_mchid"])
    _owe(city, account, url, "TRANSACTION.SUCCESS", "支付成功", orders.describe(order))


def announce_refund(city: City, refund: Row) -> None:
    """Owe the merchant REFUND.SUCCESS, where the refund named an address."""
    if refund["notify_url"] is not None:
        members = refunds.describe_notice(city, refund)
        account = account_of(str(members.get("sub_mchid", "")))
        _owe(city, account, refund["notify_url"], "REFUND.SUCCESS", "退款成功", members)


@asynccontextmanager
async def running(city: City) -> AsyncIterator[None]:
    """Sign outgoing callbacks and settle refunds for as long as the block lasts."""
    sign_for(city, MERCHANT)

    async def settle_refunds() -> None:
        with city.state.transaction():
            for refund in refunds.settle_due(city):
                announce_refund(city, refund)

    async with repeated(settle_refunds, every_s=REFUND_POLL_S):
        yield


def sign_for(city: City, account: Account) -> None:
    """Sign the callbacks to a merchant from now on."""

    def headers(body: bytes) -> dict[str, str]:
        keys = load_keys(city.settings, account)
        signed = keys.signed_headers(body.decode(), int(city.now().timestamp()))
        return signed | {"Content-Type": "application/json", "User-Agent": "Mozilla/4.0"}

    city.callbacks.register(account.system, Sender(headers, LADDER_S))


def _owe(
    city: City,
    account: Account,
    url: str,
    event_type: str,
    summary: str,
    members: dict[str, object],
) -> None:
    kind = event_type.partition(".")[0].lower()
    notice = {
        "id": str(uuid.uuid4()),
        "create_time": orders.rfc3339(city.now()),
        "resource_type": "encrypt-resource",
        "event_type": event_type,
        "summary": summary,
        "resource": load_keys(city.settings, account).encrypt(orjson.dumps(members), kind=kind),
    }
    city.callbacks.enqueue(account.system, url, orjson.dumps(notice))
