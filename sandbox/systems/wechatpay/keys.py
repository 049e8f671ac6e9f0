"""The sandbox's WeChat Pay keys: who signs, who is believed, what is encrypted."""

import base64
import binascii
import secrets
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from sandbox.server.settings import SandboxSettings
from sandbox.server.wire import Refusal

MCHID = "1900000001"
APPID = "wxsandbox0000000001"
APPIDS = {
    "MWEB": (APPID,),
    "PAP": (APPID,),
    "APP": ("wxsandbox0000000002",),
    "JSAPI": ("wxsandbox0000000003", "wxsandbox0000000004"),
}
"""The merchant's applications by the kind of order that they may place."""
PLATFORM_SERIAL = "PUB_KEY_ID_SANDBOX_0001"
MERCHANT_SERIAL = "SANDBOXMERCHANT0001"
SCHEME = "WECHATPAY2-SHA256-RSA2048"

PLATFORM_FILE = "wechat_platform_private.pem"
MERCHANT_FILE = "wechat_merchant_public.pem"
APIV3_FILE = "wechat_apiv3.key"


@dataclass(frozen=True)
class Keys:
    """The platform's signing key, the merchant's public key and the shared APIv3 key."""

    platform: RSAPrivateKey
    merchant: RSAPublicKey
    apiv3: bytes

    def sign(self, *lines: str) -> str:
        """Base64 of the platform's RSA-SHA256 signature over lines, each ended by a newline."""
        message = "".join(line + "\n" for line in lines).encode()
        return base64.b64encode(self.platform.sign(message, PKCS1v15(), SHA256())).decode()

    def is_merchants(self, signature: str, *lines: str) -> bool:
        """Whether the merchant signed these lines."""
        message = "".join(line + "\n" for line in lines).encode()
        try:
            raw = base64.b64decode(signature, validate=True)
            self.merchant.verify(raw, message, PKCS1v15(), SHA256())
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True

    def encrypt(self, plain: bytes, *, kind: str) -> dict[str, str]:
        """The encrypted `resource` of a callback (AEAD_AES_256_GCM under the APIv3 key)."""
        nonce = secrets.token_hex(6)
        sealed = AESGCM(self.apiv3).encrypt(nonce.encode(), plain, kind.encode())
        return {
            "original_type": kind,
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": base64.b64encode(sealed).decode(),
            "associated_data": kind,
            "nonce": nonce,
        }

    def signed_headers(self, body: str, timestamp: int) -> dict[str, str]:
        """The headers by which a merchant believes an answer or a callback."""
        nonce = secrets.token_hex(16)
        return {
            "Wechatpay-Serial": PLATFORM_SERIAL,
            "Wechatpay-Signature": self.sign(str(timestamp), nonce, body),
            "Wechatpay-Signature-Type": SCHEME,
            "Wechatpay-Timestamp": str(timestamp),
            "Wechatpay-Nonce": nonce,
        }


def load_keys(settings: SandboxSettings) -> Keys:
    """The keys of the configured folder. Raises Refusal 503 KEYS_MISSING naming what is absent."""
    if settings.keys_dir is None:
        raise Refusal(503, "KEYS_MISSING", "SANDBOX_KEYS_DIR is unset: WeChat Pay is shut")
    return _load(settings.keys_dir)


@cache
def _load(folder: Path) -> Keys:
    for name in (PLATFORM_FILE, MERCHANT_FILE, APIV3_FILE):
        if not (folder / name).is_file():
            raise Refusal(503, "KEYS_MISSING", f"{folder / name} is missing")
    platform = load_pem_private_key((folder / PLATFORM_FILE).read_bytes(), None)
    merchant = load_pem_public_key((folder / MERCHANT_FILE).read_bytes())
    apiv3 = (folder / APIV3_FILE).read_text("ascii").strip().encode()
    if not isinstance(platform, RSAPrivateKey) or not isinstance(merchant, RSAPublicKey):
        raise Refusal(503, "KEYS_MISSING", f"{folder}: the PEM files must hold RSA keys")
    if len(apiv3) != 32:
        raise Refusal(503, "KEYS_MISSING", f"{folder / APIV3_FILE} must hold 32 ASCII characters")
    return Keys(platform, merchant, apiv3)
