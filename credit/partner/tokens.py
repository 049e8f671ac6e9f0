"""Access tokens of banks: client credentials by a signed assertion, bound to a key by DPoP.

RFC 6749 section 4.4, RFC 7523 as FAPI 2.0 narrows it (the audience is the issuer and nothing
else), RFC 9449. Every refusal is one of RFC 6749's or RFC 9449's errors.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt

from core.context.app import App
from core.database import connection, fetch_all, transaction
from core.ids import new_id
from core.queue.jobs import Lane, job
from core.standards.dpop import WINDOW, read_proof
from core.standards.jose import (
    InvalidToken,
    claims_of,
    header_of,
    text_claim,
    time_claim,
    unproved_claims,
)
from credit.partner.banks import Key, find_active, find_key
from credit.partner.models import Bank
from credit.partner.scopes import PartnerScope

TOKEN_LIFE = timedelta(minutes=5)
ASSERTION_LIFE_MAX = timedelta(minutes=10)
SKEW = WINDOW.skew
GRANT = "client_credentials"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_AUDIENCE = "quancheng-partner"
_ASSERTION_TYPES = (None, "JWT", "jwt", "client-authentication+jwt")

Form = Mapping[str, str]


class TokenRefused(Exception):
    """A refusal of the token endpoint; `error` is the registered code."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.error = error
        self.description = description

    @property
    def status(self) -> int:
        """The status of the answer (RFC 6749 section 5.2)."""
        return 401 if self.error == "invalid_client" else 400


@dataclass(frozen=True, slots=True)
class Granted:
    """A token that was issued."""

    access_token: str
    scopes: Sequence[str]
    expires_in_s: int
    bank_id: str


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who a good access token is of, and what for."""

    bank: Bank
    scopes: frozenset[str]


def issuer_of(app: App) -> str:
    """The authorization server's name: the audience of assertions."""
    return f"{app.settings.base_url}/partner"


def token_url_of(app: App) -> str:
    """Where tokens are asked for."""
    return f"{issuer_of(app)}/token"


async def issue(app: App, form: Form, proofs: Sequence[str]) -> Granted:
    """A token for a form that a client sent with its DPoP headers. Raises TokenRefused."""
    if "grant_type" not in form:
        raise TokenRefused("invalid_request", "grant_type is missing")
    if form["grant_type"] != GRANT:
        raise TokenRefused("unsupported_grant_type", f"grant_type must be {GRANT}")
    try:
        proof = read_proof(proofs, method="POST", url=token_url_of(app), now=app.clock.now())
    except InvalidToken as refusal:
        raise TokenRefused("invalid_dpop_proof", str(refusal)) from None
    bank = await _authenticate(app, form)
    scopes = _scopes(bank, form.get("scope"))
    if not await use_once(proof.use_key, proof.forget_at):
        raise TokenRefused("invalid_dpop_proof", "the proof was used before")
    claims = {
        "sub": bank.id,
        "client_id": bank.id,
        "scope": " ".join(scopes),
        "cnf": {"jkt": proof.thumbprint},
        "jti": new_id().hex,
    }
    token = app.tokens.sign(claims, audience=_AUDIENCE, life=TOKEN_LIFE)
    return Granted(token, scopes, int(TOKEN_LIFE.total_seconds()), bank.id)


async def verify(app: App, token: str, proofs: Sequence[str], *, method: str, url: str) -> Bearer:
    """Who calls `method` `url` with a token and a proof for it, which is used up.

    Raises PermissionError for a token that is not good now, InvalidToken for a proof that is not,
    or was used before.
    """
    try:
        claims = app.tokens.read(token, audience=_AUDIENCE, claims=("sub", "scope", "cnf"))
        bank_id, key, scopes = claims["sub"], claims["cnf"]["jkt"], claims["scope"].split()
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError, AttributeError):
        raise PermissionError from None
    proof = read_proof(proofs, method=method, url=url, now=app.clock.now(), access_token=token)
    if proof.thumbprint != key:
        raise InvalidToken("the proof is of another key than the token")
    bank = await find_active(app, bank_id)
    if bank is None:
        raise PermissionError
    if not await use_once(proof.use_key, proof.forget_at):
        raise InvalidToken("the proof was used before")
    return Bearer(bank, frozenset(scopes) & frozenset(bank.scopes))


