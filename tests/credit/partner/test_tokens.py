"""Access tokens: the cases of the OpenID Foundation's FAPI 2.0 client-credentials plan, and more.

The list: openid-certification/conformance-suite, fapi2spfinal
(`FAPI2SPFinalClientCredentialsGrantTestPlan`); numbers of reports stand beside their cases.
"""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from core.clock import ManualClock
from core.context.app import App
from core.database import connection, fetch_all, transaction
from core.standards.jose import base64url
from credit.partner import banks, tokens
from credit.partner.models import Bank
from tests.asgi import Client

from .a_bank import BASE, TOKEN_URL, ABank, register

PATH = "/webhook"
URL = f"{BASE}/partner/v1{PATH}"


async def uses() -> int:
    """How many proofs and assertions are noted as used."""
    rows = await fetch_all(connection(), "SELECT count(*) AS n FROM credit_partner_proof_use")
    return int(rows[0]["n"])


def unsigned(claims: dict[str, Any], **headers: Any) -> str:
    """A JWT that nobody signed."""
    parts = [json.dumps(part).encode() for part in ({"alg": "none", **headers}, claims)]
    return ".".join([*map(base64url, parts), ""])


def by_public_key(bank: ABank, claims: dict[str, Any], **headers: Any) -> str:
    """A JWT signed by HMAC with the public key, as if it were a secret."""
    pem = bank.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    head = json.dumps({"alg": "HS256", **headers}).encode()
    signed = f"{base64url(head)}.{base64url(json.dumps(claims).encode())}"
    signature = jwt.get_algorithm_by_name("HS256").sign(signed.encode(), pem)
    return f"{signed}.{base64url(signature)}"


async def test_a_token_is_bound_to_its_key_and_opens_nothing_of_citizens(
    app: App, client: Client, bank: ABank
) -> None:
    answer = await bank.ask_token(client, scope="webhooks.manage")
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    token = answer.json["access_token"]
    assert answer.json["token_type"] == "DPoP"
    assert answer.json["scope"] == "webhooks.manage"
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["cnf"]["jkt"] == bank.key_set["keys"][0]["kid"]
    called = await bank.call(client, "GET", PATH, token=token)
    assert called.status == 404  # no webhook is set
    citizen = {"authorization": f"Bearer {token}"}
    seen = await client.run("{ viewer { id } }", headers=citizen)
    assert seen.status in (200, 401)
    assert "errors" in seen.json


async def test_three_algorithms_are_taken(app: App, client: Client, clock: ManualClock) -> None:
    for algorithm, key in (
        ("ES256", ec.generate_private_key(ec.SECP256R1())),
        ("PS256", rsa.generate_private_key(65537, 2048)),
        ("EdDSA", ed25519.Ed25519PrivateKey.generate()),
    ):
        bank = await register(app, ABank("third-demo", clock, key, algorithm))
        assert (await bank.call(client, "GET", PATH)).status == 404, algorithm


