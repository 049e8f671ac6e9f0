"""WeChat Pay's envelope, API v3: signed requests and answers, encrypted callbacks.

Signing, verifying and decrypting are wechatpayv3's (its `utils`); its HTTP client is not used: it
is synchronous and knows no deadline. What that library lacks is here: a callback older than five
minutes is refused, and so is one without a nonce. While WeChat Pay changes keys, messages come
signed with either: each is believed by the key of the serial that it names.
Source: pay.weixin.qq.com/doc/v3/merchant (signature 4012365342, callback 4012791882).
"""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson
from wechatpayv3 import utils as wechat

from core.clock import Clock
from core.security.keys import private_key as parsed
from payments.psp.port import CallbackRefused

SCHEME = "WECHATPAY2-SHA256-RSA2048"
FRESH = timedelta(minutes=5)


def nonce() -> str:
    """A text that is used once."""
    return secrets.token_hex(16).upper()


class Wire:
    """Our key, and the public keys by which WeChat Pay is believed, by serial. PEM texts."""

    def __init__(
        self,
        clock: Clock,
        *,
        mchid: str,
        merchant_serial: str,
        private_key: bytes,
        platform_serial: str,
        platform_keys: Mapping[str, bytes],
        apiv3_key: bytes,
    ) -> None:
        self._clock = clock
        self._mchid, self._merchant_serial = mchid, merchant_serial
        self._private = parsed(private_key)
        self.platform_serial = platform_serial
        """The key with which answers are asked for."""
        self._platform = {
            serial: wechat.load_public_key(key.decode()) for serial, key in platform_keys.items()
        }
        self._apiv3_key = apiv3_key.decode()

    def timestamp(self) -> str:
        """Now, in seconds, as what is signed tells it."""
        return str(int(self._clock.now().timestamp()))

    def sign(self, *lines: str) -> str:
        """Our signature over lines, each ended by a newline; Base64."""
        return str(wechat.rsa_sign(self._private, "".join(f"{line}\n" for line in lines)))

    def encrypt(self, text: str) -> str:
        """A text that only WeChat Pay can read, by the key of `platform_serial`, which every
        request names as Wechatpay-Serial; RSAES-OAEP, Base64."""
        return str(wechat.rsa_encrypt(text, self._platform[self.platform_serial]))

    def authorization(self, method: str, target: str, text: str = "") -> str:
        """The header that signs one request."""
        once, timestamp = nonce(), self.timestamp()
        signature = self.sign(method, target, timestamp, once, text)
        return (
            f'{SCHEME} mchid="{self._mchid}",nonce_str="{once}",signature="{signature}",'
            f'timestamp="{timestamp}",serial_no="{self._merchant_serial}"'
        )

    def check_signature(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """The nonce of a message that WeChat Pay signed, with any key it may; None for others."""
        found = {name.lower(): value for name, value in headers.items()}
        timestamp = found.get("wechatpay-timestamp", "")
        nonce = found.get("wechatpay-nonce", "")
        platform = self._platform.get(found.get("wechatpay-serial", ""))
        if platform is None or not nonce:
            return None
        try:
            holds = wechat.rsa_verify(
                timestamp,
                nonce,
                body.decode(),
                found.get("wechatpay-signature", ""),
                platform,
            )
        except ValueError:
            return None
        return nonce[:64] if holds else None

    def check_age(self, headers: Mapping[str, str]) -> None:
        """Raise CallbackRefused stale for a message of another time."""
        found = {name.lower(): value for name, value in headers.items()}
        try:
            sent_at_s = int(found["wechatpay-timestamp"])
        except (KeyError, ValueError):
            raise CallbackRefused("stale") from None
        if abs(self._clock.now().timestamp() - sent_at_s) > FRESH.total_seconds():
            raise CallbackRefused("stale")

    def open(self, body: bytes) -> dict[str, Any]:
        """The decrypted resource with the event's type beside it."""
        try:
            notice = orjson.loads(body)
            sealed = notice["resource"]
            if sealed["algorithm"] != "AEAD_AES_256_GCM":
                raise CallbackRefused("algorithm")
            plain = wechat.aes_decrypt(
                sealed["nonce"],
                sealed["ciphertext"],
                sealed.get("associated_data") or "",
                self._apiv3_key,
            )
            if plain is None:
                raise CallbackRefused("decryption")
            return dict(orjson.loads(plain)) | {"event_type": notice["event_type"]}
        except (KeyError, TypeError, ValueError, AttributeError):
            raise CallbackRefused("malformed") from None
