"""Service 18 in GraphQL."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

from core.graphql import (
    IdempotencyKey,
    Info,
    Refused,
    mutation,
    of_service,
    query,
    reading_view,
    view,
)
from core.upstream.readings import Reading
from kinds.lookup import lookup_field
from modules.health.card import service
from modules.health.card.domain import (
    SERVICE,
    CardState,
    HealthCard,
    HealthCardCode,
    HealthCardLink,
)
from modules.health.records.view import source_of

view(CardState, name="HealthCardState")
view(HealthCard)
view(HealthCardLink)
view(HealthCardCode)
HealthCardReading = reading_view(
    "HealthCardReading",
    "The card, and how fresh that is.",
    card=Annotated[HealthCard, "The card; null where there is none yet."],
)
HealthCardLinks = reading_view(
    "HealthCardLinks",
    "How the hospitals know the person, and how fresh that is.",
    items=Annotated[Sequence[HealthCardLink], "One for each hospital that has answered."],
)


@strawberry.type(description="The card has been applied for.")
class HealthCardApplied:
    card: HealthCard = strawberry.field(description="The card.")


ApplyHealthCardResult = Annotated[
    HealthCardApplied | Refused, strawberry.union("ApplyHealthCardResult")
]


@strawberry.type
class Query:
    """The query fields of the card."""

    health_card = lookup_field(
        service.CARD,
        returns=HealthCardReading,
        for_others=True,
        description="The e-health card of the viewer, or of whom they act for.",
    )

    @query(
        of_service(SERVICE, for_others=True),
        description="The numbers that hospitals have for the person. Needs `health.records`.",
        returns=HealthCardLinks,
    )
    async def health_card_links(self, info: Info) -> Reading[Sequence[HealthCardLink]]:
        """Numbers that a hospital has merged stand with the one that remains."""
        call = info.context
        reading = await service.LINKS.read(call)
        return reading.map(
            lambda hospitals: [
                HealthCardLink(
                    source_of(call, at.hospital_ref),
                    next(iter(at.reading.items), None),
                    at.reading.items[1:],
                )
                for at in hospitals
                if at.reading.value is not None
            ]
        )

    @query(
        of_service(SERVICE, for_others=True),
        description="A new code of the card; each opens once, within a minute.",
    )
    async def health_card_code(self, info: Info) -> HealthCardCode:
        """Signed with Ed25519; hospitals check it without a network."""
        issued = await service.issue(info.context)
        return HealthCardCode(issued.text, issued.expires_at)


@strawberry.type
class Mutation:
    """The mutation field of the card."""

    @mutation(
        of_service(SERVICE, for_others=True),
        description="Apply for the card; one person has one. Needs the consent `health.card`.",
    )
    async def apply_health_card(
        self, info: Info, idempotency_key: IdempotencyKey
    ) -> ApplyHealthCardResult:
        """Given at once: the platform knows everybody with a verified name."""
        return HealthCardApplied(card=await service.apply(info.context, idempotency_key))
