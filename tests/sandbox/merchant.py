"""A merchant of the sandbox's WeChat Pay: the public client library, and a callback address."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from wechatpayv3 import WeChatPay, WeChatPayType

MCHID = "1900000001"
APPID = "wxsandbox0000000001"
SP_MCHID = "1900000100"
SP_APPID = "wxsandbox0000000101"
SUB_MCHID = "1900000109"
PLATFORM_SERIAL = "PUB_KEY_ID_SANDBOX_0001"
MERCHANT_SERIAL = "SANDBOXMERCHANT0001"

Reply = tuple[int, Any]


class Merchant:
    """Calls the sandbox by `wechatpayv3`, which checks the signature of every 2xx answer."""

    def __init__(self, base: str, keys_dir: Path, notify_url: str) -> None:
        self.notify_url = notify_url
        self.library = WeChatPay(
            wechatpay_type=WeChatPayType.H5,
            mchid=MCHID,
            private_key=(keys_dir / "wechat_merchant_private.pem").read_text(),
            cert_serial_no=MERCHANT_SERIAL,
            apiv3_key=(keys_dir / "wechat_apiv3.key").read_text(),
            appid=APPID,
            notify_url=notify_url,
            public_key=(keys_dir / "wechat_platform_public.pem").read_text(),
            public_key_id=PLATFORM_SERIAL,
        )
        self.library._core._gate_way = f"{base}/wechatpay"

    async def call(self, method: str, /, **arguments: Any) -> Reply:
        """One call of the library, outside the event loop."""
        status, text = await asyncio.to_thread(getattr(self.library, method), **arguments)
        return status, orjson.loads(text) if text else None

    async def order(self, out_trade_no: str, total: int = 2940, **changed: Any) -> Reply:
        """Place an H5 order."""
        arguments: dict[str, Any] = {
            "description": "自来水费 2026-10",
            "out_trade_no": out_trade_no,
            "amount": {"total": total},
            "scene_info": {"payer_client_ip": "127.0.0.1", "h5_info": {"type": "Wap"}},
        }
        return await self.call("pay", **(arguments | changed))

    async def query(self, out_trade_no: str) -> Any:
        """The order as the query API tells it."""
        status, body = await self.call("query", out_trade_no=out_trade_no)
        assert status == 200, body
        return body

    async def refund(self, out_trade_no: str, out_refund_no: str, refund: int, total: int) -> Reply:
        """Refund a part of an order."""
        amount = {"refund": refund, "total": total, "currency": "CNY"}
        return await self.call(
            "refund", out_refund_no=out_refund_no, out_trade_no=out_trade_no, amount=amount
        )


class Provider(Merchant):
    """The same library as a service provider, in the name of one of its sub-merchants."""

    def __init__(
        self, base: str, keys_dir: Path, notify_url: str, sub_mchid: str = SUB_MCHID
    ) -> None:
        self.notify_url, self.sub_mchid = notify_url, sub_mchid
        self.library = WeChatPay(
            wechatpay_type=WeChatPayType.H5,
            mchid=SP_MCHID,
            private_key=(keys_dir / "wechat_sp_merchant_private.pem").read_text(),
            cert_serial_no="SANDBOXPROVIDER0001",
            apiv3_key=(keys_dir / "wechat_sp_apiv3.key").read_text(),
            appid=SP_APPID,
            notify_url=notify_url,
            partner_mode=True,
            public_key=(keys_dir / "wechat_sp_platform_public.pem").read_text(),
            public_key_id="PUB_KEY_ID_SANDBOX_0101",
        )
        self.library._core._gate_way = f"{base}/wechatpay-sp"

    async def call(self, method: str, /, **arguments: Any) -> Reply:
        """See Merchant."""
        if method not in ("trade_bill", "download_bill"):
            arguments = {"sub_mchid": self.sub_mchid} | arguments
        return await super().call(method, **arguments)


@dataclass
class Mailbox:
    """The merchant's callback address; answers with the given statuses in turn, then 2xx.

    `texts` are the bodies of the answers, in turn as well; then they are empty.
    """

    statuses: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    received: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    url: str = ""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        async with self.arrived:
            self.received.append((dict(request.headers), body))
            self.arrived.notify_all()
        text = self.texts.pop(0) if self.texts else None
        fine = 204 if text is None else 200
        return web.Response(status=self.statuses.pop(0) if self.statuses else fine, text=text)

    async def wait_for(self, count: int, timeout_s: float = 8) -> None:
        """Return when this many callbacks have come. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s), self.arrived:
            await self.arrived.wait_for(lambda: len(self.received) >= count)


@asynccontextmanager
async def open_mailbox() -> AsyncIterator[Mailbox]:
    """A mailbox on a free port."""
    mailbox = Mailbox()
    application = web.Application()
    application.router.add_post("/notify", mailbox.take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    mailbox.url = f"http://127.0.0.1:{runner.addresses[0][1]}/notify"
    try:
        yield mailbox
    finally:
        await runner.cleanup()
