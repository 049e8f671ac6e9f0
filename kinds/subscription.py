"""A service to which people subscribe: they name what concerns them, and are told when it happens.

A service declares a `Subscription`: the list that each person keeps and what begins the keys of
its messages. Its job or event handler decides what is told: `tell_all` goes from one occasion to
all whom it concerns, `look_daily` from each subscription to what is due for it, `tell` reaches one
person. An occasion is told a person once, ever: the unique key of their message sees to that, so
jobs may run again, at once with others, or be cut off.
"""

import hashlib
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import strawberry
from tortoise.expressions import Q
from tortoise.models import Model
from tortoise.queryset import QuerySet

from core.clock import civil_date
from core.context.app import App
from core.context.call import Call
from core.context.sweep import Swept, sweep, sweep_pages
from core.database import Transaction, transaction
from core.graphql import IdempotencyKey, Info, Refused, mutation, of_service, parse_id, view
from core.people.directory import find_person
from core.people.parties import list_reached
from core.rooms import ExtensionPoint
from core.upstream.client import UpstreamError
from kinds import owned
from kinds.owned import OwnedList
from notifications import api as notifications
from notifications.api import Parcel, Template

Row = TypeVar("Row", bound=Model)

_OCCASION_CHARS = 80
_BATCH = 64
_WITHIN_S = 240.0
"""No page of a pass is begun later than this: a job that sweeps has a timeout of 300 s."""


@dataclass(frozen=True, slots=True)
class Subscription(Generic[Row]):
    """What people subscribe to with a service of the kind SUBSCRIPTION.

    `rows` are their subscriptions; `adds` and `removes` the mutations that change them, under whose
    names idempotency keys are kept. `keys` begins the keys of the messages.
    """

    service: str
    rows: OwnedList[Row]
    adds: str
    removes: str
    keys: str

    def key_of(self, occasion: str, citizen_id: UUID) -> str:
        """The key of the message that tells a person of an occasion; a long name is hashed."""
        if len(occasion) > _OCCASION_CHARS:
            occasion = hashlib.sha256(occasion.encode()).hexdigest()
        return f"{self.keys}{occasion}:{citizen_id}"


SUBSCRIPTIONS: ExtensionPoint[Subscription[Any]] = ExtensionPoint(
    "subscription", Subscription, key=lambda subscription: subscription.service
)


@dataclass(frozen=True, slots=True)
class Notice:
    """What a person is told: a template and its parameters.

    Without a `deep_link` the message leads to the service's own page.
    """

    template: Template
    params: Mapping[str, object]
    deep_link: str | None = None


async def subscribe(
    call: Call,
    subscription: Subscription[Row],
    key: str,
    row: Mapping[str, Any],
    command: Mapping[str, Any],
) -> Row:
    """Subscribe the viewer, or change the settings of the subscription that is there.

    `row` are its columns, `command` is the input as the client sent it. Raises as `owned.add` does.
    """
    async with transaction() as tx:
        return await owned.add(call, tx, subscription.rows, subscription.adds, key, row, command)


async def unsubscribe(
    call: Call, subscription: Subscription[Row], key: str, **columns: Any
) -> None:
    """End the viewer's subscription that these columns name. Raises as `owned.remove` does."""
    async with transaction() as tx:
        await owned.remove(call, tx, subscription.rows, subscription.removes, key, **columns)


@view
@dataclass(frozen=True, slots=True)
class Unsubscribed:
    """The viewer is told no more."""

    subscription_id: Annotated[str, "The subscription's id."]


def unsubscribe_field(subscription: Subscription[Any], *, description: str) -> Any:
    """The mutation field, under the name `subscription.removes`, that ends one by its id.

    One that is gone already, or somebody else's, is not found.
    """
    union = f"{subscription.removes[0].upper()}{subscription.removes[1:]}Result"

    async def resolve(
        info: Info,
        subscription_id: Annotated[
            strawberry.ID, strawberry.argument(description="The subscription's id.")
        ],
        idempotency_key: IdempotencyKey,
    ) -> Any:
        row_id = parse_id(subscription_id)
        await unsubscribe(info.context, subscription, idempotency_key, id=row_id)
        return Unsubscribed(subscription_id)

    resolve.__annotations__["return"] = Annotated[Unsubscribed | Refused, strawberry.union(union)]
    return mutation(of_service(subscription.service), description=description)(resolve)


async def list_mine(call: Call, subscription: Subscription[Row]) -> Sequence[Row]:
    """The viewer's subscriptions in the order in which they were made."""
    return await owned.list_all(subscription.rows, call.require_viewer().user_id)


