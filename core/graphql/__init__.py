"""The GraphQL words that every module shares: scalars, refusals, lists, fields, access rules."""

from core.graphql.fields import (
    PUBLIC_KEY,
    Public,
    mutation,
    public,
    query,
    rule_of,
    subscription,
)
from core.graphql.guards import (
    AccessRule,
    Info,
    OnBehalfOf,
    anybody,
    by_data,
    of_service,
    parse_id,
    signed_in,
    staff,
)
from core.graphql.scalars import SCALARS, Fen
from core.graphql.types import (
    After,
    Connection,
    First,
    HomeSection,
    IdempotencyKey,
    Refusal,
    Refused,
    connection,
    page_size,
)
from core.graphql.views import reading_view, view

__all__ = [
    "PUBLIC_KEY",
    "SCALARS",
    "AccessRule",
    "After",
    "Connection",
    "Fen",
    "First",
    "HomeSection",
    "IdempotencyKey",
    "Info",
    "OnBehalfOf",
    "Public",
    "Refusal",
    "Refused",
    "anybody",
    "by_data",
    "connection",
    "mutation",
    "of_service",
    "page_size",
    "parse_id",
    "public",
    "query",
    "reading_view",
    "rule_of",
    "signed_in",
    "staff",
    "subscription",
    "view",
]
