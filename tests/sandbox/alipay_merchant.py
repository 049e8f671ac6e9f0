"""A merchant of the sandbox's Alipay: signs, sends, and believes only what Alipay signed."""

import base64
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

import aiohttp
import orjson
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

APP_ID = "2021000000000001"
JSON = {"Accept": "application/json"}
Params = dict[str, str]


def canonical(params: Params) -> bytes:
    return "&".join(f"{k}={v}" for k, v in sorted(params.items()) if v).encode()


class AlipayMerchant:
    """The open platform's protocol from the merchant's side."""

    def __init__(self, http: aiohttp.ClientSession, keys_dir: Path, notify_url: str) -> None:
        self.http = http
        self.notify_url = notify_url
        private = load_pem_private_key(
            (keys_dir / "alipay_merchant_private.pem").read_bytes(), None
        )
        public = load_pem_public_key((keys_dir / "alipay_platform_public.pem").read_bytes())
        assert isinstance(private, RSAPrivateKey) and isinstance(public, RSAPublicKey)
        self.private, self.platform = private, public

    def sign(self, params: Params) -> Params:
        raw = self.private.sign(canonical(params), PKCS1v15(), SHA256())
        return params | {"sign": base64.b64encode(raw).decode()}

    def params(self, method: str, biz: dict[str, Any], **changed: str) -> Params:
        now = datetime.now(ZoneInfo("Asia/Shanghai"))
        common = {
            "app_id": APP_ID,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": f"{now:%Y-%m-%d %H:%M:%S}",
            "version": "1.0",
            "biz_content": orjson.dumps(biz).decode(),
        }
        return common | changed

    def believe(self, params: Params) -> Params:
        """The parameters of a notice or return address. Raises InvalidSignature."""
        signature = base64.b64decode(params["sign"])
        told = {k: v for k, v in params.items() if k not in ("sign", "sign_type")}
        self.platform.verify(signature, canonical(told), PKCS1v15(), SHA256())
        return told

    def believe_notice(self, body: bytes) -> Params:
        return self.believe(dict(parse_qsl(body.decode())))

    async def send(self, params: Params) -> Any:
        """Send signed parameters; the answer's node, its signature checked over its exact text."""
        async with self.http.post("/alipay/gateway.do", data=params) as answer:
            assert answer.status == 200
            text = await answer.text()
        whole = orjson.loads(text)
        signature = base64.b64decode(whole.pop("sign"))
        ((name, node),) = whole.items()
        assert name in (params.get("method", "").replace(".", "_") + "_response", "error_response")
        begin = text.index(":") + 1
        node_text = text[begin : text.rindex(',"sign":"')]
        self.platform.verify(signature, node_text.encode(), PKCS1v15(), SHA256())
        return node

    async def call(self, method: str, **biz: Any) -> Any:
        return await self.send(self.sign(self.params(f"alipay.trade.{method}", biz)))

    def page_url(
        self, out_trade_no: str, amount: str = "29.40", method: str = "wap.pay", **changed: Any
    ) -> str:
        """The signed address to which the payer's browser goes."""
        urls = {"notify_url": self.notify_url, "return_url": changed.pop("return_url", "")}
        biz = {
            "out_trade_no": out_trade_no,
            "total_amount": amount,
            "subject": "自来水费 2026-10",
            "product_code": "QUICK_WAP_WAY",
        } | changed
        params = self.params(f"alipay.trade.{method}", biz, **urls)
        return f"/alipay/gateway.do?{urlencode(self.sign(params))}"

    async def place(self, out_trade_no: str, amount: str = "29.40", **changed: Any) -> str:
        """Prepare a trade; the path of its cashier, which is not opened yet."""
        url = self.page_url(out_trade_no, amount, **changed)
        async with self.http.get(url, allow_redirects=False) as answer:
            assert answer.status == 302, await answer.text()
            return answer.headers["Location"]

    async def pay(self, out_trade_no: str, amount: str = "29.40", **changed: Any) -> Any:
        """Place a trade and pay it; its state."""
        cashier = await self.place(out_trade_no, amount, **changed)
        async with self.http.post(f"{cashier}/pay", headers=JSON) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()
