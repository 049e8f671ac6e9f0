"""Access tokens: only ours, only now, and no longer after a revocation."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from core.bus.bus import Bus
from core.clock import ManualClock
from core.context.app import App
from core.database import transaction
from core.errors import LoginRequired
from core.ids import new_id
from core.processes.embedded import DatabaseUrls
from core.security.authentication import (
    ACCESS_TOKEN_LIFE,
    AUDIENCE,
    Revocations,
    Tokens,
    Viewer,
    key_id,
    require,
    revoke,
)
from tests.conftest import NOON
from tests.core.waiting import eventually

KEY = Ed25519PrivateKey.generate()
STRANGER = Ed25519PrivateKey.generate()
ISSUER = "quancheng:jinan"


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _viewer() -> Viewer:
    return Viewer(new_id(), new_id(), 2, frozenset({"grid_worker"}), NOON)


@pytest.fixture
def tokens(clock: ManualClock) -> Tokens:
    """One issuer with one key."""
    return Tokens([_pem(KEY)], ISSUER, clock)


def _claims(**changes: Any) -> dict[str, Any]:
    now = int(NOON.timestamp())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(new_id()),
        "sid": str(new_id()),
        "lvl": 2,
        "rol": [],
        "auth_time": now,
        "iat": now,
        "nbf": now,
        "exp": now + 900,
    }
    claims |= changes
    return {name: value for name, value in claims.items() if value is not None}


def _signed(claims: dict[str, Any], key: Ed25519PrivateKey = KEY, **header: Any) -> str:
    return jwt.encode(
        claims, key, algorithm="EdDSA", headers={"kid": key_id(KEY.public_key())} | header
    )


def _raw(header: dict[str, Any], claims: dict[str, Any], secret: bytes | None = None) -> str:
    """A token made by hand, because libraries refuse to make such ones."""
    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in (header, claims)
    )
    signature = b""
    if secret is not None:
        mac = hmac.new(secret, head + b"." + body, hashlib.sha256).digest()
        signature = base64.urlsafe_b64encode(mac).rstrip(b"=")
    return b".".join((head, body, signature)).decode()


def test_a_token_brings_its_viewer_back(tokens: Tokens) -> None:
    viewer = _viewer()
    assert tokens.verify(tokens.issue(viewer)) == viewer
    assert tokens.verify(_signed(_claims())).level == 2


def test_a_token_lives_fifteen_minutes(tokens: Tokens, clock: ManualClock) -> None:
    token = tokens.issue(_viewer())
    clock.move(ACCESS_TOKEN_LIFE - timedelta(seconds=1))
    tokens.verify(token)
    clock.move(timedelta(seconds=1))
    with pytest.raises(LoginRequired):
        tokens.verify(token)


def _forged() -> dict[str, str]:
    kid = key_id(KEY.public_key())
    public = KEY.public_key()
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    later = int(NOON.timestamp()) + 60
    good = _signed(_claims())
    head, body, signature = good.split(".")
    deep = base64.urlsafe_b64encode(b"[" * 50_000).decode().rstrip("=")
    return {
        "nothing": "",
        "no token": "hello",
        "three dots": "..",
        "not ASCII": "令牌.令牌.令牌",
        "alg none": _raw({"alg": "none", "kid": kid}, _claims()),
        "alg None": _raw({"alg": "None", "kid": kid}, _claims()),
        "no alg": _raw({"kid": kid}, _claims()),
        "HS256 with the public key's bytes": _raw({"alg": "HS256", "kid": kid}, _claims(), raw),
        "HS256 with the public key's PEM": _raw({"alg": "HS256", "kid": kid}, _claims(), pem),
        "EdDSA in name only": _raw({"alg": "EdDSA", "kid": kid}, _claims(), raw),
        "no signature": f"{head}.{body}.",
        "another's signature": f"{head}.{body}.{_signed(_claims()).split('.')[2]}",
        "changed claims": f"{head}.{_signed(_claims(lvl=9)).split('.')[1]}.{signature}",
        "another key under our kid": _signed(_claims(), STRANGER),
        "unknown kid": _signed(_claims(), kid="0000000000000000"),
        "kid that is a list": _raw({"alg": "EdDSA", "kid": [kid]}, _claims()),
        "kid that is a path": _signed(_claims(), kid="../../etc/passwd"),
        "no kid": jwt.encode(_claims(), KEY, algorithm="EdDSA"),
        "a key of the token's own": _signed(
            _claims(), STRANGER, jwk={"kty": "OKP"}, jku="https://example.com/jwks"
        ),
        "endless header": f"{deep}.{body}.{signature}",
        "critical header": _signed(_claims(), crit=["exp"]),
        "another audience": _signed(_claims(aud="partner-bank")),
        "another issuer": _signed(_claims(iss="quancheng:elsewhere")),
        "no audience": _signed(_claims(aud=None)),
        "no issuer": _signed(_claims(iss=None)),
        "not yet valid": _signed(_claims(nbf=later)),
        "expired": _signed(_claims(exp=int(NOON.timestamp()))),
        "no end": _signed(_claims(exp=None)),
        "no session": _signed(_claims(sid=None)),
        "no subject": _signed(_claims(sub=None)),
        "subject that is no id": _signed(_claims(sub="root")),
        "level that is no number": _signed(_claims(lvl="high")),
        "end that is no number": _signed(_claims(exp="never")),
        "end beyond all calendars": _signed(_claims(exp=10**20)),
        "roles that are no list": _signed(_claims(rol=7)),
    }


@pytest.mark.parametrize("kind", _forged())
def test_every_other_token_is_refused_in_the_same_words(tokens: Tokens, kind: str) -> None:
    with pytest.raises(LoginRequired) as refused:
        tokens.verify(_forged()[kind])
    assert refused.value.code == "SESSION_EXPIRED"
    assert refused.value.__cause__ is None


def test_signing_keys_rotate_without_logging_anyone_out(clock: ManualClock) -> None:
    before = Tokens([_pem(KEY)], ISSUER, clock).issue(_viewer())
    rotated = Tokens([_pem(STRANGER), _pem(KEY)], ISSUER, clock)
    rotated.verify(before)
    after = rotated.issue(_viewer())
    assert jwt.get_unverified_header(after)["kid"] == key_id(STRANGER.public_key())
    assert len(rotated.jwks()["keys"]) == 2


def test_a_remembered_token_opens_the_door_to_no_other(tokens: Tokens) -> None:
    good = _signed(_claims())
    head, body, signature = good.split(".")
    tokens.verify(good)
    for other in (
        f"{head}.{body}.",
        f"{head}.{body}.{_signed(_claims()).split('.')[2]}",
        f"{head}.{_signed(_claims(lvl=9)).split('.')[1]}.{signature}",
        f"{good}=",
        f"{good}\ud800",
    ):
        with pytest.raises(LoginRequired):
            tokens.verify(other)
    assert tokens.verify(good) is tokens.verify(good)  # its signature is not computed again


def test_no_more_tokens_are_remembered_than_there_is_room_for(clock: ManualClock) -> None:
    tokens = Tokens([_pem(KEY)], ISSUER, clock, remembers=3)
    issued = [tokens.issue(_viewer()) for _ in range(5)]
    viewers = [tokens.verify(token) for token in issued]
    assert len(tokens._verified) == 3
    assert [tokens.verify(token) for token in issued] == viewers


def test_a_token_is_forgotten_with_the_key_that_signed_it(clock: ManualClock) -> None:
    keys = [_pem(KEY)]
    tokens = Tokens(keys, ISSUER, clock, lambda: keys)
    before = tokens.issue(_viewer())
    tokens.verify(before)
    keys[:] = [_pem(STRANGER)]
    tokens._reloaded_at_s -= 60
    tokens.verify(Tokens(keys, ISSUER, clock).issue(_viewer()))  # makes the keys be read anew
    with pytest.raises(LoginRequired):
        tokens.verify(before)


def test_the_published_keys_verify_our_tokens_and_hold_no_secret(tokens: Tokens) -> None:
    (published,) = tokens.jwks()["keys"]
    assert "d" not in published
    token = tokens.issue(_viewer())
    key = jwt.PyJWK(published)
    no_clock = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}
    claims = jwt.decode(token, key, algorithms=["EdDSA"], audience=AUDIENCE, options=no_clock)
    assert claims["iss"] == ISSUER


def test_levels_are_required_by_name() -> None:
    viewer = Viewer(new_id(), new_id(), 1, frozenset(), NOON)
    assert require(viewer) is viewer
    with pytest.raises(LoginRequired) as stranger:
        require(None)
    with pytest.raises(LoginRequired) as low:
        require(viewer, 2)
    assert (stranger.value.code, stranger.value.required_level) == ("LOGIN_REQUIRED", 1)
    assert (low.value.code, low.value.required_level) == ("LEVEL_REQUIRED", 2)


async def test_a_revoked_session_is_refused_by_every_process_within_a_second(
    app: App, database: DatabaseUrls
) -> None:
    bus = Bus(database.app)
    elsewhere = Revocations(app.clock, bus)
    await bus.start()
    revoked, untouched = _viewer(), _viewer()
    for revocations in (app.revocations, elsewhere):
        await revocations.refuse_revoked(revoked)
    async with transaction() as tx:
        await revoke(tx, app.clock, revoked.session_id)
        await revoke(tx, app.clock, revoked.session_id)  # repeat-safe

    async def is_refused_everywhere() -> bool:
        return await _refuses(app.revocations, revoked) and await _refuses(elsewhere, revoked)

    await eventually(is_refused_everywhere, within_s=1)
    await elsewhere.refuse_revoked(untouched)
    await bus.stop()


async def test_a_revocation_is_remembered_as_long_as_tokens_live(
    app: App, clock: ManualClock
) -> None:
    first, second = _viewer(), _viewer()
    for viewer in (first, second):
        async with transaction() as tx:
            await revoke(tx, app.clock, viewer.session_id)
        await eventually(lambda viewer=viewer: _refuses(app.revocations, viewer), within_s=1)
        clock.move(ACCESS_TOKEN_LIFE)
    assert await _refuses(app.revocations, second)
    assert await _refuses(app.revocations, first)
    clock.move(timedelta(minutes=2))
    async with transaction() as tx:
        await revoke(tx, app.clock, (third := _viewer()).session_id)
    await eventually(lambda: _refuses(app.revocations, third), within_s=1)
    assert not await _refuses(app.revocations, first)  # its tokens ended long ago


async def test_what_was_revoked_before_a_process_started_or_while_it_was_deaf_counts(
    app: App, database: DatabaseUrls
) -> None:
    viewer = _viewer()
    async with transaction() as tx:
        await revoke(tx, app.clock, viewer.session_id)
    bus = Bus(database.app)
    late = Revocations(app.clock, bus)
    assert await _refuses(late, viewer)
    missed = _viewer()
    async with transaction() as tx:  # nobody listens yet
        await revoke(tx, app.clock, missed.session_id)
    await bus.start()  # a connection that stands anew is a gap
    assert await _refuses(late, missed)
    await bus.stop()


async def test_a_rolled_back_revocation_ends_nothing(app: App) -> None:
    viewer = _viewer()
    with pytest.raises(ZeroDivisionError):
        async with transaction() as tx:
            await revoke(tx, app.clock, viewer.session_id)
            raise ZeroDivisionError
    assert not await _refuses(app.revocations, viewer)


async def _refuses(revocations: Revocations, viewer: Viewer) -> bool:
    try:
        await revocations.refuse_revoked(viewer)
    except LoginRequired:
        return True
    return False
