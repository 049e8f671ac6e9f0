"""Canonical bytes, their hash, and Ed25519 seals over them: models, reports and policies alike."""

import hashlib
from collections.abc import Sequence
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from credit.storage.errors import ArtefactError


def canonical(content: Any) -> bytes:
    """JSON with sorted keys and shortest floats: equal content gives equal bytes."""
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def fingerprint(data: bytes) -> str:
    """SHA-256 as lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def public_hex(key: Ed25519PublicKey) -> str:
    """A public key's raw bytes as hex."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def seal(data: bytes, key: Ed25519PrivateKey) -> bytes:
    """A seal over exactly these bytes, itself JSON."""
    return canonical(
        {
            "sha256": fingerprint(data),
            "signer": public_hex(key.public_key()),
            "signature": key.sign(data).hex(),
        }
    )


def verify_seal(
    data: bytes, seal_data: bytes, trusted: Sequence[Ed25519PublicKey], what: str = "model"
) -> str:
    """The signer's public key as hex.

    Raises ArtefactError unless a trusted key sealed exactly these bytes.
    """
    try:
        content = orjson.loads(seal_data)
        signer, signature = str(content["signer"]), bytes.fromhex(content["signature"])
    except (orjson.JSONDecodeError, KeyError, ValueError, TypeError) as error:
        raise ArtefactError(f"the seal cannot be read: {error}") from error
    key = next((key for key in trusted if public_hex(key) == signer), None)
    if key is None:
        raise ArtefactError(f"signed by an unknown key {signer[:16]}…: not one this loader trusts")
    try:
        key.verify(signature, data)
    except InvalidSignature:
        raise ArtefactError(f"the {what} does not match its signature: it was changed") from None
    return signer
