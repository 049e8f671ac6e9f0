"""Ratings of ended cases in GraphQL."""

from datetime import datetime
from typing import Annotated

import strawberry

from core.context.call import Call
from core.graphql import IdempotencyKey, Info, Refused, by_data, mutation, parse_id, query
from kinds.application import rating, service, store
from kinds.application.graphql import CaseId
from kinds.application.models import Rating

_BY_CASE = by_data("the service, and so the level it asks, is known from the case")


@strawberry.type(description="What its citizen says of an ended case.")
class CaseRating:
    case_id: strawberry.ID = strawberry.field(description="The case.")
    grade: int = strawberry.field(description="1 (very poor) to 5 (very good).")
    labels: list[str] = strawberry.field(description="What was chosen to go with it.")
    text: str | None = strawberry.field(description="What was said.")
    call_back_id: strawberry.ID | None = strawberry.field(
        description="The case of the call-back that follows on a grade of 1 or 2."
    )
    rated_at: datetime = strawberry.field(description="When.")


@strawberry.type(description="The case is rated.")
class CaseRated:
    rating: CaseRating = strawberry.field(description="The rating.")


RateCaseResult = Annotated[CaseRated | Refused, strawberry.union("RateCaseResult")]


@strawberry.type
class Query:
    """The query field of ratings."""

    @query(_BY_CASE, description="What the viewer said of one of their cases; null before that.")
    async def case_rating(self, info: Info, case_id: CaseId) -> CaseRating | None:
        """A rating."""
        case = await service.get_case(info.context, parse_id(case_id))
        row = await store.find_rating(case.id)
        return None if row is None else _rating(info.context, row)


@strawberry.type
class Mutation:
    """The mutation field of ratings."""

    @mutation(_BY_CASE, description="Rate a case that has ended: once.")
    async def rate_case(
        self,
        info: Info,
        case_id: CaseId,
        grade: Annotated[int, strawberry.argument(description="1 (very poor) to 5 (very good).")],
        idempotency_key: IdempotencyKey,
        labels: Annotated[
            list[str] | None, strawberry.argument(description="Up to six words to go with it.")
        ] = None,
        text: Annotated[str, strawberry.argument(description="What there is to say.")] = "",
    ) -> RateCaseResult:
        """A grade of 1 or 2 is called back, and that ends with an answer."""
        row = await rating.rate(
            info.context, parse_id(case_id), grade, labels or (), text, idempotency_key
        )
        return CaseRated(rating=_rating(info.context, row))


def _rating(call: Call, row: Rating) -> CaseRating:
    sealed = row.text_sealed
    return CaseRating(
        case_id=strawberry.ID(str(row.case_id)),
        grade=row.grade,
        labels=row.labels,
        text=call.app.vault.decrypt(sealed, rating.TEXT) if sealed else None,
        call_back_id=strawberry.ID(str(row.call_back_id)) if row.call_back_id else None,
        rated_at=row.rated_at,
    )
