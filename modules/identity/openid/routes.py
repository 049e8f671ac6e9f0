"""The provider's addresses: discovery, the page that leads to our app, tokens, user info."""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qsl, quote, unquote_plus

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from core.context.app import App
from core.context.contributions import Routes
from core.context.http import read_body
from core.ids import new_id
from core.texts import Locale
from modules.identity.openid import domain, redirects, service, texts
from modules.identity.openid.domain import RequestRefused
from modules.identity.openid.models import OpenidClient

_FORM_MAX_BYTES = 16_384
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    **_NO_STORE,
}
_PAGE = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title></head>
<body><h1>{title}</h1><p>{name}</p><p><a href="{link}">{words}</a></p></body></html>
"""


def routes(app: App) -> list[BaseRoute]:
    """Every address of the provider."""

    async def metadata(_request: Request) -> Response:
        headers = {"Cache-Control": "public, max-age=300"}
        return JSONResponse(service.metadata(app), headers=headers)

    async def authorize(request: Request) -> Response:
        return await _authorize(app, request)

    async def token(request: Request) -> Response:
        return await _token(app, request)

    async def user_info(request: Request) -> Response:
        return await _user_info(app, request)

    return [
        Route("/.well-known/openid-configuration", metadata, methods=["GET"]),
        Route("/openid/authorize", authorize, methods=["GET"]),
        Route("/openid/token", token, methods=["POST"]),
        Route("/openid/userinfo", user_info, methods=["GET", "POST"]),
    ]


async def _authorize(app: App, request: Request) -> Response:
    """The page that hands a request to our app; a wrong one goes back to who sent it, unless they
    are not known (RFC 6749 section 4.1.2.1)."""
    locale = Locale.from_header(request.headers.get("accept-language"))
    pairs = request.query_params.multi_items()
    query = dict(pairs)
    client = await service.find_client(query.get("client_id", ""))
    uri = query.get("redirect_uri", "")
    if client is None or uri not in client.redirect_uris or len(query) != len(pairs):
        words = escape(texts.UNKNOWN_CLIENT.say(locale))
        return HTMLResponse(f"<!doctype html><p>{words}</p>", 400, _PAGE_HEADERS)
    try:
        requested = domain.read_request(client.id, uri, query)
    except RequestRefused as refused:
        back = redirects.redirect(
            uri,
            error=refused.error,
            error_description=refused.description,
            state=query.get("state"),
            iss=service.issuer_of(app),
        )
        return RedirectResponse(back, 303, _NO_STORE)
    scheme = app.city.deep_link.partition("://")[0]
    page = _PAGE.format(
        lang=locale.value,
        title=escape(app.city.app_name.say(locale)),
        name=escape(client.name),
        link=escape(f"{scheme}://sign-in?request={quote(service.sign_request(app, requested))}"),
        words=escape(texts.CONTINUE.say(locale)),
    )
    return HTMLResponse(page, headers=_PAGE_HEADERS)


async def _token(app: App, request: Request) -> Response:
    try:
        form = await _read_form(request)
        client = await _authenticate(request, form)
        issued = await service.exchange(app, client, form)
    except RequestRefused as refused:
        body = {"error": refused.error, "error_description": refused.description}
        if refused.error != "invalid_client":
            return JSONResponse(body, 400, _NO_STORE)
        return JSONResponse(body, 401, _NO_STORE | {"WWW-Authenticate": "Basic"})
    return JSONResponse(
        {
            "access_token": issued.access_token,
            "token_type": "Bearer",
            "expires_in": issued.expires_in_s,
            "scope": " ".join(issued.scopes),
            "id_token": issued.id_token,
        },
        headers=_NO_STORE,
    )


async def _authenticate(request: Request, form: Mapping[str, str]) -> OpenidClient:
    """The client by HTTP Basic or by the form, never by both (RFC 6749 section 2.3)."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        return await service.authenticate_client(form.get("client_id"), form.get("client_secret"))
    if scheme.lower() != "basic" or "client_secret" in form:
        raise RequestRefused("invalid_client", "authenticate in one way")
    try:
        name, _, secret = b64decode(given, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise RequestRefused("invalid_client", "the header is not Basic") from None
    return await service.authenticate_client(unquote_plus(name), unquote_plus(secret))


async def _read_form(request: Request) -> dict[str, str]:
    """The parameters of a form, each there once. Raises RequestRefused."""
    body = await read_body(request, _FORM_MAX_BYTES)
    try:
        pairs = parse_qsl((body or b"").decode("ascii"), strict_parsing=True, max_num_fields=32)
    except ValueError:
        raise RequestRefused("invalid_request", "the body is no form") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise RequestRefused("invalid_request", "a parameter is there twice")
    return form


async def _user_info(app: App, request: Request) -> Response:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        if scheme.lower() != "bearer":
            raise PermissionError
        claims = await service.user_info(app, token.strip(), new_id().hex)
    except PermissionError:
        headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        return JSONResponse({"error": "invalid_token"}, 401, _NO_STORE | headers)
    return JSONResponse(claims, headers=_NO_STORE)


ROUTES = Routes(routes)
