"""Letting people sign in to other organisations' apps: OpenID Connect Core 1.0, code flow.

The other app sends its user to `/openid/authorize`; that page hands the request, signed by us, to
our own app, where the person is signed in and answers it. Requests, codes and access tokens are
signed texts of ours; what was allowed is a row, so it can be seen and ended.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import jwt

from core.context.app import App
from core.context.call import Call
from core.context.commands import CREDENTIAL_REPLAY, claim_key
from core.database import Transaction, idempotency, transaction
from core.errors import AppError, Forbidden, InvalidInput, LoginRequired, Missing, NotFound
from core.id_documents import EVERY_DOCUMENT
from core.ids import new_id
from core.people import consents
from core.people.personal_read import Purpose, Verifier, open_access_shown
from core.refusal_texts import CONSENT_REQUIRED, FRESH_AUTH_REQUIRED, NOT_FOUND
from core.security.api_keys import hash_secret, is_secret, make_secret
from modules.identity.models import Citizen
from modules.identity.openid import domain, redirects, texts
from modules.identity.openid.domain import AppRequest, OpenidScope, RequestRefused
from modules.identity.openid.models import OpenidClient, OpenidGrant

SIGN_IN_ELSEWHERE = Purpose(
    id="identity.sign-in-elsewhere",
    upstream="identity",
    fields=("name", "phone"),
    text=texts.APP_CONSENT,
    text_version="2026-11",
    documents=EVERY_DOCUMENT,
)
_REQUEST, _CODE, _TOKEN = "quancheng-openid-request", "quancheng-openid-code", "quancheng-openid"
_FIELDS = {OpenidScope.PROFILE: "name", OpenidScope.PHONE: "phone"}
_LEVELS = ("level1", "level2")
"""The values of `acr`: a phone, a real name."""
_INVALID = (jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError)


@dataclass(frozen=True, slots=True)
class Issued:
    """What the token endpoint answers."""

    access_token: str
    id_token: str
    scopes: Sequence[str]
    expires_in_s: int


def issuer_of(app: App) -> str:
    """The provider's name: our public address."""
    return app.settings.base_url


def metadata(app: App) -> Mapping[str, Any]:
    """What a client finds out by itself (OpenID Connect Discovery 1.0, section 3)."""
    base = issuer_of(app)
    return {
        "issuer": base,
        "authorization_endpoint": f"{base}/openid/authorize",
        "token_endpoint": f"{base}/openid/token",
        "userinfo_endpoint": f"{base}/openid/userinfo",
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "scopes_supported": [scope.value for scope in OpenidScope],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
        "token_endpoint_auth_methods_supported": [
            "client_secret_basic",
            "client_secret_post",
            "none",
        ],
        "code_challenge_methods_supported": ["S256"],
        "acr_values_supported": list(_LEVELS),
        "claims_supported": ["sub", "acr", "auth_time", "name", "phone_number"],
        "authorization_response_iss_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
    }


async def add_client(
    app: App, tx: Transaction, name: str, redirect_uris: Sequence[str], *, is_public: bool
) -> tuple[UUID, str | None]:
    """Register an app; its id, and its secret unless it can keep none. Raises ValueError."""
    secret = None if is_public else make_secret()
    client = await OpenidClient.create(
        using_db=tx,
        id=new_id(),
        name=name,
        redirect_uris=redirects.checked_redirects(redirect_uris),
        secret_hash=hash_secret(secret) if secret else None,
        created_at=app.clock.now(),
    )
    return client.id, secret


async def end_client(client_id: UUID) -> bool:
    """Let nobody sign in to an app any more; False where there is none."""
    return bool(await OpenidClient.filter(id=client_id, is_active=True).update(is_active=False))


async def find_client(client_id: str) -> OpenidClient | None:
    """An app that people may sign in to."""
    try:
        return await OpenidClient.get_or_none(id=UUID(client_id), is_active=True)
    except ValueError:
        return None


def sign_request(app: App, request: AppRequest) -> str:
    """A request as our own app receives it."""
    claims = asdict(request) | {"client_id": str(request.client_id)}
    return app.tokens.sign(claims, audience=_REQUEST, life=domain.REQUEST_LIFE)


