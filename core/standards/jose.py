"""Signed tokens of others (RFC 7515, 7517, 7638): which keys and algorithms are taken.

PyJWT checks the signature. What it leaves to its caller is decided here: the algorithm goes with
the key and never with the token alone, nothing critical is passed over, no private key is taken,
and no claim is believed to be of a type.
"""

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.types import Options

ALGORITHMS = ("ES256", "PS256", "EdDSA")
"""FAPI 2.0 Security Profile 5.4.1: no RS256, nothing symmetric, never none."""

TOKEN_MAX_CHARS = 8_192
RSA_LEAST_BITS, RSA_MOST_BITS = 2_048, 8_192
_KINDS = {"ES256": ("EC", "P-256"), "PS256": ("RSA", None), "EdDSA": ("OKP", "Ed25519")}
_THUMBPRINT = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_LATEST_S = 253_402_300_799.0
_NO_CLAIM_CHECKS: Options = {
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}
_NO_CHECKS: Options = {**_NO_CLAIM_CHECKS, "verify_signature": False}


class InvalidToken(ValueError):
    """A token or a key that is not taken; the text says why and quotes nothing of it."""


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """The SHA-256 thumbprint of a public key (RFC 7638). Raises InvalidToken for another kind."""
    members = _THUMBPRINT.get(str(jwk.get("kty")))
    if members is None or not all(isinstance(jwk.get(name), str) for name in members):
        raise InvalidToken("the key is of no known kind")
    text = json.dumps({name: jwk[name] for name in members}, separators=(",", ":"))
    return base64url(hashlib.sha256(text.encode()).digest())


def base64url(data: bytes) -> str:
    """Base64 for addresses, without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def header_of(token: str) -> Mapping[str, Any]:
    """The protected header of a signed token; nothing of it is proved yet.

    Raises InvalidToken for what is no compact JWS, for an algorithm that is not taken, and for
    any critical extension: we understand none (RFC 7515 section 4.1.11).
    """
    if len(token) > TOKEN_MAX_CHARS or not token.isascii():
        raise InvalidToken("the token is too long or no ASCII")
    try:
        header: dict[str, Any] = jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, ValueError, TypeError, RecursionError):
        raise InvalidToken("the token is no signed JWT") from None
    if header.get("alg") not in ALGORITHMS:
        raise InvalidToken(f"the algorithm must be one of {', '.join(ALGORITHMS)}")
    if "crit" in header or header.get("b64") is False:
        raise InvalidToken("the header has critical extensions")
    return header


def claims_of(token: str, jwk: Mapping[str, Any]) -> Mapping[str, Any]:
    """The claims of a token that was signed with a key; not one of them is checked.

    Raises InvalidToken, also where the key is not of the token's algorithm, is too short, or is
    a private one.
    """
    algorithm = header_of(token)["alg"]
    try:
        key = _public_key(jwk, algorithm)
        decoded: dict[str, Any] = jwt.decode(
            token, key, algorithms=[algorithm], options=_NO_CLAIM_CHECKS
        )
    except InvalidToken:
        raise
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError, RecursionError):
        raise InvalidToken("the signature is not of the key") from None
    return decoded


def unproved_claims(token: str) -> Mapping[str, Any]:
    """What a token says, whoever wrote it: for finding the key alone. Raises InvalidToken."""
    header_of(token)
    try:
        claims: dict[str, Any] = jwt.decode(token, options=_NO_CHECKS)
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise InvalidToken("the token is no signed JWT") from None
    return claims


def text_claim(claims: Mapping[str, Any], name: str, most_chars: int = 512) -> str:
    """A claim that must be a text and not empty. Raises InvalidToken."""
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= most_chars:
        raise InvalidToken(f"{name} is missing or no text")
    return value


def time_claim(claims: Mapping[str, Any], name: str) -> datetime:
    """A claim that must be a NumericDate (RFC 7519 section 2). Raises InvalidToken."""
    value: Any = claims.get(name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not 0 <= value < _LATEST_S:
        raise InvalidToken(f"{name} is missing or no time")
    return datetime.fromtimestamp(value, UTC)


def check_public_keys(keys: object) -> Sequence[Mapping[str, Any]]:
    """The keys of a JSON Web Key Set that can check a signature, each with a `kid` of its own.

    Keys of other uses, kinds and algorithms are left out, as RFC 7517 section 5 has it. Raises
    InvalidToken where none is left, where one is private, or where two have one `kid`.
    """
    listed = keys.get("keys") if isinstance(keys, dict) else None
    if not isinstance(listed, list) or not all(isinstance(key, dict) for key in listed):
        raise InvalidToken("this is no JSON Web Key Set")
    if any(_PRIVATE & key.keys() for key in listed):
        raise InvalidToken("the key set holds a private key")
    usable = [key for key in listed if _is_usable(key)]
    names = [key["kid"] for key in usable]
    if not usable or len(set(names)) != len(names):
        raise InvalidToken("the key set needs usable keys, each with a kid of its own")
    return usable


def _is_usable(key: Mapping[str, Any]) -> bool:
    if key.get("use", "sig") != "sig" or not isinstance(key.get("kid"), str):
        return False
    for algorithm in ALGORITHMS:
        if key.get("alg", algorithm) == algorithm:
            try:
                _public_key(key, algorithm)
            except (InvalidToken, jwt.PyJWTError, ValueError, TypeError, KeyError):
                continue
            return True
    return False


def _public_key(jwk: Mapping[str, Any], algorithm: str) -> Any:
    kind, curve = _KINDS[algorithm]
    if _PRIVATE & jwk.keys():
        raise InvalidToken("the key is a private one")
    if jwk.get("kty") != kind or (curve and jwk.get("crv") != curve):
        raise InvalidToken("the key does not go with the algorithm")
    if jwk.get("alg", algorithm) != algorithm or jwk.get("use", "sig") != "sig":
        raise InvalidToken("the key is for something else")
    key = jwt.PyJWK(dict(jwk), algorithm).key
    if isinstance(key, RSAPublicKey) and not RSA_LEAST_BITS <= key.key_size <= RSA_MOST_BITS:
        raise InvalidToken("the key is too short or too long")
    return key
