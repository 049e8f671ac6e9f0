"""The keys of the sandbox's hospitals, made from the seed: everybody may know them."""

import hashlib
import secrets

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sandbox.server.system import City

_LIFE_S = 60


def jwks(city: City, hospital: str) -> dict[str, object]:
    """The hospital's public key as a JWK Set."""
    public = jwt.algorithms.OKPAlgorithm.to_jwk(_key(city, hospital).public_key(), as_dict=True)
    return {"keys": [{**public, "kid": hospital, "use": "sig", "alg": "EdDSA"}]}


def sign(city: City, hospital: str, audience: str) -> str:
    """A question of the hospital's, good for a minute."""
    now = int(city.now().timestamp())
    claims = {"iss": hospital, "aud": audience, "sub": hospital, "jti": secrets.token_urlsafe(12),
              "nbf": now, "exp": now + _LIFE_S}  # fmt: skip
    return jwt.encode(claims, _key(city, hospital), "EdDSA", headers={"kid": hospital})


def _key(city: City, hospital: str) -> Ed25519PrivateKey:
    seed = f"{city.settings.seed}:hospital-key:{hospital}"
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed.encode()).digest())
