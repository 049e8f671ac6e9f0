"""The sandbox's WeChat Pay keys: who signs, who is believed, what is encrypted."""

import base64
import binascii
import secrets
from collections.abc import Mapping
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
SCHEME = "WECHATPAY2-SHA256-RSA2048"


@dataclass(frozen=True)
class Account:
    """A merchant that calls this API: the system that it calls, its numbers and key files."""

    system: str
    path: str
    files: str
    """What the names of its key files begin with."""
    mchid: str
    merchant_serial: str
    platform_serial: str
    appids: Mapping[str, tuple[str, ...]]
    """Its applications by the kind of order that they may place."""
    sub_mchids: tuple[str, ...] = ()
    """The merchants in whose names it may place orders, where it is a service provider."""


MERCHANT = Account(
    system="wechatpay",
    path="/wechatpay",
    files="wechat",
    mchid=MCHID,
    merchant_serial="SANDBOXMERCHANT0001",
    platform_serial="PUB_KEY_ID_SANDBOX_0001",
    appids={
        "MWEB": (APPID,),
        "PAP": (APPID,),
        "APP": ("wxsandbox0000000002",),
        "JSAPI": ("wxsandbox0000000003", "wxsandbox0000000004"),
    },
)
PROVIDER = Account(
    system="wechatpay_sp",
    path="/wechatpay-sp",
    files="wechat_sp",
    mchid="1900000100",
    merchant_serial="SANDBOXPROVIDER0001",
    platform_serial="PUB_KEY_ID_SANDBOX_0101",
    appids={
        "MWEB": ("wxsandbox0000000101",),
        "APP": ("wxsandbox0000000102",),
        "JSAPI": ("wxsandbox0000000103", "wxsandbox0000000104"),
    },
    sub_mchids=("1900000109", "1900000117"),
)
"""A service provider (服务商) and its sub-merchants (特约商户)."""


def account_of(sub_mchid: str) -> Account:
    """Who placed the orders of a sub-merchant; the merchant itself where there is none."""
    return PROVIDER if sub_mchid else MERCHANT


@dataclass(frozen=True)
class Keys:
    """The platform's signing key, the merchant's public key and the shared APIv3 key."""

    serial: str
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
            "Wechatpay-Serial": self.serial,
            "Wechatpay-Signature": self.sign(str(timestamp), nonce, body),
            "Wechatpay-Signature-Type": SCHEME,
            "Wechatpay-Timestamp": str(timestamp),
            "Wechatpay-Nonce": nonce,
        }


def load_keys(settings: SandboxSettings, account: Account = MERCHANT) -> Keys:
    """A merchant's keys, of the configured folder.

    Raises Refusal 503 KEYS_MISSING naming what is absent.
    """
    if settings.keys_dir is None:
        raise Refusal(503, "KEYS_MISSING", "SANDBOX_KEYS_DIR is unset: WeChat Pay is shut")
    return _load(settings.keys_dir, account.files, account.platform_serial)


@cache
def _load(folder: Path, files: str, serial: str) -> Keys:
    names = (f"{files}_platform_private.pem", f"{files}_merchant_public.pem", f"{files}_apiv3.key")
    for name in names:
        if not (folder / name).is_file():
            raise Refusal(503, "KEYS_MISSING", f"{folder / name} is missing")
    ours, theirs, shared = (folder / name for name in names)
    platform = load_pem_private_key(ours.read_bytes(), None)
    merchant = load_pem_public_key(theirs.read_bytes())
    apiv3 = shared.read_text("ascii").strip().encode()
    if not isinstance(platform, RSAPrivateKey) or not isinstance(merchant, RSAPublicKey):
        raise Refusal(503, "KEYS_MISSING", f"{folder}: the PEM files must hold RSA keys")
    if len(apiv3) != 32:
        raise Refusal(503, "KEYS_MISSING", f"{shared} must hold 32 ASCII characters")
    return Keys(serial, platform, merchant, apiv3)
