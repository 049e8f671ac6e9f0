"""Who is calling: access tokens, verified without the database.

Access tokens are EdDSA JWTs (RFC 8037) of 15 minutes with `kid`, issuer and audience. A session
that is revoked before its token ends, or an account that is closed, is known to every process
through the bus.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
)

from core.assurance import Assurance
from core.bus.bus import Bus, publish
from core.clock import Clock
from core.database import Transaction, connection, fetch_all
from core.errors import LoginRequired, Missing
from core.refusal_texts import LEVEL_REQUIRED, LOGIN_REQUIRED, SESSION_EXPIRED
from core.security.keys import private_key

ACCESS_TOKEN_LIFE = timedelta(minutes=15)
AUDIENCE = "quancheng-app"
SESSION_REVOKED = "auth.session_revoked"
"""The bus topic that tells the ids of revoked sessions and of closed accounts."""

PROBE_ID = UUID("00000000-0000-7000-8000-00000070726f")
"""As whom the city's own tasks ask its services whether they answer: nobody's account, no token."""

_LEEWAY = timedelta(seconds=5)
_REVOCATION_MATTERS = ACCESS_TOKEN_LIFE + timedelta(minutes=1)
_RELOAD_EVERY_S = 1.0
_VIEWER_CLAIMS = ("sub", "sid", "lvl", "auth_time")
_REMEMBERS = 10_000
"""How many tokens a process remembers as good; a phone sends the same one for a quarter of an hour.
"""


@dataclass(frozen=True, slots=True)
class Viewer:
    """The person behind a request. Levels: 1 phone, 2 real name verified.

    Roles and scopes are empty outside a staff session, whoever the person is. One who is not
    `proved` has the phone of an account and may be somebody else than its owner. `assurance` says
    how the real name was proved; None is a typed pair, or no real name.
    """

    user_id: UUID
    session_id: UUID
    level: int
    roles: frozenset[str]
    authenticated_at: datetime
    scopes: frozenset[str] = frozenset()
    proved: bool = True
    assurance: Assurance | None = None
    good_until: datetime | None = field(default=None, compare=False)
    """When the token that says all this ends; None where no token did."""

    def require_level(self, level: int) -> "Viewer":
        """This viewer. Raises LoginRequired when the identity level is too low."""
        if self.level < level:
            raise LoginRequired(LEVEL_REQUIRED, required_level=level, missing=Missing.REAL_NAME)
        return self


_Verified = tuple[Viewer, Mapping[str, Any]]
"""Who a token says is there, and its claims."""


class Tokens:
    """Signs and verifies access tokens, and the small signed messages of other audiences.

    The first key signs; every key verifies, so signing keys rotate without logging anyone out.
    `reload` reads the keys anew: a token of an unknown key may come from a process that has
    a newer one, and is looked at again once a second at most.

    What has been verified is remembered by the token's hash, so that a signature is computed once
    and not with every request; its life is looked at each time, and whether its session was revoked
    (`Revocations`) is not remembered at all.
    """

    def __init__(
        self,
        signing_keys: Sequence[bytes],
        issuer: str,
        clock: Clock,
        reload: Callable[[], Sequence[bytes]] | None = None,
        *,
        remembers: int = _REMEMBERS,
    ) -> None:
        self._issuer = issuer
        self._remembers = remembers
        self._clock = clock
        self._reload = reload
        self._reloaded_at_s = time.monotonic()
        self._take(signing_keys)

    @property
    def issuer(self) -> str:
        """Who these tokens say that they are from."""
        return self._issuer

    def issue(self, viewer: Viewer) -> str:
        """An access token for a viewer, good for 15 minutes."""
        return self.sign(
            {
                "sub": str(viewer.user_id),
                "sid": str(viewer.session_id),
                "lvl": viewer.level,
                "rol": sorted(viewer.roles),
                "scp": sorted(viewer.scopes),
                "auth_time": int(viewer.authenticated_at.timestamp()),
                **({} if viewer.proved else {"prv": False}),
                **({"asr": viewer.assurance} if viewer.assurance else {}),
            },
            audience=AUDIENCE,
            life=ACCESS_TOKEN_LIFE,
        )

    def sign(
        self,
        claims: Mapping[str, Any],
        *,
        audience: str,
        life: timedelta,
        at: datetime | None = None,
        issuer: str | None = None,
    ) -> str:
        """A JWT of our own for an audience, good for `life` from `at` on, or from now on.

        One with another `issuer` is for readers outside: we take it for nothing ourselves.
        """
        now = at or self._clock.now()
        standard = {
            "iss": issuer or self._issuer,
            "aud": audience,
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int((now + life).timestamp()),
        }
        return jwt.encode(
            {**claims, **standard}, self._signer, algorithm="EdDSA", headers={"kid": self._kid}
        )

    def verify(self, token: str) -> Viewer:
        """The viewer of a token. Raises LoginRequired for every token that is not good now.

        Expired and forged are told in the same words: nothing is learned from the refusal.
        """
        try:
            digest = hashlib.sha256(token.encode()).digest()
            if (known := self._verified.get(digest)) is None:
                known = self._remember(digest, self._verify(token))
            viewer, claims = known
            self._refuse_outside_life(claims)
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError):
            raise LoginRequired(SESSION_EXPIRED) from None
        return viewer

    def _verify(self, token: str) -> _Verified:
        claims = self.read(token, audience=AUDIENCE, claims=_VIEWER_CLAIMS)
        if int(claims["exp"]) - int(claims["nbf"]) > ACCESS_TOKEN_LIFE.total_seconds():
            raise ValueError("no token of ours is good for so long")
        if claims["sub"] == str(PROBE_ID):
            raise ValueError("the probe has no token")
        return _viewer(claims), claims

    def _remember(self, digest: bytes, known: _Verified) -> _Verified:
        if len(self._verified) >= self._remembers:  # the first in has the least life left
            del self._verified[next(iter(self._verified))]
        self._verified[digest] = known
        return known

    def read(self, token: str, *, audience: str, claims: Sequence[str] = ()) -> Mapping[str, Any]:
        """The claims of a JWT of ours for an audience.

        Raises jwt.InvalidTokenError, KeyError, TypeError, ValueError or OverflowError for one
        that is not good now.
        """
        found: dict[str, Any] = jwt.decode(
            token,
            self._key(_kid(token.partition(".")[0])),
            algorithms=["EdDSA"],
            audience=audience,
            issuer=self._issuer,
            options={
                "require": ["exp", "nbf", *claims],
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
        self._refuse_outside_life(found)
        return found

    def jwks(self) -> dict[str, Any]:
        """The public keys as a JSON Web Key Set (RFC 7517)."""
        return {"keys": [_jwk(kid, key) for kid, key in self._public.items()]}

    def _key(self, kid: str) -> Ed25519PublicKey:
        if kid not in self._public and self._reload is not None:
            now_s = time.monotonic()
            if now_s - self._reloaded_at_s >= _RELOAD_EVERY_S:
                self._reloaded_at_s = now_s
                self._take(self._reload())
        return self._public[kid]

    def _take(self, signing_keys: Sequence[bytes]) -> None:
        keys = [_private_key(pem) for pem in signing_keys]
        self._public = {key_id(key.public_key()): key.public_key() for key in keys}
        self._signer, self._kid = keys[0], next(iter(self._public))
        self._verified: dict[bytes, _Verified] = {}  # a key that is gone signs no more

    def _refuse_outside_life(self, claims: Mapping[str, Any]) -> None:
        now = self._clock.now()
        begins = datetime.fromtimestamp(int(claims["nbf"]), UTC)
        ends = datetime.fromtimestamp(int(claims["exp"]), UTC)
        if not begins - _LEEWAY <= now < ends:
            raise jwt.ExpiredSignatureError


class Revocations:
    """Sessions and accounts ended before their access tokens did. Reading costs two look-ups in
    memory."""

    def __init__(self, clock: Clock, bus: Bus) -> None:
        self._clock = clock
        self._bus = bus
        self._revoked: dict[str, datetime] = {}
        self._gaps = 1
        self._gaps_read = 0
        self._reading = asyncio.Lock()
        bus.listen(SESSION_REVOKED, self._add)
        bus.on_gap(self._note_gap)

    async def refuse_revoked(self, viewer: Viewer) -> None:
        """Raise LoginRequired when the viewer's session, or the account that the token names, has
        ended: a session may go on in the account into which that one was merged.

        As long as no news can be heard each is looked up.
        """
        if not self._bus.connected.is_set():
            await self._look_up([viewer.session_id, viewer.user_id])
        elif self._gaps_read != self._gaps:
            async with self._reading:  # nobody passes on the strength of a list half read
                if self._gaps_read != self._gaps:
                    await self._read()
        if not self._revoked.keys().isdisjoint((str(viewer.session_id), str(viewer.user_id))):
            raise LoginRequired(SESSION_EXPIRED)

    def _add(self, ended_id: str) -> None:
        now = self._clock.now()
        self._revoked[ended_id] = now
        while self._revoked:  # in order of time: the first are those that matter no more
            oldest = next(iter(self._revoked))
            if self._revoked[oldest] >= now - _REVOCATION_MATTERS:
                break
            del self._revoked[oldest]

    def _note_gap(self) -> None:
        self._gaps += 1

    async def _look_up(self, ids: Sequence[UUID]) -> None:
        rows = await fetch_all(
            connection(),
            "SELECT session_id FROM core_session_revocation WHERE session_id = ANY($1)",
            ids,
        )
        for row in rows:
            self._add(str(row["session_id"]))

    async def _read(self) -> None:
        gaps = self._gaps  # a gap that opens while the rows are read asks for another reading
        rows = await fetch_all(
            connection(),
            """SELECT session_id FROM core_session_revocation WHERE revoked_at > $1
               ORDER BY revoked_at""",
            self._clock.now() - _REVOCATION_MATTERS,
        )
        for row in rows:
            self._add(str(row["session_id"]))
        self._gaps_read = gaps


async def authenticate(
    tokens: Tokens, revocations: Revocations, authorization: str | None
) -> Viewer | None:
    """The viewer of an Authorization header; None without one.

    Raises LoginRequired for a token that is forged, expired or revoked.
    """
    if not authorization:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise LoginRequired(SESSION_EXPIRED)
    viewer = tokens.verify(token.strip())
    await revocations.refuse_revoked(viewer)
    return viewer


async def revoke(tx: Transaction, clock: Clock, ended_id: UUID) -> None:
    """End the access tokens of a session, or of a closed account, on every process when `tx`
    commits. Repeat-safe."""
    await tx.execute_query(
        """INSERT INTO core_session_revocation (session_id, revoked_at) VALUES ($1, $2)
           ON CONFLICT (session_id) DO NOTHING""",
        [ended_id, clock.now()],
    )
    await publish(tx, SESSION_REVOKED, str(ended_id))


def require(viewer: Viewer | None, level: int = 1, *, proved: bool = True) -> Viewer:
    """The viewer. Raises LoginRequired for strangers, for too low a level, and for one who is not
    proved to own the account, unless that is not asked."""
    if viewer is None:
        raise LoginRequired(LOGIN_REQUIRED, required_level=max(level, 1))
    if proved and not viewer.proved:
        raise LoginRequired(LEVEL_REQUIRED, required_level=2, missing=Missing.REAL_NAME)
    return viewer.require_level(level)


def key_id(key: Ed25519PublicKey) -> str:
    """The `kid` of a key: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


