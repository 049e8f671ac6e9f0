"""Codes read offline: every forged, replayed, late or skewed one is refused."""

import base64
import json
import random
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.standards.code_reader import (
    GRACE,
    ClockSkew,
    CodeExpired,
    CodeInvalid,
    CodeReader,
    CodeRefused,
    CodeUsed,
    KeysOld,
)

NOW = datetime(2026, 11, 28, 8, 0, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
ISSUER, AUDIENCE = "quancheng:jinan", "hospital"
ORDER = 2**252 + 27742317777372353535851937790883648493
"""The order of the group of Ed25519 (RFC 8032, 5.1)."""


def jwks() -> dict[str, Any]:
    public = jwt.algorithms.OKPAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
    return {"keys": [{**public, "kid": "k1"}, {"kty": "RSA", "kid": "k2"}]}


def make(key: Ed25519PrivateKey = KEY, kid: str = "k1", **changes: Any) -> str:
    at = int(NOW.timestamp())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "card", "jti": "n1", "nbf": at,
              "exp": at + 60} | changes  # fmt: skip
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, "EdDSA", headers={"kid": kid})


def reader(**changes: Any) -> CodeReader:
    values = {"issuer": ISSUER, "audience": AUDIENCE, "fetched_at": NOW} | changes
    return CodeReader(jwks(), **values)


def test_a_good_code_opens_once_and_says_whose_it_is() -> None:
    mine = reader()
    code = mine.read(make(), NOW)
    assert (code.subject, code.number) == ("card", "n1")
    assert code.expires_at - code.issued_at == timedelta(seconds=60)
    with pytest.raises(CodeUsed):
        mine.read(make(), NOW + timedelta(seconds=1))
    with pytest.raises(CodeUsed):  # another text of the same number
        mine.read(make(sub="other"), NOW)
    mine.read(make(jti="n2"), NOW)


def test_an_altered_signature_of_a_used_code_opens_nothing() -> None:
    # smart-on-fhir/health-cards#198: the number is remembered, not the text
    mine = reader()
    mine.read(make(), NOW)
    head, body, signature = make().split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    s = (int.from_bytes(raw[32:], "little") + ORDER).to_bytes(33, "little")[:32]
    altered = base64.urlsafe_b64encode(raw[:32] + s).rstrip(b"=").decode()
    with pytest.raises(CodeRefused):
        mine.read(f"{head}.{body}.{altered}", NOW)


@pytest.mark.parametrize(
    ("behind_s", "refused"), [(0, None), (20, None), (30, None), (31, ClockSkew)]
)
def test_a_clock_that_is_behind(behind_s: int, refused: type[CodeRefused] | None) -> None:
    # votingworks/vxsuite#3796: 20 s behind is accepted; 31 s is skew, and is not called forged
    at = NOW - timedelta(seconds=behind_s)
    if refused is None:
        reader(fetched_at=at).read(make(), at)
    else:
        with pytest.raises(refused):
            reader(fetched_at=at).read(make(), at)


def test_it_lives_for_a_minute() -> None:
    reader().read(make(), NOW + timedelta(seconds=59))
    with pytest.raises(CodeExpired):
        reader().read(make(), NOW + timedelta(seconds=60))
    with pytest.raises(CodeInvalid):
        reader().read(make(exp=int(NOW.timestamp()) + 61), NOW)


def test_the_published_keys_are_believed_for_a_day() -> None:
    reader(fetched_at=NOW - GRACE).read(make(), NOW)
    with pytest.raises(KeysOld):
        reader(fetched_at=NOW - GRACE - timedelta(seconds=1)).read(make(), NOW)


AT = int(NOW.timestamp())
FORGERIES: list[Callable[[random.Random], str]] = [
    lambda draw: make(OTHER, jti=str(draw.random())),
    lambda draw: make(kid="k2", jti=str(draw.random())),
    lambda draw: make(kid=str(draw.random())),
    lambda draw: make(aud=draw.choice(["fare", "licence-verifier", None])),
    lambda draw: make(iss=draw.choice(["quancheng:other", "h1", None])),
    lambda draw: make(**{draw.choice(["sub", "jti", "nbf", "exp"]): None}),
    lambda draw: make(exp=AT + draw.randrange(61, 10**6)),
    lambda draw: make(nbf=AT * 1000, exp=AT * 1000 + 60),  # in milliseconds
    lambda draw: make(nbf=AT + 0.5),
    lambda draw: make(nbf=AT - 86_400, exp=AT - 86_400 + draw.randrange(1, 61)),  # yesterday's
    lambda draw: make(nbf=AT + draw.randrange(31, 10_000), exp=AT + 10_050),
    lambda draw: _flip(make(jti=str(draw.random())), draw),
    lambda draw: _unsigned(draw),
    lambda draw: "".join(chr(draw.randrange(1, 0x2FF)) for _ in range(draw.randrange(300))),
    lambda draw: "x" * 5000,
]  # fmt: skip


def _flip(text: str, draw: random.Random) -> str:
    """The code with one bit of its claims or signature changed."""
    parts = text.split(".")
    which = draw.choice([1, 2])
    raw = bytearray(base64.urlsafe_b64decode(parts[which] + "=="))
    raw[draw.randrange(len(raw))] ^= 1 << draw.randrange(8)
    parts[which] = base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode()
    return ".".join(parts)


def _unsigned(draw: random.Random) -> str:
    """A code with another algorithm, or none."""
    head, body, _ = make(jti=str(draw.random())).split(".")
    algorithm = draw.choice(["none", "HS256", "RS256"])
    header = json.dumps({"alg": algorithm, "typ": "JWT", "kid": "k1"}).encode()
    head = base64.urlsafe_b64encode(header).rstrip(b"=").decode()
    return f"{head}.{body}."


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.soak)])
def test_bad_codes_by_the_thousand_open_nothing(count: int) -> None:
    draw, mine = random.Random(20261128), reader()
    good = make(jti="used")
    mine.read(good, NOW)
    for number in range(count):
        kind = number % (len(FORGERIES) + 1)
        text = good if kind == len(FORGERIES) else FORGERIES[kind](draw)
        with pytest.raises(CodeRefused):
            mine.read(text, NOW)
    mine.read(make(jti="still-good"), NOW)


SCRIPT = """
import json, sys
from datetime import datetime, timedelta
from core.standards.code_reader import CodeReader, CodeUsed
jwks, code, at = json.loads(sys.argv[1]), sys.argv[2], datetime.fromisoformat(sys.argv[3])
reader = CodeReader(jwks, issuer="quancheng:jinan", audience="hospital", fetched_at=at)
print(reader.read(code, at).subject)
try:
    reader.read(code, at)
except CodeUsed:
    print("used")
ours = {name for name in sys.modules if name.split(".")[0] in ("core", "kinds", "modules", "bff")}
print(sorted(ours))
"""


def test_a_script_reads_codes_with_nothing_else_of_this_house() -> None:
    arguments = [json.dumps(jwks()), make(), NOW.isoformat()]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments], capture_output=True, text=True, check=True
    )
    loaded = ["core", "core.standards", "core.standards.code_reader"]
    assert done.stdout.splitlines() == ["card", "used", str(loaded)]
