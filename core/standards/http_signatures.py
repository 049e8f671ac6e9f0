"""HTTP Message Signatures (RFC 9421) with Ed25519, the body bound by its Content-Digest (RFC 9530).

A signature is taken that covers method, path and the digest of the body. How old it may be is for
its reader: `created` is the sender's clock.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from http_message_signatures import (
    HTTPMessageSignaturesException,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    algorithms,
)

COVERED = ("@method", "@path", "content-digest")
_NOBODY = Ed25519PrivateKey.generate().public_key()
"""In the place of an unknown sender's key, so that a refusal takes as long."""


class SignatureInvalid(Exception):
    """The message is not signed as it must be by somebody who is known."""


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """A request as its signature sees it; only the path of the address is covered."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def url(self) -> str:
        """An address with the path; the library asks for a whole one."""
        return f"https://signed.invalid{self.path}"


@dataclass(frozen=True, slots=True)
class Signer:
    """Who has signed, and what their clock said then."""

    key_id: str
    created_at: datetime


class _Keys(HTTPSignatureKeyResolver):
    def __init__(self, find: Callable[[str], Ed25519PublicKey | None]) -> None:
        self._find = find

    def resolve_public_key(self, key_id: str) -> Ed25519PublicKey:
        return self._find(key_id) or _NOBODY


class _Verifier(HTTPMessageVerifier):
    """Goes by no clock: the library's own is the machine's, and a sender's may be ahead of it."""

    def validate_created_and_expires(
        self, sig_input: Any, max_age: timedelta | None = None
    ) -> None:
        """Accept any age; who reads the message judges its `created`."""


def verify(message: SignedMessage, find_key: Callable[[str], Ed25519PublicKey | None]) -> Signer:
    """Who has signed a message. `find_key` gives the public key of a sender, None for a stranger.

    Raises SignatureInvalid for whatever is missing, malformed, forged or a stranger's, all alike.
    """
    verifier = _Verifier(signature_algorithm=algorithms.ED25519, key_resolver=_Keys(find_key))
    try:
        (found,) = verifier.verify(
            message, max_age=None, require_components=COVERED, body=message.body
        )
        key_id, created = found.parameters["keyid"], found.parameters["created"]
        if found.body is None or find_key(str(key_id)) is None:
            raise SignatureInvalid
        return Signer(str(key_id), datetime.fromtimestamp(int(created), UTC))
    except (
        HTTPMessageSignaturesException,
        LookupError,
        TypeError,
        ValueError,
        OSError,
        OverflowError,
    ):
        raise SignatureInvalid from None
