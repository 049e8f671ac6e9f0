"""Alipay's envelope: signed parameters out, a signed node in, signed forms as notices, and content
that a mini-programme carries to us, encrypted and signed.

RSA2 is SHA256withRSA (PKCS#1 v1.5, Base64), content is under AES-CBC with PKCS#7 padding and an
initial vector of zeros, so that equal contents are equal texts. The mathematics is
`cryptography`'s.
Source: opendocs.alipay.com/common/02khjm (requests), /common/02mse7 (answers and notices),
/common/02mse3 (content).
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from core.clock import civil_time
from core.security.keys import private_key as parsed

SIGN_TYPE = "RSA2"
_DECODER = json.JSONDecoder()


class NotSigned(Exception):
    """What was received is not what Alipay signed."""


class Signer:
    """Our key, and the keys by which Alipay is believed. All are PEM texts of RSA keys."""

    def __init__(self, private_key: bytes, *platform_keys: bytes) -> None:
        private = parsed(private_key)
        platform = [load_pem_public_key(key) for key in platform_keys]
        rsa_keys = [key for key in platform if isinstance(key, RSAPublicKey)]
        if not isinstance(private, RSAPrivateKey) or len(rsa_keys) != len(platform):
            raise ValueError("RSA2 signs with RSA keys")
        self._private, self._platform = private, rsa_keys

    def sign(self, params: Mapping[str, str]) -> dict[str, str]:
        """A request's parameters with their `sign`; those without a value are left out."""
        members = {name: value for name, value in params.items() if value}
        raw = self._private.sign(_canonical(members).encode(), PKCS1v15(), SHA256())
        return members | {"sign": base64.b64encode(raw).decode()}

    def open_answer(self, body: bytes, node: str) -> dict[str, Any]:
        """The answer's node of this name, or the gateway's `error_response`. Raises NotSigned.

        The signature is over the node's text exactly as it stands, and only that text is read.
        """
        try:
            text = body.decode()
            whole = _DECODER.decode(text)
            name = node if node in whole else "error_response"
            place = re.search(rf'"{name}"\s*:\s*', text)
            if place is None:
                raise NotSigned
            members, end = _DECODER.raw_decode(text, place.end())
            self._check(str(whole["sign"]), text[place.end() : end])
        except (KeyError, TypeError, ValueError):
            raise NotSigned from None
        if not isinstance(members, dict):
            raise NotSigned
        return members

    def open_form(self, body: bytes, *, may_sign_type: bool = False) -> dict[str, str]:
        """A notice's parameters without `sign` and `sign_type`. Raises NotSigned.

        With `may_sign_type` the signature may be over `sign_type` too: Alipay's own libraries have
        both (rsaCheckV1, rsaCheckV2), and its pages do not say of every message which it is.
        """
        try:
            pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=100)
        except ValueError:
            raise NotSigned from None
        members = dict(pairs)
        signature, kind = members.pop("sign", ""), members.pop("sign_type", "")
        if len(members) + 2 != len(pairs) or kind != SIGN_TYPE:
            raise NotSigned
        try:
            self._check(signature, _canonical(members))
        except NotSigned:
            if not may_sign_type:
                raise
            self._check(signature, _canonical({**members, "sign_type": kind}))
        return members

    def open_content(self, members: Mapping[str, Any], content_key: bytes) -> dict[str, Any]:
        """The content of `{response, sign}`, as `my.getPhoneNumber` gives it. Raises NotSigned.

        Signed is the encrypted text with its quotation marks.
        """
        try:
            sealed = str(members["response"])
            self._check(str(members["sign"]), f'"{sealed}"')
            content = json.loads(decrypt_content(content_key, sealed))
        except (KeyError, TypeError, ValueError):
            raise NotSigned from None
        if not isinstance(content, dict):
            raise NotSigned
        return content

    def _check(self, signature: str, text: str) -> None:
        try:
            raw = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError):
            raise NotSigned from None
        if not any(_holds(key, raw, text.encode()) for key in self._platform):
            raise NotSigned


def common_params(app_id: str, method: str, at: datetime) -> dict[str, str]:
    """The parameters that every call of the gateway has."""
    return {
        "app_id": app_id,
        "method": method,
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": SIGN_TYPE,
        "timestamp": civil_time(at),
        "version": "1.0",
    }


def decrypt_content(content_key: bytes, text: str) -> bytes:
    """What stands under an application's content key. Raises ValueError for what does not."""
    cipher = Cipher(AES(content_key), CBC(bytes(16))).decryptor()
    padded = cipher.update(base64.b64decode(text, validate=True)) + cipher.finalize()
    unpadder = PKCS7(AES.block_size).unpadder()
    return unpadder.update(padded) + unpadder.finalize()


def _holds(key: RSAPublicKey, signature: bytes, content: bytes) -> bool:
    try:
        key.verify(signature, content, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def _canonical(params: Mapping[str, str]) -> str:
    return "&".join(f"{name}={params[name]}" for name in sorted(params))
