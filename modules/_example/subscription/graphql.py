"""The service in GraphQL: the viewer's subscriptions, adding one and removing one."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import strawberry

from core.graphql import IdempotencyKey, Info, Refused, mutation, of_service, query, view
from kinds.subscription import list_mine, unsubscribe_field
from modules._example.subscription.models import ExampleSubscriptionDistrict
from modules._example.subscription.subscription import SUBSCRIPTION, add

DistrictCode = Annotated[str, strawberry.argument(description="The district's six-digit code.")]


@view
@dataclass(frozen=True, slots=True)
class ExampleSubscription:
    """A district of whose news the viewer is told."""

    id: Annotated[UUID, "Its id, for removing it."]
    district_code: Annotated[str, "The district's six-digit code."]


AddExampleSubscriptionResult = Annotated[
    ExampleSubscription | Refused, strawberry.union("AddExampleSubscriptionResult")
]


@strawberry.type
class Query:
    """The service's query field."""

    @query(of_service(SUBSCRIPTION.service), description="The districts that the viewer named.")
    async def example_subscriptions(self, info: Info) -> list[ExampleSubscription]:
        """In the order in which they were added."""
        return [_view(row) for row in await list_mine(info.context, SUBSCRIPTION)]


@strawberry.type
class Mutation:
    """The service's mutation fields."""

    @mutation(of_service(SUBSCRIPTION.service), description="Be told a district's news.")
    async def add_example_subscription(
        self, info: Info, district_code: DistrictCode, idempotency_key: IdempotencyKey
    ) -> AddExampleSubscriptionResult:
        """At most three districts."""
        return _view(await add(info.context, district_code, idempotency_key))

    remove_example_subscription = unsubscribe_field(SUBSCRIPTION, description="Be told no more.")


def _view(row: ExampleSubscriptionDistrict) -> ExampleSubscription:
    return ExampleSubscription(row.id, row.district_code)