@lru_cache(maxsize=64)
def _kid(header: str) -> str:
    """The `kid` in a token's header, which all tokens of a key have in common. Raises
    jwt.InvalidTokenError or KeyError."""
    return str(jwt.get_unverified_header(f"{header}..")["kid"])


def _private_key(pem: bytes) -> Ed25519PrivateKey:
    key = private_key(pem)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("token signing keys are Ed25519")
    return key


def _viewer(claims: Mapping[str, Any]) -> Viewer:
    return Viewer(
        user_id=UUID(claims["sub"]),
        session_id=UUID(claims["sid"]),
        level=int(claims["lvl"]),
        roles=frozenset(claims.get("rol", ())),
        authenticated_at=datetime.fromtimestamp(int(claims["auth_time"]), UTC),
        scopes=frozenset(claims.get("scp", ())),
        proved=bool(claims.get("prv", True)),
        assurance=Assurance(claims["asr"]) if "asr" in claims else None,
        good_until=datetime.fromtimestamp(int(claims["exp"]), UTC),
    )


def _jwk(kid: str, key: Ed25519PublicKey) -> dict[str, Any]:
    jwk: dict[str, Any] = jwt.algorithms.OKPAlgorithm.to_jwk(key, as_dict=True)
    return jwk | {"kid": kid, "use": "sig", "alg": "EdDSA"}