async def open_request(app: App, text: str) -> tuple[AppRequest, OpenidClient]:
    """The request that our page has signed, and whose it is. Raises InvalidInput."""
    try:
        claims = app.tokens.read(text, audience=_REQUEST, claims=("client_id", "redirect_uri"))
        request = AppRequest(
            UUID(claims["client_id"]),
            claims["redirect_uri"],
            tuple(OpenidScope(scope) for scope in claims["scopes"]),
            claims["code_challenge"],
            claims["state"],
            claims["nonce"],
            claims["max_age_s"],
        )
    except _INVALID:
        raise InvalidInput(texts.APP_REQUEST_INVALID, "request") from None
    client = await find_client(str(request.client_id))
    if client is None:
        raise InvalidInput(texts.APP_REQUEST_INVALID, "request")
    return request, client


async def answer_request(call: Call, text: str, key: str, *, allow: bool) -> str:
    """Let an app know the viewer, or not; the address that leads back to it, with a code.

    The same key answers once. Raises InvalidInput for a request that is not good now, LoginRequired
    for too low a level or too old a proof, Forbidden without the consent where a name or a number
    is asked for.
    """
    app, viewer = call.app, call.require_viewer()
    request, client = await open_request(app, text)
    back = {"state": request.state, "iss": issuer_of(app)}
    if not allow:
        return redirects.redirect(request.redirect_uri, error="access_denied", **back)
    if OpenidScope.PROFILE in request.scopes:
        viewer.require_level(2)
    age = app.clock.now() - viewer.authenticated_at
    if request.max_age_s is not None and age > timedelta(seconds=max(request.max_age_s, 60)):
        raise LoginRequired(FRESH_AUTH_REQUIRED, missing=Missing.FRESH_AUTH)
    async with transaction() as tx:
        claim = await claim_key(
            *(call, tx, "answerAppRequest", key, {"request": text}), replay_for=CREDENTIAL_REPLAY
        )
        if not claim.replayed:
            await _require_consent(call, tx, request)
            await OpenidGrant.create(
                using_db=tx,
                id=claim.effect_id,
                citizen_id=viewer.user_id,
                client_id=client.id,
                scopes=[scope.value for scope in request.scopes],
                level=viewer.level,
                authenticated_at=viewer.authenticated_at,
                granted_at=app.clock.now(),
            )
    code = _code(app, claim.effect_id, request)
    return redirects.redirect(request.redirect_uri, code=code, **back)


async def _require_consent(call: Call, tx: Transaction, request: AppRequest) -> None:
    if not any(scope in _FIELDS for scope in request.scopes):
        return
    purpose, now = SIGN_IN_ELSEWHERE, call.app.clock.now()
    person_id = call.require_viewer().user_id
    if await consents.find_live(tx, person_id, purpose.id, purpose.text_version, now) is None:
        raise Forbidden(CONSENT_REQUIRED, purpose=purpose.id)


def _code(app: App, grant_id: UUID, request: AppRequest) -> str:
    claims = {
        "grant": str(grant_id),
        "client_id": str(request.client_id),
        "redirect_uri": request.redirect_uri,
        "code_challenge": request.code_challenge,
        "nonce": request.nonce,
    }
    return app.tokens.sign(claims, audience=_CODE, life=domain.CODE_LIFE)


async def exchange(app: App, client: OpenidClient, form: Mapping[str, str]) -> Issued:
    """Tokens for a code of an authenticated client; the code is spent.

    A code that comes a second time ends what the first has opened (RFC 6749 section 4.1.2). Raises
    RequestRefused.
    """
    if form.get("grant_type") != "authorization_code":
        raise RequestRefused("unsupported_grant_type", "grant_type must be authorization_code")
    claims = _read_code(app, client, form)
    async with transaction() as tx:
        is_first = await idempotency.use_once(app.clock, tx, _CODE, claims["grant"])
        grant = await OpenidGrant.filter(id=claims["grant"]).using_db(tx).first()
        if grant is not None and not is_first:
            grant.ended_at = grant.ended_at or app.clock.now()
            await grant.save(using_db=tx, update_fields=["ended_at"])
    if grant is None or grant.ended_at is not None:
        raise RequestRefused("invalid_grant", "the code was used before, or ended")
    return _issue(app, client, grant, claims["nonce"])


def _read_code(app: App, client: OpenidClient, form: Mapping[str, str]) -> Mapping[str, Any]:
    try:
        claims = app.tokens.read(form["code"], audience=_CODE, claims=("grant", "code_challenge"))
        is_theirs = claims["client_id"] == str(client.id)
        is_same = claims["redirect_uri"] == form["redirect_uri"]
        is_proved = domain.is_verifier(form["code_verifier"], claims["code_challenge"])
    except _INVALID:
        raise RequestRefused("invalid_grant", "the code is not good now") from None
    if not (is_theirs and is_same and is_proved):
        raise RequestRefused("invalid_grant", "the code is of another client, address or verifier")
    return claims


