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
from core.graphql.places import (
    RADIUS_M,
    At,
    GeoAreaInput,
    GeoPointInput,
    RadiusM,
    radius_within,
)
from core.graphql.scalars import SCALARS, Fen
from core.graphql.types import (
    After,
    Connection,
    First,
    HomeSection,
    IdempotencyKey,
    Refused,
    connection,
    page_size,
)
from core.graphql.views import reading_view, view

__all__ = [
    "PUBLIC_KEY",
    "RADIUS_M",
    "SCALARS",
    "AccessRule",
    "After",
    "At",
    "Connection",
    "Fen",
    "First",
    "GeoAreaInput",
    "GeoPointInput",
    "HomeSection",
    "IdempotencyKey",
    "Info",
    "OnBehalfOf",
    "Public",
    "RadiusM",
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
    "radius_within",
    "reading_view",
    "rule_of",
    "signed_in",
    "staff",
    "subscription",
    "view",
]
