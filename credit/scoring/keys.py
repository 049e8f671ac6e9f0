"""Ed25519 key files for signing models: read, trusted, and in development made on first use."""

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from core.settings import SANDBOX_KEYS_MARKER
from credit.scoring.errors import ArtefactError

MODEL_KEY_FILE = "model_signing.pem"


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """Raises ArtefactError when the file is absent or no Ed25519 private key."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ArtefactError(f"{path} is no usable private key: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ArtefactError(f"{path} is not an Ed25519 key")
    return key


def read_trusted_key(path: Path) -> Ed25519PublicKey:
    """The public key of a PEM file, which may hold either half of the pair."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ArtefactError(f"cannot read the key {path}: {error.strerror}") from error
    if b"PRIVATE KEY" in data:
        return read_private_key(path).public_key()
    try:
        key = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ArtefactError(f"{path} is no usable public key: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ArtefactError(f"{path} is not an Ed25519 key")
    return key


def make_sandbox_key(path: Path) -> Ed25519PrivateKey:
    """Write a new private key (owner-readable only) and mark its folder as sandbox keys."""
    key = Ed25519PrivateKey.generate()
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / SANDBOX_KEYS_MARKER).touch()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
    return key
