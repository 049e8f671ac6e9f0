"""The addresses of the banks' API: tokens, resources, documents."""

from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from core.context.app import App
from core.context.contributions import Routes
from core.database import connection
from core.database.rate_limit import count_use
from core.standards.jose import ALGORITHMS
from credit.partner import applications, loans, products, reconciliation, webhooks
from credit.partner.documents import document_routes
from credit.partner.endpoint import RATE_WINDOW, AnyOperation, Resource, not_found, require_body
from credit.partner.operation import BASE
from credit.partner.problems import PRIVATE, TooLarge
from credit.partner.scopes import PartnerScope
from credit.partner.tokens import (
    GRANT,
    Granted,
    TokenRefused,
    issue,
    issuer_of,
    token_url_of,
)

OPERATIONS: tuple[AnyOperation, ...] = (
    *applications.OPERATIONS,
    *loans.OPERATIONS,
    *products.OPERATIONS,
    *webhooks.OPERATIONS,
    *reconciliation.OPERATIONS,
)
FORM_MAX_BYTES = 32_000
FORM = "application/x-www-form-urlencoded"
TOKEN_RATE = 120
"""Tokens of a bank in a minute: each is good for five."""
_REFUSED_HEADERS = PRIVATE | {"Pragma": "no-cache"}


def routes(app: App) -> list[BaseRoute]:
    """Every address of the banks' API, and the one that answers for those that do not exist."""

    async def token(request: Request) -> Response:
        return await answer_token_request(app, request)

    async def metadata(_request: Request) -> Response:
        return JSONResponse(metadata_of(app), headers={"Cache-Control": "public, max-age=300"})

    paths = dict.fromkeys(operation.path for operation in OPERATIONS)
    return [
        Route("/partner/token", token, methods=["POST"]),
        Route("/.well-known/oauth-authorization-server/partner", metadata, methods=["GET"]),
        *document_routes(app, OPERATIONS),
        *(Route(BASE + path, Resource(app, _operations_at(path))) for path in paths),
        Route("/partner/{path:path}", NotFoundResource()),
    ]


class NotFoundResource:
    """Every other address below /partner, as an ASGI application."""

    __call__ = staticmethod(not_found)


def _operations_at(path: str) -> list[AnyOperation]:
    return [operation for operation in OPERATIONS if operation.path == path]


def metadata_of(app: App) -> dict[str, object]:
    """What a client finds out by itself (RFC 8414, RFC 9449 section 5.1)."""
    base = app.settings.base_url
    return {
        "issuer": issuer_of(app),
        "token_endpoint": token_url_of(app),
        "jwks_uri": f"{base}/.well-known/jwks.json",
        "grant_types_supported": [GRANT],
        "response_types_supported": [],
        "scopes_supported": [scope.value for scope in PartnerScope],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "dpop_signing_alg_values_supported": list(ALGORITHMS),
        "service_documentation": f"{base}/partner/docs",
    }


async def answer_token_request(app: App, request: Request) -> Response:
    """The token endpoint (RFC 6749 section 3.2)."""
    try:
        form = await _read_form(request)
        granted = await issue(app, form, request.headers.getlist("dpop"))
    except TokenRefused as refusal:
        return _refused(refusal)
    use = await count_use(
        connection(), app.clock, f"partner-token:{granted.bank_id}", window=RATE_WINDOW
    )
    if use.count > TOKEN_RATE:
        body = {"error": "temporarily_unavailable", "error_description": "too many tokens"}
        return JSONResponse(body, 429, _REFUSED_HEADERS | {"Retry-After": str(use.free_in_s)})
    return _granted(granted)


def _granted(granted: Granted) -> Response:
    body = {
        "access_token": granted.access_token,
        "token_type": "DPoP",
        "expires_in": granted.expires_in_s,
        "scope": " ".join(granted.scopes),
    }
    return JSONResponse(body, headers=_REFUSED_HEADERS)


def _refused(refusal: TokenRefused) -> Response:
    body = {"error": refusal.error, "error_description": refusal.description}
    return JSONResponse(body, refusal.status, _REFUSED_HEADERS)


async def _read_form(request: Request) -> dict[str, str]:
    """The parameters of a form, each there once (RFC 6749 section 3.2). Raises TokenRefused."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise TokenRefused("invalid_request", f"the body must be {FORM}")
    try:
        pairs = parse_qsl(
            (await require_body(request, FORM_MAX_BYTES)).decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            max_num_fields=32,
        )
    except (TooLarge, ValueError):
        raise TokenRefused("invalid_request", "the body is no form") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise TokenRefused("invalid_request", "a parameter is there twice")
    return form


ROUTES = Routes(routes)