def _issue(app: App, client: OpenidClient, grant: OpenidGrant, nonce: str | None) -> Issued:
    identity = {
        "sub": _subject(app, client, grant.citizen_id),
        "auth_time": int(grant.authenticated_at.timestamp()),
        "acr": _LEVELS[min(grant.level, 2) - 1],
        **({"nonce": nonce} if nonce is not None else {}),
    }
    id_token = app.tokens.sign(
        identity, audience=str(client.id), life=domain.TOKEN_LIFE, issuer=issuer_of(app)
    )
    access_token = app.tokens.sign(
        {"grant": str(grant.id)}, audience=_TOKEN, life=domain.TOKEN_LIFE
    )
    life_s = int(domain.TOKEN_LIFE.total_seconds())
    return Issued(access_token, id_token, grant.scopes, life_s)


async def user_info(app: App, token: str, request_id: str) -> Mapping[str, Any]:
    """What an access token tells of its person (section 5.3); the reading is in their access log.

    Raises PermissionError for a token that is not good now: expired, or ended by the person.
    """
    try:
        claims = app.tokens.read(token, audience=_TOKEN, claims=("grant",))
        grant = await OpenidGrant.get_or_none(id=UUID(claims["grant"]), ended_at=None)
    except _INVALID:
        raise PermissionError from None
    client = await find_client(str(grant.client_id)) if grant else None
    if grant is None or client is None:
        raise PermissionError
    citizen = await Citizen.get_or_none(id=grant.citizen_id, closed_at=None)
    if citizen is None:
        raise PermissionError
    answer: dict[str, Any] = {"sub": _subject(app, client, citizen.id)}
    shown = [_FIELDS[OpenidScope(scope)] for scope in grant.scopes if scope in _FIELDS]
    if shown:
        answer |= await _personal(app, citizen.id, client, shown, request_id)
    await OpenidGrant.filter(id=grant.id).update(last_used_at=app.clock.now())
    return answer


async def _personal(
    app: App, citizen_id: UUID, client: OpenidClient, shown: Sequence[str], request_id: str
) -> Mapping[str, Any]:
    try:
        access = await open_access_shown(
            *(app, citizen_id, Verifier(client.id, client.name)),
            service="sign-in-elsewhere",
            purpose=SIGN_IN_ELSEWHERE,
            fields=shown,
            request_id=request_id,
        )
    except AppError:
        raise PermissionError from None  # the consent was withdrawn
    claims: dict[str, Any] = {}
    if "name" in shown and access.person.name:
        claims["name"] = access.person.name
    if "phone" in shown and access.person.has_phone:
        claims |= {"phone_number": f"+86{access.person.phone}", "phone_number_verified": True}
    return claims


def _subject(app: App, client: OpenidClient, citizen_id: UUID) -> str:
    sector = redirects.sector_of(client.redirect_uris[0])
    return domain.subject_of(app.keys.pii_index, sector, citizen_id)


async def authenticate_client(client_id: str | None, secret: str | None) -> OpenidClient:
    """The client that asks for a token. Raises RequestRefused `invalid_client`."""
    client = await find_client(client_id or "")
    if client is None:
        raise RequestRefused("invalid_client", "no such client")
    kept = client.secret_hash
    if (kept is None) != (secret is None) or (kept and not is_secret(secret or "", kept)):
        raise RequestRefused("invalid_client", "the client is not authenticated")
    return client


async def list_grants(call: Call) -> list[tuple[OpenidGrant, str]]:
    """What the viewer has allowed and not ended, with the apps' names, newest first."""
    mine = OpenidGrant.filter(citizen_id=call.require_viewer().user_id, ended_at=None)
    grants = await mine.order_by("-id").limit(50)
    ids = {grant.client_id for grant in grants}
    names = {client.id: client.name for client in await OpenidClient.filter(id__in=ids)}
    return [(grant, names.get(grant.client_id, "")) for grant in grants]


async def end_grant(call: Call, grant_id: UUID) -> None:
    """Let an app know nothing more of the viewer. Raises NotFound for what is not theirs."""
    mine = OpenidGrant.filter(id=grant_id, citizen_id=call.require_viewer().user_id)
    if not await mine.exists():
        raise NotFound(NOT_FOUND)
    await mine.filter(ended_at=None).update(ended_at=call.app.clock.now())
