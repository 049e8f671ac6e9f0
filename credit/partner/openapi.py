"""The OpenAPI 3.1 description of the banks' API, made from the declarations that serve it."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from core.context.app import App
from credit.partner import problems, replies
from credit.partner.operation import BASE, Operation, View
from credit.partner.scopes import DESCRIPTIONS, PartnerScope
from credit.partner.tokens import ASSERTION_TYPE, GRANT, token_url_of

VERSION = "1.0.0"
JSON = "application/json"
_TEMPLATE = "#/components/schemas/{model}"
_SECURITY = "bank"

Json = dict[str, Any]


class FieldError(View):
    """One thing that is wrong with a request."""

    pointer: str = Field(description="Where: a JSON pointer into the body, or ? and a parameter.")
    detail: str


class Problem(View):
    """A refusal (RFC 9457). Act on `code`; the sentences are for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[FieldError] = Field(default_factory=list)


class TokenAnswer(View):
    """An access token (RFC 6749 section 5.1)."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str


class TokenError(View):
    """A refusal of the token endpoint (RFC 6749 section 5.2)."""

    error: str
    error_description: str


_REASONS = {
    "304": "It is what you have already.",
    "400": "The request lacks something that it must have.",
    "401": "No good access token, or no good proof with it.",
    "403": "The token lacks the scope, or the application is not yours to decide.",
    "404": "There is no such thing for you.",
    "405": "The address does not know this method.",
    "409": "The present state does not allow it, or your idempotency key is under way.",
    "412": "It has changed since you read it.",
    "413": "The body is too large.",
    "415": "The body is no JSON.",
    "422": "The request does not have its form, breaks a rule, or reuses a key.",
    "428": "If-Match is missing.",
    "429": "Too many requests; Retry-After says when to come again.",
    "500": "A defect of ours; it changed nothing.",
    "503": "We are too busy or the database is away; try again later.",
}


def describe(app: App, operations: Sequence[Operation[Any]]) -> Json:
    """The whole description, for the address that this installation has."""
    schemas, definitions = _schemas(operations)
    paths: Json = {"/partner/token": {"post": _token_operation(schemas)}}
    for operation in operations:
        path = paths.setdefault(BASE + operation.path, {})
        path[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{app.city.app_name.en}: partner banks",
            "version": VERSION,
            "description": "Loans of small companies, for the banks that make them. Amounts are "
            "whole fen, times UTC, dates of Shanghai. Every request carries an access token and a "
            "DPoP proof (RFC 9449); see the guide.",
        },
        "servers": [{"url": app.settings.base_url}],
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": {_SECURITY: _security(app)},
            "headers": _headers(),
        },
    }


def _schemas(operations: Sequence[Operation[Any]]) -> tuple[Mapping[Any, Json], Json]:
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {}
    for model in (Problem, TokenAnswer, TokenError):
        wanted[model, "serialization"] = None
    for operation in operations:
        wanted[operation.answer, "serialization"] = None
        if operation.body is not None:
            wanted[operation.body, "validation"] = None
    schemas, whole = models_json_schema(list(wanted), ref_template=_TEMPLATE)
    return schemas, whole.get("$defs", {})


def _operation(operation: Operation[Any], schemas: Mapping[Any, Json]) -> Json:
    success = _success(operation, schemas)
    described: Json = {
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "security": [{_SECURITY: [operation.scope.value]}],
        "parameters": _parameters(operation),
        "responses": {str(operation.status): success}
        | {code: _refusal(code, schemas) for code in statuses_of(operation)},
    }
    if operation.description:
        described["description"] = operation.description
    if operation.body is not None:
        schema = schemas[operation.body, "validation"]
        described["requestBody"] = {"required": True, "content": {JSON: {"schema": schema}}}
    return described


def statuses_of(operation: Operation[Any]) -> list[str]:
    """What an operation may answer beside its success."""
    codes = {"400", "401", "403", "404", "405", "413", "422", "429", "500", "503"}
    if operation.is_command:
        codes |= {"409", "415"}
    if operation.needs_match:
        codes |= {"412", "428"}
    if operation.has_etag and not operation.is_command:
        codes.add("304")
    return sorted(codes)


def _success(operation: Operation[Any], schemas: Mapping[Any, Json]) -> Json:
    headers = {"RateLimit": _header("RateLimit"), "RateLimit-Policy": _header("RateLimit-Policy")}
    if operation.has_etag:
        headers["ETag"] = _header("ETag")
    schema = schemas[operation.answer, "serialization"]
    return {"description": "Done.", "headers": headers, "content": {JSON: {"schema": schema}}}


def _refusal(code: str, schemas: Mapping[Any, Json]) -> Json:
    described: Json = {"description": _REASONS[code]}
    if code != "304":
        schema = schemas[Problem, "serialization"]
        described["content"] = {problems.MEDIA_TYPE: {"schema": schema}}
    if code == "429":
        described["headers"] = {"Retry-After": _header("Retry-After")}
    if code == "401":
        described["headers"] = {"WWW-Authenticate": _header("WWW-Authenticate")}
    return described


def _parameters(operation: Operation[Any]) -> list[Json]:
    found: list[Json] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "format": "date" if name.endswith("_on") else "uuid"},
        }
        for name in operation.placeholders
    ]
    schema = operation.query.model_json_schema()
    for name, described in schema.get("properties", {}).items():
        found.append({"name": name, "in": "query", "required": False, "schema": described})
    if operation.is_command:
        key = {"type": "string", "pattern": "^[!-~]{8,64}$"}
        text = "Made by you for this command; kept for 24 hours."
        found.append(
            {"name": replies.HEADER, "in": "header", "required": True, "schema": key}
            | {"description": text}
        )
    if operation.needs_match:
        text = "The ETag of what you have read."
        found.append(
            {"name": "If-Match", "in": "header", "required": True, "schema": {"type": "string"}}
            | {"description": text}
        )
    return found


def _token_operation(schemas: Mapping[Any, Json]) -> Json:
    text = {"type": "string"}
    form = {
        "type": "object",
        "required": ["grant_type", "client_assertion_type", "client_assertion"],
        "properties": {
            "grant_type": {"const": GRANT},
            "client_assertion_type": {"const": ASSERTION_TYPE},
            "client_assertion": text,
            "scope": text,
            "client_id": text,
        },
    }
    refused = {JSON: {"schema": schemas[TokenError, "serialization"]}}
    granted = {JSON: {"schema": schemas[TokenAnswer, "serialization"]}}
    body = {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": form}}}
    return {
        "operationId": "issueToken",
        "tags": ["tokens"],
        "summary": "Ask for an access token (RFC 6749, RFC 7523, RFC 9449)",
        "security": [],
        "requestBody": body,
        "responses": {
            "200": {"description": "A token, good for five minutes.", "content": granted},
            "400": {"description": "invalid_request, invalid_scope …", "content": refused},
            "401": {"description": "invalid_client", "content": refused},
            "429": {"description": "Too many tokens.", "content": refused},
            "503": _refusal("503", schemas),
        },
    }


def _security(app: App) -> Json:
    scopes = {scope.value: DESCRIPTIONS[scope] for scope in PartnerScope}
    flow = {"tokenUrl": token_url_of(app), "scopes": scopes}
    return {
        "type": "oauth2",
        "description": "private_key_jwt; tokens are bound to a key: Authorization: DPoP.",
        "flows": {"clientCredentials": flow},
    }


def _header(name: str) -> Json:
    return {"$ref": f"#/components/headers/{name}"}


def _headers() -> Json:
    texts = {
        "RateLimit": "What is left of your minute: r requests, for t seconds.",
        "RateLimit-Policy": "How many requests you have: q in w seconds.",
        "ETag": "The version of what you read, for If-Match.",
        "Retry-After": "Seconds to wait.",
        "WWW-Authenticate": "What is wrong with token or proof (RFC 9449 section 7.1).",
    }
    return {
        name: {"description": text, "schema": {"type": "string"}} for name, text in texts.items()
    }
