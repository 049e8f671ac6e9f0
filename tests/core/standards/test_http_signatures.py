"""HTTP message signatures: the example of the RFC itself is read, and what differs is refused."""

import base64
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from http_message_signatures import HTTPMessageVerifier, HTTPSignatureKeyResolver, algorithms

from core.standards.http_signatures import SignatureInvalid, SignedMessage, verify
from sandbox.systems.schools.gates import signed_headers
from tests.conftest import NOON

KEY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
BODY = b'{"hello": "world"}'
PATH = "/ingest/schools/v1/events"

RFC_KEY = "MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs="
RFC_INPUT = (
    '("date" "@method" "@path" "@authority" "content-type" "content-length")'
    ';created=1618884473;keyid="test-key-ed25519"'
)
RFC_SIGNATURE = (
    "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
)


@dataclass(frozen=True)
class _RfcMessage:
    """The request of RFC 9421, B.2, signed as in B.2.6."""

    method: str = "POST"
    url: str = "https://example.com/foo"

    @property
    def headers(self) -> dict[str, str]:
        """With the signature."""
        return {
            "Date": "Tue, 20 Apr 2021 02:07:55 GMT",
            "Content-Type": "application/json",
            "Content-Length": "18",
            "Signature-Input": f"sig-b26={RFC_INPUT}",
            "Signature": f"sig-b26=:{RFC_SIGNATURE}:",
        }


class _RfcKey(HTTPSignatureKeyResolver):
    def resolve_public_key(self, key_id: str) -> Any:
        return load_der_public_key(base64.b64decode(RFC_KEY))


def _find(key_id: str) -> Ed25519PublicKey | None:
    return KEY.public_key() if key_id == "s001" else None


def _signed() -> SignedMessage:
    return SignedMessage("POST", PATH, signed_headers(KEY, "s001", BODY, NOON), BODY)


@pytest.mark.parametrize("days", [-36_500, -1, 0, 1, 36_500])
def test_a_signed_message_tells_who_and_when_whatever_its_clock_says(days: int) -> None:
    created = NOON + timedelta(days=days)
    headers = signed_headers(KEY, "s001", BODY, created)
    signer = verify(SignedMessage("POST", PATH, headers, BODY), _find)
    assert (signer.key_id, signer.created_at) == ("s001", created)


@pytest.mark.parametrize(
    "changed",
    [
        replace(_signed(), body=b'{"hello": "World"}'),
        replace(_signed(), method="PUT"),
        replace(_signed(), path="/ingest/schools/v1/other"),
        replace(_signed(), headers={}),
        SignedMessage("POST", PATH, signed_headers(KEY, "s002", BODY, NOON), BODY),
        SignedMessage("POST", PATH, signed_headers(OTHER, "s001", BODY, NOON), BODY),
    ],
)  # fmt: skip
def test_whatever_differs_is_refused(changed: SignedMessage) -> None:
    with pytest.raises(SignatureInvalid):
        verify(changed, _find)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Signature-Input", "sig1=nonsense"),
        ("Signature-Input", 'sig1=("@method");keyid="s001";created=1'),
        ("Signature-Input", 'sig1=("@method" "@path" "content-digest");keyid="s001"'),
        ("Signature", "sig1=:AAAA:"),
        ("Signature", "sig1=:" + base64.b64encode(bytes(64)).decode() + ":"),
        ("Content-Digest", "sha-256=:AAAA:"),
        ("Content-Digest", "md5=:AAAA:"),
    ],
)
def test_headers_of_another_form_are_refused(name: str, value: str) -> None:
    message = _signed()
    headers = {k: v for k, v in message.headers.items() if k.lower() != name.lower()}
    with pytest.raises(SignatureInvalid):
        verify(replace(message, headers=headers | {name: value}), _find)


def test_the_rfc_s_own_example_is_read_and_not_enough_for_us() -> None:
    """RFC 9421, B.2.6: a request signed with ed25519, by the key of B.1.4; no digest is covered."""
    library = HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=_RfcKey())
    (found,) = library.verify(_RfcMessage(), max_age=None)
    assert found.parameters["keyid"] == "test-key-ed25519"
    ours = SignedMessage("POST", "/foo", _RfcMessage().headers, BODY)
    key = load_der_public_key(base64.b64decode(RFC_KEY))
    assert isinstance(key, Ed25519PublicKey)
    with pytest.raises(SignatureInvalid):
        verify(ours, lambda _: key)
