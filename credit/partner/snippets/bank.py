"""A bank's client: pip install "pyjwt[crypto]"; BASE, CLIENT_ID, KEY_FILE in the environment.

python bank.py key                      make a key; prints the key set to register
python bank.py GET /partner/v1/products call; prints status, ETag and body
python bank.py POST PATH BODY [ETAG]    the same with a JSON body, for the version you read
"""

import base64
import hashlib
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

BASE = os.environ.get("BASE", "http://127.0.0.1:8000")
CLIENT_ID = os.environ.get("CLIENT_ID", "")
KEY_FILE = os.environ.get("KEY_FILE", "bank.pem")


def load_key() -> ec.EllipticCurvePrivateKey:
    with open(KEY_FILE, "rb") as file:
        key = serialization.load_pem_private_key(file.read(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey), "make one with: python bank.py key"
    return key


def make_key() -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    with open(os.open(KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    return key


def public_jwk(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    return dict(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True))


def key_id(jwk: dict[str, str]) -> str:
    """RFC 7638: the SHA-256 of the members that make the key, in order."""
    members = json.dumps({n: jwk[n] for n in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    return base64url(hashlib.sha256(members.encode()).digest())


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_assertion(key: ec.EllipticCurvePrivateKey) -> str:
    """RFC 7523: who we are. The audience is the issuer, as one string."""
    now = int(time.time())
    claims = {
        "iss": CLIENT_ID,
        "sub": CLIENT_ID,
        "aud": f"{BASE}/partner",
        "jti": str(uuid.uuid4()),
        "iat": now,
        "exp": now + 60,
    }
    return jwt.encode(claims, key, "ES256", headers={"kid": key_id(public_jwk(key))})


def make_proof(
    key: ec.EllipticCurvePrivateKey, method: str, url: str, token: str | None = None
) -> str:
    """RFC 9449: this request is ours. A new one for every request; no query in `htu`."""
    claims = {
        "jti": str(uuid.uuid4()),
        "htm": method,
        "htu": url.partition("?")[0],
        "iat": int(time.time()),
    }
    if token is not None:
        claims["ath"] = base64url(hashlib.sha256(token.encode()).digest())
    return jwt.encode(claims, key, "ES256", headers={"typ": "dpop+jwt", "jwk": public_jwk(key)})


def get_token(key: ec.EllipticCurvePrivateKey) -> str:
    url = f"{BASE}/partner/token"
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": make_assertion(key),
    }
    headers = {"DPoP": make_proof(key, "POST", url)}
    body = urllib.parse.urlencode(form).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, headers)) as answer:
        return str(json.load(answer)["access_token"])


def call(
    method: str, path: str, body: str | None = None, etag: str | None = None
) -> tuple[int, str | None, str]:
    """One request: status, ETag, body."""
    key = load_key()
    try:
        token = get_token(key)
    except urllib.error.HTTPError as refused:  # the bank is unknown, or its key is
        return refused.code, None, refused.read().decode()
    headers = {
        "Authorization": f"DPoP {token}",
        "DPoP": make_proof(key, method, BASE + path, token),
    }
    if method != "GET":
        headers["Idempotency-Key"] = os.environ.get("IDEMPOTENCY_KEY", str(uuid.uuid4()))
        headers["Content-Type"] = "application/json"
    if etag is not None:
        headers["If-Match"] = etag
    data = None if body is None else body.encode()
    request = urllib.request.Request(BASE + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers["ETag"], answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, None, refused.read().decode()


if __name__ == "__main__":
    if sys.argv[1:] == ["key"]:
        jwk = public_jwk(make_key())
        print(json.dumps({"keys": [{**jwk, "kid": key_id(jwk), "use": "sig", "alg": "ES256"}]}))
    else:
        status, etag, body = call(*sys.argv[1:])
        print(status, etag or "-", body)
        sys.exit(0 if status < 400 else 1)