async def use_once(use_key: str, forget_at: datetime) -> bool:
    """Note that a proof or assertion is used; False where it was before, in any process."""
    rows = await fetch_all(
        connection(),
        """INSERT INTO credit_partner_proof_use (use_key, forget_at) VALUES ($1, $2)
           ON CONFLICT (use_key) DO NOTHING RETURNING 1""",
        use_key,
        forget_at,
    )
    return bool(rows)


@job("credit.forget_proof_uses", lane=Lane.BULK, every="*/10 * * * *")
async def forget_proof_uses(app: App) -> None:
    """Drop what could not be used again anyway. Repeat-safe."""
    async with transaction() as tx:
        await tx.execute_query(
            "DELETE FROM credit_partner_proof_use WHERE forget_at <= $1", [app.clock.now()]
        )


async def _authenticate(app: App, form: Form) -> Bank:
    """The bank whose assertion a form holds; the assertion is used up. Raises TokenRefused."""
    if form.get("client_assertion_type") != ASSERTION_TYPE or not form.get("client_assertion"):
        raise TokenRefused("invalid_client", "authenticate by private_key_jwt (RFC 7523)")
    token = form["client_assertion"]
    try:
        header, claims = header_of(token), unproved_claims(token)
        client_id = _check_assertion(app, header, claims, form)
        bank = await find_active(app, client_id)
        key = await find_key(app, bank, header["kid"]) if bank else None
        if bank is None or key is None or not _is_signed(token, key):
            raise InvalidToken("the assertion is not signed with a registered key of a client")
        name = f"assertion\x00{client_id}\x00{text_claim(claims, 'jti')}"
        use_key = hashlib.sha256(name.encode()).hexdigest()
        if not await use_once(use_key, time_claim(claims, "exp") + SKEW):
            raise InvalidToken("the assertion was used before")
    except InvalidToken as refusal:
        raise TokenRefused("invalid_client", str(refusal)) from None
    return bank


def _is_signed(token: str, key: Key) -> bool:
    try:
        claims_of(token, key)
    except InvalidToken:
        return False
    return True


def _check_assertion(
    app: App, header: Mapping[str, object], claims: Mapping[str, object], form: Form
) -> str:
    """The client that an assertion names, everything checked but its signature.

    What is checked here needs no look at any client, so the refusals tell nothing of them. Raises
    InvalidToken.
    """
    if header.get("typ") not in _ASSERTION_TYPES or not isinstance(header.get("kid"), str):
        raise InvalidToken("an assertion has typ JWT and the kid of its key")
    client_id = text_claim(claims, "iss", 64)
    if text_claim(claims, "sub", 64) != client_id or form.get("client_id", client_id) != client_id:
        raise InvalidToken("iss, sub and client_id must be the same client")
    if claims.get("aud") != issuer_of(app):
        raise InvalidToken(f"aud must be the one string {issuer_of(app)}")
    now, ends_at = app.clock.now(), time_claim(claims, "exp")
    if not now - SKEW < ends_at <= now + ASSERTION_LIFE_MAX + SKEW:
        raise InvalidToken("exp is past, or more than ten minutes ahead")
    for name in ("iat", "nbf"):
        if name in claims and time_claim(claims, name) > now + SKEW:
            raise InvalidToken(f"{name} is ahead of our clock")
    text_claim(claims, "jti")
    return client_id


def _scopes(bank: Bank, wanted: str | None) -> Sequence[str]:
    allowed = [scope for scope in PartnerScope if scope in bank.scopes]
    if not wanted:
        return allowed
    names = wanted.split()
    if not set(names) <= set(allowed):
        raise TokenRefused("invalid_scope", f"this client may have {' '.join(allowed)}")
    return [scope for scope in allowed if scope in names]