ASSERTIONS: dict[str, Callable[[ABank], str]] = {
    "no sub": lambda b: b.assertion(sub=None),
    "another's sub": lambda b: b.assertion(sub="quancheng-demo"),
    "another client": lambda b: b.assertion(iss="quancheng-demo", sub="quancheng-demo"),
    "unknown client": lambda b: b.assertion(iss="nobody", sub="nobody"),
    "aud as array": lambda b: b.assertion(aud=[f"{BASE}/partner"]),
    "aud is the endpoint": lambda b: b.assertion(aud=TOKEN_URL),
    "aud of another": lambda b: b.assertion(aud="https://example.com"),
    "aud with a slash": lambda b: b.assertion(aud=f"{BASE}/partner/"),
    "no aud": lambda b: b.assertion(aud=None),
    "expired five minutes ago": lambda b: b.assertion(exp=b.now_s - 300),
    "expires in a day": lambda b: b.assertion(exp=b.now_s + 86_400),
    "no exp": lambda b: b.assertion(exp=None),
    "exp is a text": lambda b: b.assertion(exp=str(b.now_s + 60)),
    "exp is true": lambda b: b.assertion(exp=True),
    "exp is endless": lambda b: b.assertion(exp=1e300),
    "iat a minute ahead": lambda b: b.assertion(iat=b.now_s + 61),
    "nbf a minute ahead": lambda b: b.assertion(nbf=b.now_s + 61),
    "no jti": lambda b: b.assertion(jti=None),
    "empty jti": lambda b: b.assertion(jti=""),
    "typ of a proof": lambda b: b.assertion({"typ": "dpop+jwt"}),
    "typ of an access token": lambda b: b.assertion({"typ": "at+jwt"}),
    "no kid": lambda b: b.assertion({"kid": None}),
    "unknown kid": lambda b: b.assertion({"kid": "other"}),
    "crit": lambda b: b.assertion({"crit": ["exp"], "exp": 1}),  # PyJWT GHSA-752w-5fwx-jx9f
    "embedded key": lambda b: ABank(b.id, b.clock).assertion(  # CVE-2026-27962
        {"kid": b.key_set["keys"][0]["kid"], "jwk": ABank(b.id, b.clock).jwk}
    ),
    "another key": lambda b: ABank(b.id, b.clock).assertion({"kid": b.key_set["keys"][0]["kid"]}),
    "nobody signed": lambda b: unsigned(
        jwt.decode(b.assertion(), options={"verify_signature": False}),
        kid=b.key_set["keys"][0]["kid"],
    ),
    "signed with the public key": lambda b: by_public_key(
        b,
        jwt.decode(b.assertion(), options={"verify_signature": False}),
        kid=b.key_set["keys"][0]["kid"],
    ),
    "bad signature": lambda b: b.assertion()[:-8] + "AAAAAAAA",
    "no JWT": lambda _: "a.b.c",
    "too long": lambda b: b.assertion(more="x" * 9_000),
    "no ASCII": lambda b: b.assertion() + "é",
}


async def test_a_bad_assertion_is_an_invalid_client(
    client: Client, bank: ABank, other: ABank
) -> None:
    for case, make in ASSERTIONS.items():
        answer = await bank.ask_token(client, assertion=make(bank))
        assert (answer.status, answer.json["error"]) == (401, "invalid_client"), case
        assert "access_token" not in answer.json, case
        assert await uses() == 0, case


async def test_rs256_is_refused(app: App, client: Client, clock: ManualClock) -> None:
    key = rsa.generate_private_key(65537, 2048)
    bank = await register(app, ABank("third-demo", clock, key, "PS256"))
    answer = await bank.ask_token(client, assertion=bank.assertion({"alg": "RS256"}))
    assert answer.json["error"] == "invalid_client"


async def test_clocks_may_differ_a_little(client: Client, bank: ABank) -> None:
    good: list[dict[str, int | None]]
    good = [{"iat": 8}, {"nbf": 8}, {"iat": None}, {"exp": -10}, {"exp": 600}]
    for claims in good:
        moved = {name: None if s is None else bank.now_s + s for name, s in claims.items()}
        answer = await bank.ask_token(client, assertion=bank.assertion(**moved))
        assert answer.status == 200, claims


async def test_an_assertion_and_a_proof_are_used_once(client: Client, bank: ABank) -> None:
    assertion, proof = bank.assertion(), bank.proof("POST", TOKEN_URL)
    sends = [bank.ask_token(client, assertion=assertion) for _ in range(20)]
    answers = await asyncio.gather(*sends)
    assert sorted(answer.status for answer in answers) == [200] + [401] * 19
    sends = [bank.ask_token(client, proof=proof) for _ in range(20)]
    answers = await asyncio.gather(*sends)
    assert sorted(answer.status for answer in answers) == [200] + [400] * 19
    assert {a.json.get("error") for a in answers} == {None, "invalid_dpop_proof"}


async def test_a_bad_form_is_refused(client: Client, bank: ABank) -> None:
    cases: list[tuple[dict[str, str | None], str]] = [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": None}, "invalid_request"),
        ({"client_assertion": None}, "invalid_client"),
        ({"client_assertion_type": "x"}, "invalid_client"),
        ({"client_id": "quancheng-demo"}, "invalid_client"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"scope": "webhooks.manage  admin"}, "invalid_scope"),
    ]
    for form, error in cases:
        answer = await bank.ask_token(client, **form)
        assert answer.json["error"] == error, form
        assert answer.headers["cache-control"] == "no-store"


async def test_a_form_is_read_strictly(client: Client, bank: ABank) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    for body, headers in (
        (b"grant_type=a&grant_type=b", form),
        (b"\xff=\xfe", form),
        (b"x" * 300_000, form),
        (b'{"grant_type":"client_credentials"}', {"content-type": "application/json"}),
    ):
        answer = await client.request("POST", "/partner/token", body, headers=headers)
        assert (answer.status, answer.json["error"]) == (400, "invalid_request")