async def tell(
    app: App,
    subscription: Subscription[Any],
    citizen_id: UUID,
    occasion: str,
    notice: Notice,
    *,
    note: Callable[[Transaction], Awaitable[bool]] | None = None,
) -> None:
    """Tell a person of an occasion, once ever; of a child without a phone its guardians are told.

    Who has no account any more is told nothing.

    `note(tx)` records it in the service's own table, in the message's transaction; where it answers
    False the person was told before.
    """
    person = await find_person(app, citizen_id)
    if person is None:
        return
    page = app.city.deep_link.format(id=subscription.service)
    parcels = [
        Parcel(reader, notice.params)
        for reader in await list_reached(app, person, subscription.service)
    ]
    async with transaction() as tx:
        if note is not None and not await note(tx):
            return
        key, link = subscription.key_of(occasion, citizen_id), notice.deep_link or page
        await notifications.send_many(app, tx, notice.template, parcels, key, deep_link=link)


async def tell_all(
    app: App,
    subscription: Subscription[Row],
    occasion: str,
    rows: QuerySet[Row],
    notice_of: Callable[[Row], Notice | None],
    *,
    earlier: str | None = None,
) -> Swept:
    """Tell of one occasion all whom it concerns and who do not know of it yet.

    `rows` are the subscriptions that it may concern; `notice_of` decides for each, None where it
    does not. With `earlier`, only those are told who were told of that occasion: of its end.
    """

    async def list_page(after: UUID, limit: int) -> Sequence[Row]:
        return await rows.filter(id__gt=after).order_by("id").limit(limit)

    async def choose(page: Sequence[Row]) -> Sequence[Row]:
        people = {_citizen_of(row) for row in page}
        reached = await _reached(subscription, occasion, people)
        if earlier is not None:
            reached |= people - await _reached(subscription, earlier, people)
        return [row for row in page if _citizen_of(row) not in reached]

    async def tell_one(row: Row) -> None:
        notice = notice_of(row)
        if notice is not None:
            await tell(app, subscription, _citizen_of(row), occasion, notice)

    return await sweep_pages(
        app,
        subscription.service,
        list_page,
        tell_one,
        key=lambda row: row.pk,
        choose=choose,
        within_s=_WITHIN_S,
    )


async def look_daily(
    app: App,
    subscription: Subscription[Row],
    look: Callable[[Row], Awaitable[None]],
    *,
    at_once: int = 8,
    waits: tuple[type[Exception], ...] = (UpstreamError,),
) -> None:
    """Call `look` for every subscription once a Shanghai day, the longest untried first.

    Its table has the columns `tried_at` and `checked_on`. A look that raises is repeated in the
    next pass, after all others; `waits` are errors that are nobody's fault.
    """
    started_at, until_s = app.clock.now(), time.monotonic() + _WITHIN_S
    rows_of = subscription.rows

    async def look_once(row: Row) -> None:
        await look(row)
        await rows_of.model.filter(id=row.pk).update(checked_on=civil_date(started_at))

    while time.monotonic() < until_s:
        rows = await _list_unchecked(rows_of, started_at)
        if not rows:
            return
        await rows_of.model.filter(id__in=[row.pk for row in rows]).update(tried_at=started_at)
        await sweep(app, subscription.service, rows, look_once, waits=waits, at_once=at_once)


async def _list_unchecked(rows_of: OwnedList[Row], started_at: datetime) -> Sequence[Row]:
    """Subscriptions not looked at today nor tried in this pass, the longest untried first."""
    model = rows_of.model
    unchecked = Q(checked_on__isnull=True) | Q(checked_on__lt=civil_date(started_at))
    untried = Q(tried_at__isnull=True) | Q(tried_at__lt=started_at)
    rows = model.filter(unchecked, untried, **rows_of.within)
    never = await rows.filter(tried_at__isnull=True).order_by("id").limit(_BATCH)
    return never or await rows.order_by("tried_at", "id").limit(_BATCH)


async def _reached(
    subscription: Subscription[Any], occasion: str, citizen_ids: Collection[UUID]
) -> set[UUID]:
    """Those of some people who were told of an occasion."""
    key_of = partial(subscription.key_of, occasion)
    people = {key_of(citizen_id): citizen_id for citizen_id in citizen_ids}
    return {people[key] for key in await notifications.list_sent(people)}


def _citizen_of(row: Model) -> UUID:
    citizen_id: UUID = row.citizen_id  # type: ignore[attr-defined]
    return citizen_id
