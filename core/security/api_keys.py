"""Keys of organisations that call us: "<id>.<secret>". Of the secret only a hash is kept."""

import hashlib
import hmac
import secrets
from uuid import UUID

_SECRET_BYTES = 32


def make_secret() -> str:
    """A secret that nobody guesses."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def to_key(owner_id: UUID, secret: str) -> str:
    """What an organisation is given, once."""
    return f"{owner_id.hex}.{secret}"


def read_key(key: str) -> tuple[UUID, str] | None:
    """Whose key it says it is, and its secret; None for what is no key."""
    id_text, _, secret = key.strip().partition(".")
    try:
        return UUID(id_text), secret
    except ValueError:
        return None


def hash_secret(secret: str) -> bytes:
    """What is kept. A secret of 256 random bits needs no slow hash."""
    return hashlib.sha256(secret.encode()).digest()


def is_secret(secret: str, kept: bytes) -> bool:
    """Whether a secret is the one that was kept."""
    return hmac.compare_digest(hash_secret(secret), kept)
