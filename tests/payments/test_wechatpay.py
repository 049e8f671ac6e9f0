"""What WeChat Pay may tell us, and what we do not believe."""

import base64
from datetime import timedelta
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from wechatpayv3 import utils as wechat

from core.clock import ManualClock
from core.ids import new_id
from core.security.keys import load_keys
from core.telemetry.metrics import Metrics
from core.upstream.client import HttpClient
from payments.psp.port import CallbackRefused, OrderState, OrderView, RefundState, RefundView
from payments.psp.wechatpay import WeChatPayClient
from payments.psp.wechatpay_merchant import SANDBOX_MERCHANT


class Platform:
    """Signs and encrypts as WeChat Pay does."""

    def __init__(
        self,
        folder: Path,
        clock: ManualClock,
        files: str = "wechat",
        serial: str = SANDBOX_MERCHANT.platform_serial,
    ) -> None:
        self._key = load_pem_private_key(
            (folder / f"{files}_platform_private.pem").read_bytes(), None
        )
        self._apiv3 = (folder / f"{files}_apiv3.key").read_bytes()
        self._clock, self._serial = clock, serial

    def tell(
        self,
        news: dict[str, object],
        kind: str = "TRANSACTION.SUCCESS",
        *,
        key: rsa.RSAPrivateKey | None = None,
        apiv3: bytes | None = None,
        age: timedelta = timedelta(0),
        serial: str | None = None,
        nonce: str = "nonce-0001",
    ) -> tuple[dict[str, str], bytes]:
        """A callback's headers and body."""
        sealed = AESGCM(apiv3 or self._apiv3).encrypt(b"twelve-bytes", orjson.dumps(news), b"t")
        notice = {
            "event_type": kind,
            "resource": {
                "algorithm": "AEAD_AES_256_GCM",
                "nonce": "twelve-bytes",
                "associated_data": "t",
                "ciphertext": base64.b64encode(sealed).decode(),
            },
        }
        body = orjson.dumps(notice)
        return self.headers(body, key=key, age=age, serial=serial, nonce=nonce), body

    def headers(
        self,
        body: bytes,
        *,
        key: rsa.RSAPrivateKey | None = None,
        age: timedelta = timedelta(0),
        serial: str | None = None,
        nonce: str = "nonce-0001",
    ) -> dict[str, str]:
        """The headers of a callback with this body."""
        timestamp = int((self._clock.now() - age).timestamp())
        text = f"{timestamp}\n{nonce}\n{body.decode()}\n"
        return {
            "Wechatpay-Serial": serial or self._serial,
            "Wechatpay-Timestamp": str(timestamp),
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": wechat.rsa_sign(key or self._key, text),
        }


@pytest.fixture
def platform(keys_dir: Path, clock: ManualClock) -> Platform:
    """WeChat Pay's side."""
    return Platform(keys_dir, clock)


@pytest.fixture
def client(keys_dir: Path, clock: ManualClock) -> WeChatPayClient:
    """Our side; nothing here goes over the wire."""
    keys = load_keys(keys_dir)
    return WeChatPayClient(
        http=HttpClient(Metrics()).upstream("wechatpay", "http://127.0.0.1:9"),
        clock=clock,
        merchant=SANDBOX_MERCHANT,
        private_key=keys.wechat_merchant_private,
        platform_key=keys.wechat_platform_public,
        apiv3_key=keys.wechat_apiv3,
        notify_url="http://127.0.0.1:9/callbacks/wechatpay",
    )


def _paid(**changes: object) -> dict[str, object]:
    return {
        "mchid": SANDBOX_MERCHANT.mchid,
        "appid": SANDBOX_MERCHANT.appid,
        "out_trade_no": new_id().hex,
        "transaction_id": "4200000001",
        "trade_state": "SUCCESS",
        "success_time": "2026-11-23T12:00:00+08:00",
        "amount": {"total": 5600, "currency": "CNY"},
    } | changes


def _refunded() -> dict[str, object]:
    return {
        "mchid": SANDBOX_MERCHANT.mchid,
        "out_trade_no": new_id().hex,
        "out_refund_no": new_id().hex,
        "refund_id": "5030000001",
        "refund_status": "SUCCESS",
        "amount": {"total": 5600, "refund": 100},
    }


def test_a_payment_is_read(client: WeChatPayClient, platform: Platform) -> None:
    callback = client.read_callback(*platform.tell(_paid()))
    assert callback.nonce == "nonce-0001"
    assert isinstance(callback.news, OrderView)
    assert (callback.news.state, callback.news.amount_fen) == (OrderState.PAID, 5600)


def test_a_refund_is_read(client: WeChatPayClient, platform: Platform) -> None:
    callback = client.read_callback(*platform.tell(_refunded(), "REFUND.SUCCESS"))
    assert isinstance(callback.news, RefundView)
    assert (callback.news.state, callback.news.amount_fen) == (RefundState.SUCCEEDED, 100)


def test_other_news_is_believed_and_ignored(client: WeChatPayClient, platform: Platform) -> None:
    news = {"mchid": SANDBOX_MERCHANT.mchid}
    assert client.read_callback(*platform.tell(news, "COUPON.USE")).news is None


def test_a_forged_signature_is_refused(client: WeChatPayClient, platform: Platform) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    _refuse(client, "signature", *platform.tell(_paid(), key=stranger))
    _refuse(client, "signature", *platform.tell(_paid(), serial="SOMEBODY_ELSE"))
    headers, body = platform.tell(_paid())
    _refuse(client, "signature", headers, body.replace(b"SUCCESS", b"SUCCESZ"))
    _refuse(client, "signature", headers | {"Wechatpay-Signature": "not base64"}, body)
    _refuse(client, "signature", {}, body)
    _refuse(client, "signature", headers, b"\xff\xfe")


@pytest.mark.parametrize("age_s", [301, -301, 86_400])
def test_a_stale_callback_is_refused(
    client: WeChatPayClient, platform: Platform, age_s: int
) -> None:
    _refuse(client, "stale", *platform.tell(_paid(), age=timedelta(seconds=age_s)))


@pytest.mark.parametrize("change", [{"mchid": "1900000002"}, {"appid": "wx0"}, {"mchid": None}])
def test_another_merchants_payment_is_refused(
    client: WeChatPayClient, platform: Platform, change: dict[str, object]
) -> None:
    _refuse(client, "merchant", *platform.tell(_paid(**change)))


def test_what_does_not_decrypt_is_refused(client: WeChatPayClient, platform: Platform) -> None:
    _refuse(client, "decryption", *platform.tell(_paid(), apiv3=b"x" * 32))


@pytest.mark.parametrize(
    "change",
    [
        {"out_trade_no": "not-an-id"},
        {"trade_state": "WON"},
        {"amount": {"total": 56.0}},
        {"amount": {"total": "5600"}},
        {"amount": None},
        {"success_time": "yesterday"},
        {"success_time": "2026-11-23T12:00:00"},
        {"transaction_id": None},
        {"transaction_id": "4" * 65},
    ],
)
def test_nonsense_is_refused(
    client: WeChatPayClient, platform: Platform, change: dict[str, object]
) -> None:
    _refuse(client, "malformed", *platform.tell(_paid(**change)))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"resource":1}', b'{"resource":{}}', b"{"])
def test_a_signed_body_without_sense_is_refused(
    client: WeChatPayClient, platform: Platform, body: bytes
) -> None:
    _refuse(client, "malformed", platform.headers(body), body)


def _refuse(client: WeChatPayClient, reason: str, headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(CallbackRefused) as refused:
        client.read_callback(headers, body)
    assert refused.value.reason == reason
