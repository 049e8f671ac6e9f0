"""What stands before a GraphQL root field: the rule of access, the mandate, refusals as data.

Every guard asks core.security.authorization and nothing else. A guarded field whose service is
open to guardians and proxies takes the argument `onBehalfOf`; its resolver is then given that call.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, TypeAlias
from uuid import UUID

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.extensions import FieldExtension
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from core.context.call import Call
from core.errors import LoginRequired, NotFound
from core.graphql import resume_tickets
from core.graphql.resume_tickets import Action
from core.people.mandates import act_for
from core.refusal_texts import NOT_FOUND
from core.security.authorization import Need, Scope, decide, need_of

Info: TypeAlias = strawberry.Info[Call, None]

OnBehalfOf: TypeAlias = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description="The person this is done for, by id: a child or an elder that the viewer has "
        "a mandate for. Null for oneself."
    ),
]


class Guard(FieldExtension):
    """Lets only those through whom the rule of the field allows."""

    def __init__(self, need: Need) -> None:
        self._need = need

    def action(self, info: Info, arguments: Mapping[str, Any]) -> Action:
        """What is about to be done, and what it needs."""
        return Action(info.field_name, arguments, self._need)

    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **kwargs: Any
    ) -> Any:
        """Decide, then run the resolver. A refusal that the caller can mend carries a ticket."""
        call, action = info.context, self.action(info, kwargs)
        try:
            decide(call.viewer, action.need, call.app.clock.now())
            resume_tickets.refuse_other(call, action)
            return await self._pass(next_, source, info, kwargs)
        except LoginRequired as refusal:
            if refusal.resume_ticket is None:
                refusal.resume_ticket = resume_tickets.issue(call, action)
            raise

    async def _pass(
        self,
        next_: Callable[..., Awaitable[Any]],
        source: Any,
        info: Info,
        arguments: dict[str, Any],
    ) -> Any:
        return await next_(source, info, **arguments)


class ServiceLevel(Guard):
    """The rule of a catalogue service, and its `onBehalfOf`."""

    def __init__(self, service_id: str, *, for_others: bool = False) -> None:
        super().__init__(Need())
        self.service_id = service_id
        self._for_others = for_others

    def apply(self, field: StrawberryField) -> None:
        """Add the argument `onBehalfOf` where the service is open to guardians and proxies."""
        if self._for_others:
            field.arguments = [*field.arguments, _on_behalf_of()]

    def action(self, info: Info, arguments: Mapping[str, Any]) -> Action:
        """The service's own rule."""
        need = need_of(info.context.app.services[self.service_id])
        return Action(info.field_name, arguments, need, self.service_id)

    async def _pass(
        self,
        next_: Callable[..., Awaitable[Any]],
        source: Any,
        info: Info,
        arguments: dict[str, Any],
    ) -> Any:
        subject = arguments.pop("on_behalf_of", None)
        if subject is not None:
            call = await act_for(info.context, parse_id(subject), service=self.service_id)
            info = _with_call(info, call)
        return await next_(source, info, **arguments)


def staff(scope: Scope) -> Guard:
    """Members of staff with a scope, signed in with their second factor."""
    return Guard(Need(level=1, scope=scope))


def signed_in(level: int = 1, *, fresh: bool = False) -> Guard:
    """Whoever is signed in, at a level."""
    return Guard(Need(level=level, fresh=fresh))


def parse_id(text: str) -> UUID:
    """The id that a client sent. Raises NotFound for what cannot be an id of ours."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(NOT_FOUND) from None


def _on_behalf_of() -> StrawberryArgument:
    return StrawberryArgument(
        python_name="on_behalf_of",
        graphql_name=None,
        type_annotation=StrawberryAnnotation(OnBehalfOf),
        default=None,
    )


def _with_call(info: Info, call: Call) -> Info:
    """The info a resolver is given, with another call as its context."""
    raw = info._raw_info._replace(context=call)
    return type(info)(_raw_info=raw, _field=info._field)
