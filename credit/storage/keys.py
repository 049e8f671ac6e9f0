"""Ed25519 key files for signing models: read and trusted."""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_pem_public_key,
)

from credit.storage.errors import ArtefactError

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