async def test_a_suspended_bank_has_no_tokens_and_its_old_ones_are_worth_nothing(
    app: App, client: Client, bank: ABank
) -> None:
    token = await bank.token(client)
    async with transaction() as tx:
        assert await banks.suspend(tx, bank.id, app.clock.now())
    assert (await bank.ask_token(client)).json["error"] == "invalid_client"
    assert (await bank.call(client, "GET", PATH, token=token)).status == 401
    async with transaction() as tx:
        await banks.suspend(tx, bank.id, None)
    assert (await bank.call(client, "GET", PATH, token=token)).status == 404


async def test_a_scope_that_was_taken_away_is_gone_from_tokens_too(
    app: App, client: Client, bank: ABank
) -> None:
    token = await bank.token(client)
    await Bank.filter(id=bank.id).update(scopes=["applications.read"])
    answer = await bank.call(client, "GET", PATH, token=token)
    assert (answer.status, answer.json["code"]) == (403, "SCOPE_MISSING")


PROOFS: dict[str, Callable[[ABank, str], str]] = {
    "malformed": lambda b, t: "x",
    "empty": lambda b, t: "",
    "no typ": lambda b, t: b.proof("GET", URL, t, {"typ": None}),
    "wrong typ": lambda b, t: b.proof("GET", URL, t, {"typ": "JWT"}),
    "no jwk": lambda b, t: b.proof("GET", URL, t, {"jwk": None}),
    "private jwk": lambda b, t: b.proof("GET", URL, t, {"jwk": b.jwk | {"d": "AA"}}),
    "another jwk": lambda b, t: b.proof("GET", URL, t, {"jwk": ABank("x", b.clock).jwk}),
    "jwk of another curve": lambda b, t: b.proof("GET", URL, t, {"jwk": b.jwk | {"crv": "P-384"}}),
    "symmetric jwk": lambda b, t: b.proof("GET", URL, t, {"jwk": {"kty": "oct", "k": "AA"}}),
    "crit": lambda b, t: b.proof("GET", URL, t, {"crit": ["x"], "x": 1}),
    "nobody signed": lambda b, t: unsigned(
        jwt.decode(b.proof("GET", URL, t), options={"verify_signature": False}),
        typ="dpop+jwt",
        jwk=b.jwk,
    ),
    "signed with the public key": lambda b, t: by_public_key(
        b,
        jwt.decode(b.proof("GET", URL, t), options={"verify_signature": False}),
        typ="dpop+jwt",
        jwk=b.jwk,
    ),
    "bad signature": lambda b, t: b.proof("GET", URL, t)[:-8] + "AAAAAAAA",
    "no jti": lambda b, t: b.proof("GET", URL, t, jti=None),
    "no htm": lambda b, t: b.proof("GET", URL, t, htm=None),
    "no htu": lambda b, t: b.proof("GET", URL, t, htu=None),
    "no iat": lambda b, t: b.proof("GET", URL, t, iat=None),
    "no ath": lambda b, t: b.proof("GET", URL, t, ath=None),
    "iat an hour ago": lambda b, t: b.proof("GET", URL, t, iat=b.now_s - 3_600),
    "iat an hour ahead": lambda b, t: b.proof("GET", URL, t, iat=b.now_s + 3_600),
    "iat is a text": lambda b, t: b.proof("GET", URL, t, iat=str(b.now_s)),
    "ath of another": lambda b, t: b.proof("GET", URL, "x"),
    "another method": lambda b, t: b.proof("POST", URL, t),
    "method in small letters": lambda b, t: b.proof("get", URL, t),  # better-auth#10039
    "another address": lambda b, t: b.proof("GET", f"{BASE}/partner/v1/bank", t),
    "a slash more": lambda b, t: b.proof("GET", f"{URL}/", t),
    "another host": lambda b, t: b.proof("GET", URL.replace("127.0.0.1", "testserver"), t),
    "another scheme": lambda b, t: b.proof("GET", URL.replace("http:", "https:"), t),
    "no address": lambda b, t: b.proof("GET", "/partner/v1/webhook", t),
    "a good one of another key": lambda b, t: ABank("x", b.clock).proof("GET", URL, t),
}


