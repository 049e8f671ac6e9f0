"""The banks' keys: made from the seed, labelled as the sandbox's, worth nothing."""

import base64
import hashlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sandbox.server.system import City

BANKS = ("city-bank", "rural-bank")
LABEL = "SANDBOX-"
"""How the `kid` of a sandbox key begins; production takes none such."""


def key_number(city: City, bank: str) -> int:
    """The number of a bank's present key, from 1."""
    row = city.state.one("SELECT number FROM banks_key WHERE bank = ?", (bank,))
    return 1 if row is None else int(row["number"])


def private_key(city: City, bank: str, number: int) -> Ed25519PrivateKey:
    """A key of a bank."""
    seed = f"{city.settings.seed}:bank:{bank}:{number}"
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed.encode()).digest())


def key_id(bank: str, number: int) -> str:
    """The `kid` of a key."""
    return f"{LABEL}{bank}-{number}"


def public_jwk(key: Ed25519PrivateKey) -> dict[str, Any]:
    """The public half (RFC 8037)."""
    x = base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "x": x}


def key_set(city: City, bank: str) -> dict[str, Any]:
    """The present key and, after a rotation, the one before it."""
    newest = key_number(city, bank)
    return {
        "keys": [
            public_jwk(private_key(city, bank, number))
            | {"kid": key_id(bank, number), "use": "sig", "alg": "EdDSA"}
            for number in range(newest, max(newest - 2, 0), -1)
        ]
    }
