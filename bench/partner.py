"""`partner_token`: what a bank's token and a bank's request cost the server.

A token: form, assertion and proof verified (ES256), both noted as used, the token signed. A
request: token and proof verified, the bank looked up, the proof noted as used. In one process, by
its processor time, against an embedded PostgreSQL; what the bank signs is made before. The peer is
PyJWT's bare check of the same two, or one, ES256 signatures.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from bench.auth import in_house
from core.context.app import App
from core.database import transaction
from core.standards.dpop import token_hash
from core.standards.jose import thumbprint
from credit.partner import banks, tokens

ROUNDS = 400
BANK, PATH = "bench-bank", "/partner/v1/applications"


def partner_token() -> dict[str, Any]:
    """Milliseconds to issue a token; in the conditions, those to verify a request."""
    return asyncio.run(in_house(_measure))


ROWS: dict[str, Callable[[], dict[str, Any]]] = {"partner_token": partner_token}


async def _measure(app: App) -> dict[str, Any]:
    key = ec.generate_private_key(ec.SECP256R1())
    jwk = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    kid = thumbprint(jwk)
    async with transaction() as tx:
        await banks.add(app, tx, BANK, name_zh="测", name_en="Bench")
        await banks.set_keys(app, tx, BANK, keys={"keys": [jwk | {"kid": kid}]})
    url = app.settings.base_url + PATH

    def signed(claims: dict[str, Any], headers: dict[str, Any]) -> str:
        return jwt.encode({"jti": uuid4().hex, **claims}, key, "ES256", headers=headers)

    def proof(method: str, at: str, token: str | None = None) -> str:
        claims = {"htm": method, "htu": at, "iat": int(app.clock.now().timestamp())}
        more = {} if token is None else {"ath": token_hash(token)}
        return signed(claims | more, {"typ": "dpop+jwt", "jwk": jwk})

    def form() -> dict[str, str]:
        now_s = int(app.clock.now().timestamp())
        issuer = tokens.issuer_of(app)
        claims = {"iss": BANK, "sub": BANK, "aud": issuer, "exp": now_s + 300}
        return {
            "grant_type": tokens.GRANT,
            "client_assertion_type": tokens.ASSERTION_TYPE,
            "client_assertion": signed(claims, {"kid": kid}),
        }

    asked = [(form(), [proof("POST", tokens.token_url_of(app))]) for _ in range(ROUNDS)]
    issue_ms, wall_ms = await _timed([partial(tokens.issue, app, *each) for each in asked])
    token = (
        await tokens.issue(app, form(), [proof("POST", tokens.token_url_of(app))])
    ).access_token
    proofs = [[proof("GET", url, token)] for _ in range(ROUNDS)]
    verify_ms, verify_wall_ms = await _timed(
        [partial(tokens.verify, app, token, each, method="GET", url=url) for each in proofs]
    )
    peer_ms = 2 * _bare(key, proofs[0][0])
    return {
        "ours": round(issue_ms, 3),
        "peer": "PyJWT: two ES256 signatures checked, nothing else",
        "peer_value": round(peer_ms, 3),
        "ratio": round(issue_ms / peer_ms, 2),
        "unit": "ms of processor time per token",
        "conditions": f"{ROUNDS} tokens one after another, {wall_ms:.2f} ms each by the clock; a "
        f"request's token and proof {verify_ms:.3f} ms of processor time, {verify_wall_ms:.2f} ms "
        "by the clock; embedded PostgreSQL on the same machine",
    }


async def _timed(calls: list[Callable[[], Awaitable[object]]]) -> tuple[float, float]:
    """Milliseconds of processor time and of the clock of one call, on average."""
    began_s, cpu_s = time.perf_counter(), time.process_time()
    for call in calls:
        await call()
    cpu_ms = (time.process_time() - cpu_s) * 1000 / len(calls)
    return cpu_ms, (time.perf_counter() - began_s) * 1000 / len(calls)


def _bare(key: ec.EllipticCurvePrivateKey, token: str) -> float:
    public = key.public_key()
    options: Any = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
    began_s = time.process_time()
    for _ in range(ROUNDS):
        jwt.decode(token, public, algorithms=["ES256"], options=options)
    return (time.process_time() - began_s) * 1000 / ROUNDS