async def test_a_bad_proof_opens_nothing(client: Client, bank: ABank) -> None:
    token = await bank.token(client)
    before = await uses()
    for case, make in PROOFS.items():
        headers = {"authorization": f"DPoP {token}", "dpop": make(bank, token)}
        answer = await client.request("GET", f"/partner/v1{PATH}", headers=headers)
        assert (answer.status, answer.json["code"]) == (401, "PROOF_INVALID"), case
        assert 'error="invalid_dpop_proof"' in answer.headers["www-authenticate"], case
        assert 'algs="ES256 PS256 EdDSA"' in answer.headers["www-authenticate"], case
        assert answer.headers["content-type"] == "application/problem+json", case
        assert await uses() == before, case


async def test_a_good_proof_in_another_spelling_is_taken(client: Client, bank: ABank) -> None:
    token = await bank.token(client)
    good: list[dict[str, Any]] = [
        {"iat": bank.now_s - 10},
        {"iat": bank.now_s + 10},
        {"more": "claims", "nbf": bank.now_s, "exp": bank.now_s + 300},
        {"htu": f"{URL}?x=1#y"},
        {"htu": "HTTP://127.0.0.1:8000/partner/%76%31/./x/../webhook"},
    ]
    for claims in good:
        headers = {
            "authorization": f"dpop {token}",
            "DPOP": bank.proof("GET", URL, token, **claims),
        }
        answer = await client.request("GET", f"/partner/v1{PATH}", headers=headers)
        assert answer.status == 404, claims


async def test_a_proof_is_used_once_however_it_is_dressed(client: Client, bank: ABank) -> None:
    token = await bank.token(client)
    first = bank.proof("GET", URL, token, jti="the-same")
    again = bank.proof("GET", f"{URL}?x", token, jti="the-same", more=1)
    headers = {"authorization": f"DPoP {token}"}
    statuses = [
        (await client.request("GET", f"/partner/v1{PATH}", headers=headers | {"dpop": p})).status
        for p in (first, first, again)
    ]
    assert statuses == [404, 401, 401]


async def test_a_proof_is_remembered_as_long_as_it_is_good(
    app: App, client: Client, clock: ManualClock, bank: ABank
) -> None:
    # keycloak/keycloak#43505: the entry was gone before the skew was over
    token = await bank.token(client)
    proof = bank.proof("GET", URL, token, iat=bank.now_s + 14)
    headers = {"authorization": f"DPoP {token}", "dpop": proof}
    statuses = []
    for _ in range(4):
        answer = await client.request("GET", f"/partner/v1{PATH}", headers=headers)
        statuses.append(answer.status)
        clock.move(timedelta(seconds=29))
        await tokens.forget_proof_uses(app)
    assert statuses == [404, 401, 401, 401]
    clock.move(timedelta(seconds=60))
    await tokens.forget_proof_uses(app)
    assert await uses() == 0


async def test_tokens_that_are_none(app: App, client: Client, bank: ABank) -> None:
    token = await bank.token(client)

    async def status(authorization: str, held: str = token) -> tuple[int, str]:
        proof = bank.proof("GET", URL, held)
        headers = {"authorization": authorization, "dpop": proof}
        answer = await client.request("GET", f"/partner/v1{PATH}", headers=headers)
        return answer.status, answer.headers["www-authenticate"].partition(" algs")[0]

    refused = (401, 'DPoP error="invalid_token",')
    assert await status(f"Bearer {token}") == refused  # bound, sent as a bearer's
    assert await status(f"DPoP {token[:-4]}AAAA", f"{token[:-4]}AAAA") == refused
    assert await status("DPoP x", "x") == refused
    assert (await status(""))[0] == 401
    own = app.tokens.sign({"sub": bank.id}, audience="quancheng-app", life=timedelta(minutes=5))
    assert await status(f"DPoP {own}", own) == refused


async def test_a_token_ends(client: Client, clock: ManualClock, bank: ABank) -> None:
    token = await bank.token(client)
    clock.move(tokens.TOKEN_LIFE - timedelta(seconds=1))
    assert (await bank.call(client, "GET", PATH, token=token)).status == 404
    clock.move(timedelta(seconds=1))
    assert (await bank.call(client, "GET", PATH, token=token)).status == 401


async def test_a_client_finds_everything_out_by_itself(client: Client) -> None:
    path = "/.well-known/oauth-authorization-server/partner"
    answer = await client.request("GET", path)
    assert answer.json["issuer"] == f"{BASE}/partner"
    assert answer.json["token_endpoint"] == TOKEN_URL
    assert answer.json["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
