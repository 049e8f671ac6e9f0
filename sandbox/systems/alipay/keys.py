"""The sandbox's Alipay keys: RSA2 both ways (SHA256withRSA, PKCS#1 v1.5, Base64)."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from sandbox.server.settings import SandboxSettings
from sandbox.server.wire import Refusal

APP_ID = "2021000000000001"
SELLER_ID = "2088000000000001"
BUYER_ID = "2088000000000002"
BUYER_LOGON_ID = "san***@sandbox.example"

PLATFORM_FILE = "alipay_platform_private.pem"
MERCHANT_FILE = "alipay_merchant_public.pem"


@dataclass(frozen=True)
class Keys:
    """Alipay's signing key and the merchant's public key."""

    platform: RSAPrivateKey
    merchant: RSAPublicKey

    def sign(self, message: str) -> str:
        """Base64 of Alipay's signature over a text."""
        raw = self.platform.sign(message.encode(), PKCS1v15(), SHA256())
        return base64.b64encode(raw).decode()

    def sign_params(self, params: Mapping[str, str]) -> dict[str, str]:
        """Parameters with `sign_type` and `sign`, as notices and return addresses carry them."""
        return {**params, "sign_type": "RSA2", "sign": self.sign(canonical(params))}

    def is_merchants(self, signature: str, message: str) -> bool:
        """Whether the merchant signed this text."""
        try:
            raw = base64.b64decode(signature, validate=True)
            self.merchant.verify(raw, message.encode(), PKCS1v15(), SHA256())
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


def canonical(params: Mapping[str, str]) -> str:
    """What is signed: `name=value` of all that have a value, sorted by name, joined by `&`."""
    return "&".join(f"{name}={params[name]}" for name in sorted(params) if params[name])


def load_keys(settings: SandboxSettings) -> Keys:
    """The keys of the configured folder. Raises Refusal 503 KEYS_MISSING naming what is absent."""
    if settings.keys_dir is None:
        raise Refusal(503, "KEYS_MISSING", "SANDBOX_KEYS_DIR is unset: Alipay is shut")
    for name in (PLATFORM_FILE, MERCHANT_FILE):
        if not (settings.keys_dir / name).is_file():
            raise Refusal(503, "KEYS_MISSING", f"{settings.keys_dir / name} is missing")
    return _load(settings.keys_dir)


@cache
def _load(folder: Path) -> Keys:
    platform = load_pem_private_key((folder / PLATFORM_FILE).read_bytes(), None)
    merchant = load_pem_public_key((folder / MERCHANT_FILE).read_bytes())
    if not isinstance(platform, RSAPrivateKey) or not isinstance(merchant, RSAPublicKey):
        raise Refusal(503, "KEYS_MISSING", f"{folder}: the PEM files must hold RSA keys")
    return Keys(platform, merchant)
